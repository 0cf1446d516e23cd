# shellcheck shell=bash
# What the scripts share: runs and their names, hosts, WireGuard devices, proofs.
#
# A run has a name of four hexadecimal digits, which is part of the name of each thing
# that it makes; the file of its processes lies in $POC_DIR. Nothing is made in the
# machine's own network namespace.

# Where runs are written down.
POC_DIR=${POC_DIR:-/run/wgcni-poc}
# Where WireGuard runs: kernel, userspace, or auto: the kernel where it can.
POC_WIREGUARD=${POC_WIREGUARD:-auto}
# Where wireguard-go has its control sockets. The whole machine shares it, so that names
# of devices are unique.
SOCKETS=/var/run/wireguard

# The cluster's prefixes, and the ports, as the real programs have them.
CLUSTER=(10.64.0.0/12 fd00:64::/48)
MESH_PORT=51820
HUB_PORT=51819

script=$(basename "$0")
number=${script%%-*}

say() { printf '%s\n' "$*"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# --- Runs -----------------------------------------------------------------------------

usage() {
    cat <<TEXT
usage: $script run              create, check and teardown
       $script create           prints the name of the run
       $script check [RUN]      proves; exit code 1 where a proof fails
       $script teardown [RUN]   may be repeated
RUN is needed where there is more than one of this script's.
TEXT
}

runs_of_script() {
    local file
    for file in "$POC_DIR/$number"-*; do
        [ ! -e "$file" ] || basename "${file#"$POC_DIR/$number-"}"
    done
}

# Sets the run to the one that is named, or the only one there is; fails without any.
choose_run() {
    local runs
    mapfile -t runs < <(runs_of_script)
    if [ -n "${1:-}" ]; then
        name_run "$1"
        [ -e "$processes" ]
    elif [ ${#runs[@]} -gt 1 ]; then
        die "more than one run of $script: ${runs[*]}"
    else
        [ ${#runs[@]} = 1 ] && name_run "${runs[0]}"
    fi
}

# Everything that a run makes is found by its name.
name_run() {
    [[ $1 =~ ^[0-9a-f]{4}$ ]] || die "the name of a run is four hexadecimal digits, not $1"
    run=$1
    processes=$POC_DIR/$number-$run
}

# Takes a name that nobody has, and writes it down before anything is made.
new_run() {
    mkdir -p "$POC_DIR"
    while name_run "${POC_RUN:-$(printf %04x $((RANDOM * 2 + RANDOM % 2)))}"; do
        (set -o noclobber && : >"$processes") 2>/dev/null && return
        [ -z "${POC_RUN:-}" ] || die "there is a run $run already"
    done
}

# What each script ends with. It has functions `build` and `prove`.
main() {
    [ "$(id -u)" = 0 ] || die "namespaces and interfaces need root"
    case ${1:-} in
        create)
            new_run
            build_or_undo
            trap - EXIT
            say "run $run is up: $script check $run; $script teardown $run"
            ;;
        check)
            choose_run "${2:-}" || die "no such run: $script create"
            prove_all
            ;;
        teardown)
            choose_run "${2:-}" || return 0
            take_down
            ;;
        run)
            new_run
            build_or_undo
            prove_all
            ;;
        *)
            usage >&2
            exit 2
            ;;
    esac
}

# Half a run is taken down again, also one that is interrupted.
build_or_undo() {
    trap take_down EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    choose_wireguard
    build
}

