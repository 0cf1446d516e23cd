#!/usr/bin/env bash
# Two nodes with a hub each, and containers whose only network is a WireGuard device.
# See README.md.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

build() {
    add_cluster
    count db filter INPUT web -s "$(container_v4 web)"
    count ash raw PREROUTING as-api -i "$(device ash-hub)" -s "$(container_v4 api)"
    count ash raw PREROUTING encrypted -i lo -p udp --sport "$(port_of web web)" "${PING[@]}"
}

prove() {
    prove_everybody_reaches_everybody
    prove_containers_have_one_way_out
    prove_addresses_belong_to_keys
    proof "nothing but WireGuard left or entered ash by the cable" cable_is_clean ash
    proof "nor birch" cable_is_clean birch
    prove_the_network_below_is_closed
}

prove_everybody_reaches_everybody() {
    local from to
    for from in "${CONTAINERS[@]}"; do
        for to in "${CONTAINERS[@]}"; do
            [ "$from" = "$to" ] || proof "$from reaches $to, IPv4 and IPv6" talks "$from" "$to"
        done
    done
    proof "a container sees the true address of another one" \
        rises db filter INPUT web ping_once web "$(container_v4 db)"
}

prove_containers_have_one_way_out() {
    local container host
    for container in "${CONTAINERS[@]}"; do
        host=$(host_of "$container")
        proof "$container has loopback and its WireGuard device, nothing else" \
            has_only "$container" lo "$(device "$container")"
        proof "the UDP socket of $container is in $host" socket_is_outside "$container" "$host"
    done
}

# Last, because the packets that are dropped here are counted at the cable.
prove_the_network_below_is_closed() {
    count ash raw PREROUTING below -d 192.0.2.2
    proof "what web sends to the network below comes to ash" \
        rises ash raw PREROUTING below ping_once web 192.0.2.2
    proof "and no further" is_silent web 192.0.2.2
}

prove_addresses_belong_to_keys() {
    proof "the hub takes what api sends from its own address" \
        rises ash raw PREROUTING as-api ping_once api "$(container_v4 db)"
    proof "what web sends from api's address does not come out of the hub" \
        not rises ash raw PREROUTING as-api \
        pretend web web "$(container_v4 api)" "$(container_v4 db)"
    proof "though it comes to ash" \
        rises ash raw PREROUTING encrypted \
        pretend web web "$(container_v4 api)" "$(container_v4 db)"
}

main "$@"
