#!/usr/bin/env bash
# Two containers on two hosts with a tunnel of their own: no hub, no mesh.
# See README.md.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Each container has a port of its host.
FIRST_PORT=51830
LAST_PORT=51839

build() {
    add_hosts $FIRST_PORT:$LAST_PORT ash birch
    add_single web ash $FIRST_PORT
    add_single db birch $FIRST_PORT
    add_single mail birch $LAST_PORT
    connect web db
    connect db web
    # mail knows web, and web does not know mail.
    connect mail web
    count ash raw PREROUTING tunnel -i cable -p udp --dport $FIRST_PORT
}

# A container without a node: `add_single NAME HOST PORT`
add_single() {
    add_namespace "$1"
    add_device "$1" "$2" "$3" "$1"
    add_addresses "$1" "$1" "$(container_v4 "$1")" "$(container_v6 "$1")"
}

# Makes a container know another one: its key, its host, its address.
connect() {
    local v4 v6
    v4=$(container_v4 "$2")/32 v6=$(container_v6 "$2")/128
    add_peer "$1" "$1" "$2" "$2" "$(underlay "$(host_of "$2")"):$FIRST_PORT" "$v4,$v6"
    add_route "$1" "$1" "$v4" "$v6"
}

prove() {
    local host
    proof "web reaches db, IPv4 and IPv6" talks web db
    proof "db reaches web, IPv4 and IPv6" talks db web
    proof "they have shaken hands with each other, not with their hosts" has_handshake web web
    proof "what db sends comes to ash as UDP to the port of web" \
        rises ash raw PREROUTING tunnel ping_once db "$(container_v4 web)"
    proof "the UDP socket of web is in ash" socket_is_outside web ash
    proof "the UDP socket of db is in birch" socket_is_outside db birch
    for host in ash birch; do
        proof "$host has no interface of the overlay" has_only "$host" lo cable
        proof "$host has no route of the overlay" not has_overlay_route "$host"
        proof "$host forwards nothing" forwards_nothing "$host"
        proof "nothing but WireGuard left or entered $host by the cable" cable_is_clean "$host"
    done
    proof "mail knows web, but web does not know the key of mail: no way" does_not_talk mail web
    proof "web does not reach mail" does_not_talk web mail
}

has_overlay_route() { at "$1" ip route show table all | grep -qE '10\.64\.|fd00:64:'; }

forwards_nothing() {
    [ "$(at "$1" sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding | paste -sd ' ')" = "0 0" ]
}

main "$@"
