#!/usr/bin/env bash
# What a node-manager with these capabilities says of an attachment whose container is gone.
# It runs in the PID namespace of all processes, as only there it can say anything; network
# and mounts are its own. Usage: unshare --net --mount capabilities.sh BIN_DIR WORK CAPABILITIES
set -euo pipefail

bin=$1 work=$2 capabilities=$3

mount --make-rprivate /
mkdir -p /run/wgcni /run/wireguard /run/netns
for directory in /run/wgcni /run/wireguard /run/netns; do
    mount -t tmpfs -o mode=755 tmpfs "$directory"
done
mount -t sysfs sysfs /sys
ip link set lo up
ip link add uplink type veth peer name away
ip address add 192.0.2.7/24 dev uplink
ip link set away up
ip link set uplink up

node=(--insecure-plaintext --node x --state-dir "$work/node" --endpoint 192.0.2.7)
"$bin/cluster-manager" serve --config /dev/null --insecure-plaintext --state-dir "$work/manager" \
    --cluster-id 0123456789abcdef0123456789abcdef \
    --listen 127.0.0.1:7400 --join-listen 127.0.0.1:7401 2>"$work/manager.log" &
manager=$!
setpriv --no-new-privs --bounding-set="-all$capabilities" \
    "$bin/node-manager" serve "${node[@]}" 2>"$work/node.log" &
daemon=$!
# A process of another user: not everybody may look at it.
setpriv --reuid=65534 --regid=65534 --clear-groups sleep 60 &
other=$!

stop() {
    kill "$other" "$daemon" "$manager" 2>/dev/null || true
    wait
    "$bin/node-manager" cleanup --purge "${node[@]}" 2>>"$work/node.log" || cat "$work/node.log" >&2
}
trap stop EXIT

cni() {
    CNI_COMMAND=$1 CNI_CONTAINERID=gone CNI_NETNS=/run/netns/gone CNI_IFNAME=eth0 CNI_PATH=$bin \
        "$bin/wireguard-cni" <<<"{\"cniVersion\":\"$2\",\"name\":\"wgnet\",\"type\":\"wireguard-cni\"}"
}
for _ in {1..100}; do
    cni STATUS 1.1.0 >/dev/null 2>&1 && break
    sleep 0.1
done
ip netns add gone
cni ADD 1.0.0 >/dev/null
ip netns delete gone
"$bin/node-manager" reclaim --dry-run "${node[@]}" 2>&1 || true
