#!/usr/bin/env bash
# Makes a machine a part of a small cluster: its server, or a node with one container on
# it. Every step may be repeated.
#
#   provision.sh install   programs, plugin, and the tools that they need
#   provision.sh server    the cluster-manager
#   provision.sh ticket    prints a join string; on the server
#   provision.sh node      joins with the join string in $LAB_JOIN, and starts
#   provision.sh box       attaches the container: a network namespace
#   provision.sh reach     shows whom the container reaches; fails where it is not all
#   provision.sh nomad     Nomad's agent, for allocations in the network; with
#                          LAB_NOMAD=server the one that the others ask
#
# In the environment:
#   LAB_FROM       directory of packages (*.deb) or else of the programs themselves
#   LAB_ADDRESS    address of this machine for the others
#   LAB_JOIN       file with the join string; it is removed once it is used
#   LAB_BIN, LAB_CNI_BIN   where programs and plugin go
#   LAB_CONFIG     where the programs look for their configuration
#   LAB_LOGS       where logs go, and process ids, where no systemd runs
#   LAB_START      systemd, or background: where no systemd runs
#   LAB_BOX        name of the container's namespace
#   LAB_JOBS       directory of client.hcl
set -euo pipefail

LAB_FROM=${LAB_FROM:-/opt/wgcni/programs}
LAB_BIN=${LAB_BIN:-/usr/bin}
LAB_CNI_BIN=${LAB_CNI_BIN:-/opt/cni/bin}
LAB_CONFIG=${LAB_CONFIG:-/etc/wgcni}
LAB_LOGS=${LAB_LOGS:-/var/log/wgcni}
LAB_JOIN=${LAB_JOIN:-/run/wgcni-join}
LAB_BOX=${LAB_BOX:-box}
LAB_JOBS=${LAB_JOBS:-/opt/wgcni/jobs}
if [ -d /run/systemd/system ]; then : "${LAB_START:=systemd}"; else : "${LAB_START:=background}"; fi

# The host number, in its node's lease, of every container here.
BOX_NUMBER=10
# The mark of our routes.
ROUTE_PROTOCOL=177

export PATH=$LAB_BIN:$PATH

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# --- Programs -------------------------------------------------------------------------