# Removal goes on after a failure and says so at the end.
take_down() {
    local status=$? id started namespace
    set +e
    while read -r id started; do
        end_process "$id" "$started" || status=1
    done <"$processes"
    for namespace in /run/netns/poc-"$run"-*; do
        [ ! -e "$namespace" ] || ip netns delete "${namespace##*/}" || status=1
    done
    rm -f "$SOCKETS"/*-"$run".sock "$processes"
    rmdir --ignore-fail-on-non-empty "$POC_DIR" 2>/dev/null
    trap - EXIT
    exit "$status"
}

# A process id may be somebody else's meanwhile: the time of its start may not.
start_of() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    stat=${stat##*) }
    # One that has ended and waits for its parent is as good as gone.
    [ "${stat:0:1}" != Z ] || return 1
    # Field 22 of the line, and what was cut off had two.
    cut -d ' ' -f 20 <<<"$stat"
}

end_process() {
    local signal try
    for signal in TERM KILL; do
        for try in {1..50}; do
            [ "$(start_of "$1")" = "$2" ] || return 0
            [ "$try" != 1 ] || kill -s "$signal" "$1" 2>/dev/null
            sleep 0.05
        done
    done
    say "process $1 does not end" >&2
    return 1
}

# --- Hosts ----------------------------------------------------------------------------

# Name of the namespace of a host or container.
ns() { printf 'poc-%s-%s' "$run" "$1"; }

# Runs a program in a host or container.
at() {
    local where=$1
    shift
    nsenter --net="/run/netns/$(ns "$where")" -- "$@"
}

add_namespace() {
    ip netns add "$(ns "$1")"
    at "$1" ip link set lo up
}

# Two hosts with a cable between them, at 192.0.2.1 and 192.0.2.2. What leaves or enters
# a host by the cable must be WireGuard between nodes: a firewall drops, and counts,
# whatever else there is.
#   add_hosts PORTS ONE OTHER
add_hosts() {
    local ports=$1 host
    shift
    add_namespace "$1"
    add_namespace "$2"
    # Without IPv6 below, nothing but ARP is there that iptables does not see.
    for host in "$@"; do
        at "$host" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
    done
    at "$1" ip link add cable type veth peer name cable netns "$(ns "$2")"
    at "$1" ip address add 192.0.2.1/24 dev cable
    at "$2" ip address add 192.0.2.2/24 dev cable
    for host in "$@"; do
        at "$host" sysctl -qw net.ipv6.conf.default.disable_ipv6=0
        at "$host" ip link set cable up
        at "$host" iptables -A INPUT -i cable -p udp --dport "$ports" -j ACCEPT
        at "$host" iptables -A INPUT -i cable -j DROP
        at "$host" iptables -A FORWARD -i cable -j DROP
        at "$host" iptables -A FORWARD -o cable -j DROP
        at "$host" iptables -A OUTPUT -o cable -p udp --dport "$ports" -j ACCEPT
        at "$host" iptables -A OUTPUT -o cable -j DROP
    done
}

underlay() {
    case $1 in
        ash) echo 192.0.2.1 ;;
        birch) echo 192.0.2.2 ;;
    esac
}

# The same rule for both families.
firewall() {
    local host=$1
    shift
    at "$host" iptables "$@"
    at "$host" ip6tables "$@"
}

# --- WireGuard ------------------------------------------------------------------------

choose_wireguard() {
    [ "$POC_WIREGUARD" = auto ] || return 0
    POC_WIREGUARD=userspace
    add_namespace probe
    at probe ip link add probe type wireguard 2>/dev/null && POC_WIREGUARD=kernel
    ip netns delete "$(ns probe)"
    [ $POC_WIREGUARD = kernel ] || command -v wireguard-go >/dev/null ||
        die "this kernel has no WireGuard: install wireguard-go"
}

# Name of a device: of the host's mesh or hub, or of a container's link.
device() { printf '%s-%s' "$1" "$run"; }

# Makes a device in a host's namespace, with a new key, and moves it into another one.
# Its UDP socket stays where it was made.
#   add_device NAME HOST PORT [CONTAINER]
add_device() {
    local name host=$2 port=$3 place=${4:-$2}
    name=$(device "$1")
    if [ "$POC_WIREGUARD" = kernel ]; then
        at "$host" ip link add "$name" type wireguard
    else
        start_engine "$host" "$name"
    fi
    [ "$place" = "$host" ] || at "$host" ip link set "$name" netns "$(ns "$place")"
    # The key goes from a pipe into the device, and is nowhere else.
    wg genkey | at "$place" wg set "$name" listen-port "$port" private-key /dev/stdin
    # What is encrypted on the way between hosts is, so that it fits there: once.
    at "$place" ip link set "$name" mtu 1420
}

# One wireguard-go for a device. It ends with its TUN, or when the run is taken down.
start_engine() {
    local id try
    WG_PROCESS_FOREGROUND=1 LOG_LEVEL=error \
        nsenter --net="/run/netns/$(ns "$1")" -- wireguard-go -f "$2" \
        </dev/null >/dev/null 2>&1 &
    id=$!
    disown
    printf '%s %s\n' "$id" "$(start_of "$id")" >>"$processes"
    for try in {1..100}; do
        [ ! -S "$SOCKETS/$2.sock" ] || return 0
        [ -e "/proc/$id" ] || break
        sleep 0.05
    done
    die "wireguard-go for $2 does not run (try $try): is there a /dev/net/tun?"
}

public_key() { at "$1" wg show "$(device "$2")" public-key; }

# Makes two devices peers of each other, on one side.
#   add_peer PLACE NAME PEER-PLACE PEER-NAME ENDPOINT|- ALLOWED-IPS
add_peer() {
    local endpoint=()
    [ "$5" = - ] || endpoint=(endpoint "$5")
    at "$1" wg set "$(device "$2")" peer "$(public_key "$3" "$4")" \
        "${endpoint[@]}" allowed-ips "$6"
}

# Gives a device its addresses.
add_addresses() {
    local place=$1 name
    name=$(device "$2")
    at "$place" ip address add "$3/32" dev "$name"
    at "$place" ip address add "$4/128" dev "$name" nodad
    at "$place" ip link set "$name" up
}

add_route() {
    local place=$1 name
    name=$(device "$2")
    at "$place" ip route add "$3" dev "$name"
    at "$place" ip -6 route add "$4" dev "$name"
}

# --- A node and its containers, as the real programs make them -------------------------

# Number of a host: of its lease 10.64.N.0/24 and fd00:64:0:N::/64.
lease_number() {
    case $1 in
        ash) echo 1 ;;
        birch) echo 2 ;;
    esac
}
lease_v4() { echo "10.64.$(lease_number "$1").0/24"; }
lease_v6() { echo "fd00:64:0:$(lease_number "$1")::/64"; }
address_v4() { echo "10.64.$(lease_number "$1").$2"; }
address_v6() { echo "fd00:64:0:$(lease_number "$1")::$2"; }

# A node's mesh device. What belongs to the cluster and has no route goes nowhere, so
# that a route that is missing lets nothing out in the clear.
add_mesh() {
    add_device "$1-mesh" "$1" $MESH_PORT
    add_addresses "$1" "$1-mesh" "$(address_v4 "$1" 1)" "$(address_v6 "$1" 1)"
    at "$1" ip route add unreachable "${CLUSTER[0]}"
    at "$1" ip -6 route add unreachable "${CLUSTER[1]}"
}

# Makes a host's mesh know another host: its key, where it is, and its lease.
join_mesh() {
    add_peer "$1" "$1-mesh" "$2" "$2-mesh" "$(underlay "$2"):$MESH_PORT" \
        "$(lease_v4 "$2"),$(lease_v6 "$2")"
    add_route "$1" "$1-mesh" "$(lease_v4 "$2")" "$(lease_v6 "$2")"
}

# A node's hub: the WireGuard that its containers talk to, over loopback.
add_hub() {
    local mesh hub
    mesh=$(device "$1-mesh") hub=$(device "$1-hub")
    add_device "$1-hub" "$1" $HUB_PORT
    add_addresses "$1" "$1-hub" "$(address_v4 "$1" 1)" "$(address_v6 "$1" 1)"
    add_route "$1" "$1-hub" "$(lease_v4 "$1")" "$(lease_v6 "$1")"
    at "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    # Between the overlay's interfaces everything passes; nothing else is forwarded.
    firewall "$1" -N OVERLAY
    firewall "$1" -A FORWARD -j OVERLAY
    firewall "$1" -A FORWARD -i "$hub" -o "$hub" -j ACCEPT
    firewall "$1" -A FORWARD -i "$hub" -o "$mesh" -j ACCEPT
    firewall "$1" -A FORWARD -i "$mesh" -o "$hub" -j ACCEPT
    firewall "$1" -P FORWARD DROP
    # Services of the host are closed to containers.
    at "$1" iptables -A INPUT -i "$hub" ! -p icmp -j DROP
    at "$1" ip6tables -A INPUT -i "$hub" ! -p icmpv6 -j DROP
}

# A container: its only network is a WireGuard device whose only peer is the hub.
add_container() {
    local host v4 v6
    host=$(host_of "$1") v4=$(container_v4 "$1") v6=$(container_v6 "$1")
    add_namespace "$1"
    add_device "$1" "$host" 0 "$1"
    add_peer "$1" "$1" "$host" "$host-hub" "127.0.0.1:$HUB_PORT" 0.0.0.0/0,::/0
    add_addresses "$1" "$1" "$v4" "$v6"
    add_route "$1" "$1" default default
    # The hub learns where the container is from its first packet, and so that it can be
    # the first to speak, from an empty one now and then.
    add_peer "$host" "$host-hub" "$1" "$1" - "$v4/32,$v6/128"
    at "$1" wg set "$(device "$1")" peer "$(public_key "$host" "$host-hub")" \
        persistent-keepalive 25
}

# Containers of the examples.
CONTAINERS=(web api db cache)

host_of() {
    case $1 in
        web | api) echo ash ;;
        db | cache | mail) echo birch ;;
    esac
}

# Number in the host's lease.
number_of() {
    case $1 in
        web | db) echo 2 ;;
        api | cache) echo 3 ;;
        mail) echo 4 ;;
    esac
}

container_v4() { address_v4 "$(host_of "$1")" "$(number_of "$1")"; }
container_v6() { address_v6 "$(host_of "$1")" "$(number_of "$1")"; }

# Two nodes, each with a hub and two containers.
add_cluster() {
    local host container
    add_hosts $MESH_PORT ash birch
    for host in ash birch; do
        add_mesh "$host"
        add_hub "$host"
    done
    join_mesh ash birch
    join_mesh birch ash
    for container in "${CONTAINERS[@]}"; do
        add_container "$container"
    done
}

# --- Proofs ---------------------------------------------------------------------------

# Runs all proofs and says how many hold.
prove_all() {
    proven=0 failed=0
    prove
    say "$script: $proven proven, $failed failed"
    [ "$failed" = 0 ]
}

# Says what a command proves, and counts: `proof TEXT COMMAND...`
proof() {
    local text=$1
    shift
    if "$@"; then
        proven=$((proven + 1))
        say "  proven  $text"
    else
        failed=$((failed + 1))
        say "  FAILED  $text"
    fi
}

not() { ! "$@"; }

ping_once() { at "$1" ping -n -q -c 1 -W 2 "${@:2}" >/dev/null 2>&1; }

# Whether an address answers, within the time of some handshakes.
reaches() {
    local try
    for try in {1..6}; do
        ping_once "$@" && return
        [ "$try" = 6 ] || sleep 0.2
    done
    return 1
}

# Whether an address does not answer. Only worth something beside one that does.
is_silent() { ! at "$1" ping -n -q -c 2 -i 0.2 -W 1 "${@:2}" >/dev/null 2>&1; }

# Whether a place is told at once why it does not reach an address.
is_told() {
    local output
    output=$(at "$1" ping -n -c 1 -W 2 "$2" 2>&1) && return 1
    grep -qiE "$3" <<<"$output"
}

both_reach() { reaches "$1" "$2" && reaches "$1" "$3"; }
both_are_silent() { is_silent "$1" "$2" && is_silent "$1" "$3"; }

# The same by names of containers.
talks() { both_reach "$1" "$(container_v4 "$2")" "$(container_v6 "$2")"; }
does_not_talk() { both_are_silent "$1" "$(container_v4 "$2")" "$(container_v6 "$2")"; }

# Matches a ping as it is encrypted: 84 bytes, filled up to 96, and 60 around them. Empty
# packets and handshakes have other lengths.
# shellcheck disable=SC2034
PING=(-m length --length 156)

# Counts packets without doing anything to them: `count PLACE TABLE CHAIN TAG MATCH...`
count() { at "$1" iptables -t "$2" -A "$3" "${@:5}" -m comment --comment "count-$4"; }

# How many packets the rules of a chain have seen whose line has a text.
#   packets PLACE TABLE CHAIN TEXT
packets() {
    at "$1" iptables -t "$2" -nvxL "$3" |
        awk -v text="$4" 'index($0, text) { n += $1 } END { print n + 0 }'
}

# Whether a counter rises while a command runs, whatever comes of the command.
#   rises PLACE TABLE CHAIN TAG COMMAND...
rises() {
    local before
    before=$(packets "$1" "$2" "$3" "count-$4")
    "${@:5}" || true
    [ "$(packets "$1" "$2" "$3" "count-$4")" -gt "$before" ]
}

# Whether only WireGuard has come to, or gone from, a host by the cable.
cable_is_clean() {
    local chain
    for chain in INPUT OUTPUT FORWARD; do
        [ "$(at "$1" iptables -nvxL $chain | awk '$3 == "DROP" && / cable / { n += $1 } END { print n + 0 }')" = 0 ] ||
            return 1
    done
}

# Sends from an address that a place does not have.
#   pretend PLACE DEVICE ADDRESS TARGET
pretend() {
    local name
    name=$(device "$2")
    at "$1" ip address add "$3/32" dev "$name"
    ping_once "$1" -I "$3" "$4" || true
    at "$1" ip address delete "$3/32" dev "$name"
}

# Whether a peer has shaken hands in the last three minutes.
has_handshake() {
    local at
    at=$(at "$1" wg show "$(device "$2")" latest-handshakes | cut -f 2 | sort -n | tail -n 1)
    [ $(($(date +%s) - ${at:-0})) -lt 180 ]
}

port_of() { at "$1" wg show "$(device "$2")" listen-port; }

# Whether somebody in a namespace listens on a UDP port.
listens() { [ -n "$(at "$1" ss -Hlun "sport = :$2")" ]; }

# Whether a device's UDP socket is in a host and not in the container.
socket_is_outside() {
    local port
    port=$(port_of "$1" "$1")
    listens "$2" "$port" && not listens "$1" "$port"
}

# Whether a place has these interfaces and no others.
has_only() {
    local place=$1
    shift
    [ "$(at "$place" ip -br link show | awk '{ sub(/@.*/, "", $1); print $1 }' | sort | paste -sd ' ')" = \
        "$(printf '%s\n' "$@" | sort | paste -sd ' ')" ]
}
