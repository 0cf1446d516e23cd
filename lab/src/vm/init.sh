#!/bin/busybox sh
# The guest's first process: what every task needs, then the task.

# What the firmware printed has no end of line; ours must not stick to it.
echo
# Applets for what the image has no program of its own for.
/bin/busybox --install -s /bin
export PATH=/bin
dmesg -n 1 # nor may the kernel speak into the middle of a line
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
# The shell prefers its own applet by that name, which is enough here.
ip link set lo up
. /task.sh
poweroff -f