install_all() {
    install_tools
    local packages=("$LAB_FROM"/*.deb)
    if [ -e "${packages[0]}" ]; then
        apt-get install -y -q --no-install-recommends "${packages[@]}"
    else
        install_programs
    fi
}

install_tools() {
    local tool missing=
    for tool in ip wg iptables ping; do
        command -v "$tool" >/dev/null || missing=yes
    done
    [ -n "$missing" ] || return 0
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -y -q --no-install-recommends \
        iproute2 iptables iputils-ping wireguard-tools
}

# By rename: a program that runs is not written over.
install_programs() {
    local name
    for name in cluster-manager node-manager wgcni; do
        [ -e "$LAB_FROM/$name" ] || die "no $name in $LAB_FROM: build it first (make build)"
        put "$LAB_FROM/$name" "$LAB_BIN/$name"
    done
    put "$LAB_FROM/wireguard-cni" "$LAB_CNI_BIN/wireguard-cni"
}

put() {
    mkdir -p "${2%/*}"
    install -m 755 "$1" "$2.new"
    mv "$2.new" "$2"
}

# Starts a daemon, and again when it ends: `start NAME ARGUMENTS`
start() {
    local arguments=${2:-serve}
    case $LAB_START in
        systemd)
            systemctl cat "$1.service" >/dev/null 2>&1 ||
                unit "$1" "$arguments" >"/etc/systemd/system/$1.service"
            systemctl daemon-reload
            systemctl enable --quiet "$1.service"
            systemctl restart "$1.service"
            ;;
        background)
            is_running "$1" && return 0
            mkdir -p "$LAB_LOGS"
            # shellcheck disable=SC2086 # several words
            setsid "$1" $arguments >>"$LAB_LOGS/$1.log" 2>&1 </dev/null &
            echo $! >"$LAB_LOGS/$1.pid"
            ;;
        *) die "LAB_START is systemd or background, not $LAB_START" ;;
    esac
}

is_running() {
    local id
    id=$(cat "$LAB_LOGS/$1.pid" 2>/dev/null) || return 1
    # The name that the kernel keeps of a process has 15 characters.
    [ "$(cat "/proc/$id/comm" 2>/dev/null)" = "${1:0:15}" ]
}

unit() {
    cat <<UNIT
[Unit]
Description=Wireguard CNI: $1
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=$LAB_BIN/$1 $2
Restart=always
RestartSec=1
# What carries the containers' links outlives the daemon.
KillMode=process

[Install]
WantedBy=multi-user.target
UNIT
}

# Waits until a command succeeds: `until_it WHAT COMMAND...`
until_it() {
    local what=$1 try
    shift
    for try in {1..120}; do
        "$@" >/dev/null 2>&1 && return
        sleep 0.5
    done
    die "waited $((try / 2)) s for $what: look at the daemon's log"
}

# --- Server ---------------------------------------------------------------------------

server() {
    if [ ! -e "$LAB_CONFIG/cluster-manager.toml" ]; then
        need LAB_ADDRESS
        mkdir -p "$LAB_CONFIG"
        # It prints a join string for an operator: a secret, which nobody needs here.
        cluster-manager init --non-interactive --advertise "$LAB_ADDRESS" >/dev/null
    fi
    start cluster-manager
    until_it "the cluster-manager" wgcni status
}

ticket() {
    wgcni ticket create
}

need() { [ -n "${!1:-}" ] || die "$1 is not set"; }

# --- Node -----------------------------------------------------------------------------

node() {
    mkdir -p "$LAB_CONFIG"
    # A package brings the file with nothing set.
    if ! grep -qs '^endpoint = ' "$LAB_CONFIG/node-manager.toml"; then
        need LAB_ADDRESS
        printf 'endpoint = "%s"\n' "$LAB_ADDRESS" >>"$LAB_CONFIG/node-manager.toml"
    fi
    if [ -e "$LAB_JOIN" ]; then
        # A member stays what it is, and its node-manager runs.
        node-manager join --unless-joined <"$LAB_JOIN"
        rm "$LAB_JOIN"
    fi
    start node-manager
    until_it "the node-manager" is_ready
}

is_ready() { cni STATUS 1.1.0 ''; }

# Calls the plugin as a runtime does: `cni VERB VERSION MORE-KEYS`
cni() {
    CNI_COMMAND=$1 CNI_CONTAINERID=$LAB_BOX CNI_IFNAME=eth0 CNI_PATH=$LAB_CNI_BIN \
        CNI_NETNS=/run/netns/$LAB_BOX "$LAB_CNI_BIN/wireguard-cni" \
        <<<"{\"cniVersion\":\"$2\",\"name\":\"wgnet\",\"type\":\"wireguard-cni\"$3}"
}

# Attaches the container under addresses that the others can guess.
box() {
    [ -e "/run/netns/$LAB_BOX" ] && ip -n "$LAB_BOX" link show eth0 >/dev/null 2>&1 && return
    ip netns delete "$LAB_BOX" 2>/dev/null || true
    ip netns add "$LAB_BOX"
    cni DEL 1.0.0 ''
    cni ADD 1.0.0 ",\"runtimeConfig\":{\"ips\":[$(own_ips)]}" >/dev/null
}

# Where this node's own addresses are: the first host of its lease, of each family.
own_addresses() {
    ip -br address show wghub0 scope global | tr -s ' ' '\n' | grep / | cut -d / -f 1
}

own_ips() {
    local address
    for address in $(own_addresses); do
        printf '"%s"\n' "$(box_at "$address")"
    done | paste -sd ,
}

# --- Table ----------------------------------------------------------------------------

# Address of the container on the node that has this one.
box_at() { printf '%s' "${1%1}$BOX_NUMBER"; }

# Addresses of all nodes: this one's, and the first of each lease that leads into the mesh.
nodes() {
    own_addresses
    {
        ip route show proto $ROUTE_PROTOCOL dev wgmesh0
        ip -6 route show proto $ROUTE_PROTOCOL dev wgmesh0
    } | awk '$1 ~ "/" { print $1 }' | sed -E 's:\.0/.*:.1:; s:\:\:/.*:\:\:1:'
}

reach() {
    local node failed=0
    # How often, all in all, somebody who does not answer is asked again: at first a peer
    # may not have shaken hands.
    patience=10
    until_it "other nodes" knows_others
    printf 'from the box on %s to\n' "$(hostname -s)"
    for node in $(nodes); do
        row "node" "$node" || failed=1
        row "box" "$(box_at "$node")" || failed=1
    done
    return $failed
}

knows_others() { [ "$(nodes | wc -l)" -gt 2 ]; }

row() {
    local verdict=reached status=0
    until ip netns exec "$LAB_BOX" ping -n -q -c 1 -W 1 "$2" >/dev/null 2>&1; do
        if [ $((patience -= 1)) -lt 0 ]; then
            verdict='NOT REACHED' status=1
            break
        fi
        sleep 0.5
    done
    printf '  %-5s %-32s %s\n' "$1" "$2" "$verdict"
    return $status
}

# --- Nomad ----------------------------------------------------------------------------

# Nomad itself has to come from you: it is in no package of Debian's.
nomad() {
    [ ! -e "$LAB_FROM/nomad" ] || put "$LAB_FROM/nomad" "$LAB_BIN/nomad"
    type -P nomad >/dev/null || die "no nomad here, nor in $LAB_FROM: put its program there"
    local here asked
    here=$(dirname "$(realpath "$0")")
    if [ "${LAB_NOMAD:-client}" = server ]; then
        # No client: nothing has joined this machine to the cluster, so no allocation could
        # be attached here, and the cluster-manager is a service of systemd's, no job.
        install -D -m 644 -t /etc/nomad.d "$here/nomad-server.hcl"
        asked="server members"
    else
        install -d /opt/cni/config
        conflist >/opt/cni/config/wgnet.conflist
        install -D -m 644 -t /etc/nomad.d "$LAB_JOBS/client.hcl" "$here/nomad-agent.hcl"
        asked="node status -self"
    fi
    start nomad "agent -config /etc/nomad.d"
    # shellcheck disable=SC2086 # several words
    until_it "Nomad" "$(type -P nomad)" $asked
}

# Our plugin alone, not nomad/wgnet.conflist: Debian 12's portmap fails its own CHECK, and
# without any not one container could be attached. So nothing is published here.
conflist() {
    cat <<'CONFLIST'
{
  "cniVersion": "1.0.0",
  "cniVersions": ["1.0.0", "1.1.0"],
  "name": "wgnet",
  "plugins": [{ "type": "wireguard-cni" }]
}
CONFLIST
}

case ${1:-} in
    install) install_all ;;
    server | ticket | node | box | reach | nomad) "$1" ;;
    *)
        sed -n '2,/^set -/ { /^set -/d; s/^# \{0,1\}//; p }' "$0" >&2
        exit 2
        ;;
esac
