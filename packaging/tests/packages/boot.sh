#!/usr/bin/env bash
# Boots a machine: systemd over a root that stays as it is, in namespaces of its own.
# Everything that is mounted here is so in this process's mount namespace alone, and goes
# with it. Usage: unshare --mount boot.sh NAME ROOT WORK BIND...
set -euo pipefail

name=$1 root=$2 work=$3
shift 3
binds=("${@/#/--bind-ro=}")

mount --make-rprivate /
mkdir "$work/upper" "$work/root"
mount -t tmpfs tmpfs "$work/upper"
mkdir "$work/upper/files" "$work/upper/work"
mount -t overlay overlay "$work/root" \
    -o "lowerdir=$root,upperdir=$work/upper/files,workdir=$work/upper/work"

# Whatever the host has: cgroup v2, as Debian's systemd wants it.
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir "/sys/fs/cgroup/$name"
echo $$ >"/sys/fs/cgroup/$name/cgroup.procs"

# What it notes of machines goes with it, too.
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn

systemd-nspawn --quiet --boot --register=no --keep-unit --link-journal=no --console=pipe \
    --private-network --capability=all --bind=/dev/net/tun "${binds[@]}" \
    --machine="$name" --directory="$work/root" </dev/null || true

echo $$ >/sys/fs/cgroup/cgroup.procs
find "/sys/fs/cgroup/$name" -depth -type d -exec rmdir {} +
