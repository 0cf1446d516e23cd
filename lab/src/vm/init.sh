#!/bin/busybox sh
# The guest's first process: mounts the disk, starts the cluster-manager, then does
# what the lab asked for on the kernel's command line (round=N).

# What the firmware printed has no end of line; ours must not stick to it.
echo
/bin/busybox --install -s /bin
export PATH=/bin
dmesg -n 1 # nor may the kernel speak into the middle of a line
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in /modules/*.ko; do insmod "$module"; done
mount -t ext4 /dev/vda /var/lib/wgcni || poweroff -f
ip link set lo up

export WGCNI_LEASE_LENGTH_V4=30 WGCNI_LEASE_LENGTH_V6=80 WGCNI_LOG=warn
config=/var/lib/wgcni/cluster-manager.toml
[ -e "$config" ] || { cluster-manager init --config "$config" --non-interactive && sync; }
cluster-manager serve --config "$config" &

for word in $(cat /proc/cmdline); do
    case "$word" in round=*) round="${word#round=}" ;; esac
done
lab guest-list
lab guest-load "$round"
poweroff -f
