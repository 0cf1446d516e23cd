#!/usr/bin/env bash
# The network of 2-hub-and-spoke.sh, with rules that forbid web and db to talk.
# See README.md.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

build() {
    add_cluster
    forbid ash web db
    forbid birch web db
    count ash raw PREROUTING as-api -i "$(device ash-hub)" -s "$(container_v4 api)"
}

# Forbids two containers to talk, on one node, in both directions and both families.
forbid() { pair_rules -I "$@"; }

# Takes that back.
permit() { pair_rules -D "$@"; }

# Whoever tries hears at once that it is forbidden.
#   pair_rules -I|-D HOST ONE OTHER
pair_rules() {
    local one_v4 other_v4 one_v6 other_v6
    one_v4=$(container_v4 "$3") other_v4=$(container_v4 "$4")
    one_v6=$(container_v6 "$3") other_v6=$(container_v6 "$4")
    reject iptables icmp-admin-prohibited "$1" "$2" "$one_v4" "$other_v4"
    reject iptables icmp-admin-prohibited "$1" "$2" "$other_v4" "$one_v4"
    reject ip6tables icmp6-adm-prohibited "$1" "$2" "$one_v6" "$other_v6"
    reject ip6tables icmp6-adm-prohibited "$1" "$2" "$other_v6" "$one_v6"
}

reject() { at "$4" "$1" "$3" OVERLAY -s "$5" -d "$6" -j REJECT --reject-with "$2"; }

prove() {
    prove_others_talk
    prove_the_pair_does_not
    prove_each_node_forbids_by_itself
    prove_the_rule_cannot_be_evaded
    prove_it_is_the_rule
}

prove_others_talk() {
    local from to
    for from in "${CONTAINERS[@]}"; do
        for to in "${CONTAINERS[@]}"; do
            case $from-$to in
                "$from-$from" | web-db | db-web) ;;
                *) proof "$from reaches $to, IPv4 and IPv6" talks "$from" "$to" ;;
            esac
        done
    done
}

prove_the_pair_does_not() {
    proof "web does not reach db" does_not_talk web db
    proof "db does not reach web" does_not_talk db web
    proof "web is told so" is_told web "$(container_v4 db)" 'filtered|prohibited'
    proof "web is told so, IPv6" is_told web "$(container_v6 db)" 'filtered|prohibited'
}

prove_each_node_forbids_by_itself() {
    permit birch web db
    proof "with the rules on ash alone web does not reach db" does_not_talk web db
    proof "with the rules on ash alone db does not reach web" does_not_talk db web
    forbid birch web db
    permit ash web db
    proof "with the rules on birch alone web does not reach db" does_not_talk web db
    proof "with the rules on birch alone db does not reach web" does_not_talk db web
    forbid ash web db
}

prove_the_rule_cannot_be_evaded() {
    proof "api, which may, is seen by the hub" \
        rises ash raw PREROUTING as-api ping_once api "$(container_v4 db)"
    proof "web under the address of api is not" \
        not rises ash raw PREROUTING as-api \
        pretend web web "$(container_v4 api)" "$(container_v4 db)"
}

prove_it_is_the_rule() {
    permit ash web db
    permit birch web db
    proof "without the rules web reaches db" talks web db
    proof "without the rules db reaches web" talks db web
    forbid ash web db
    forbid birch web db
    proof "with the rules again it does not" does_not_talk web db
}

main "$@"
