#!/usr/bin/env bash
# Two hosts with a WireGuard device each. See README.md.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# An address of the cluster that is nobody's.
STRANGER=10.64.9.9

build() {
    add_hosts "$MESH_PORT" ash birch
    add_mesh ash
    add_mesh birch
    join_mesh ash birch
    join_mesh birch ash
    count ash raw PREROUTING birch -i "$(device ash-mesh)" -s "$(address_v4 birch 1)"
    count ash raw PREROUTING stranger -i "$(device ash-mesh)" -s $STRANGER
    count ash raw PREROUTING encrypted -i cable -p udp --dport "$MESH_PORT" "${PING[@]}"
}

prove() {
    proof "ash reaches birch, IPv4 and IPv6" \
        both_reach ash "$(address_v4 birch 1)" "$(address_v6 birch 1)"
    proof "birch reaches ash, IPv4 and IPv6" \
        both_reach birch "$(address_v4 ash 1)" "$(address_v6 ash 1)"
    proof "the two have shaken hands" has_handshake ash ash-mesh
    proof "nothing but WireGuard left or entered ash by the cable" cable_is_clean ash
    proof "nor birch" cable_is_clean birch
    proof "without WireGuard there is no way" is_silent ash 192.0.2.2
    prove_addresses_belong_to_keys
    proof "an address of the cluster without a route is unreachable, not sent in the clear" \
        fails_closed
}

# Silence alone proves little here: an answer would not find its way back.
prove_addresses_belong_to_keys() {
    proof "ash takes what birch sends from its own address" \
        rises ash raw PREROUTING birch ping_once birch "$(address_v4 ash 1)"
    proof "what birch sends from another's address does not come out of ash's device" \
        not rises ash raw PREROUTING stranger \
        pretend birch birch-mesh $STRANGER "$(address_v4 ash 1)"
    proof "though it comes to ash" \
        rises ash raw PREROUTING encrypted \
        pretend birch birch-mesh $STRANGER "$(address_v4 ash 1)"
}

fails_closed() {
    is_told ash 10.64.77.1 'no route|unreachable' &&
        is_told ash fd00:64:0:77::1 'no route|unreachable'
}

main "$@"
