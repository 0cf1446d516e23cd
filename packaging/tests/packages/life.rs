//! From installation to purge, by the commands of the document.

use std::fs;
use std::process::{Child, Stdio};

use wgcni_lab::flow;

use crate::documented::{self, blocks};
use crate::machine::{Machine, work};

/// The plugin as a runtime calls it: `cni VERB CONTAINER`.
const CNI: &str = r#"
cni() {
    CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_NETNS=/run/netns/$2 CNI_IFNAME=eth0 \
        CNI_PATH=/opt/cni/bin /usr/lib/cni/wireguard-cni \
        <<<'{"cniVersion":"1.0.0","name":"wgnet","type":"wireguard-cni"}'
}
address() { ip -n "$1" -4 -o address show eth0 | grep -o '10\.[0-9.]*' | head -n 1; }
"#;

/// Everything of the packages that is left on the machine: files, user, kernel objects.
const LEFT: &str = r"
find / -xdev \( -name '*wgcni*' -o -name 'cluster-manager*' -o -name 'node-manager*' \
    -o -name 'wireguard-cni*' \) -not -path '/srv/*' -not -path '/packages/*' -not -path '/newer/*' \
    -not -path '/proc/*' -not -path '/var/log/*'
find /run /var/lib /etc -xdev -path '*wgcni*'
ls -A /opt/cni/bin 2>/dev/null || true
getent passwd wgcni || true
getent group wgcni || true
ip -oneline link | grep -E 'wgmesh|wghub|wgcni|wgc' || true
ip route show proto 177; ip -6 route show proto 177
iptables-save | grep WGCNI || true
ip6tables-save | grep WGCNI || true
ls /run/wireguard 2>/dev/null || true
grep -lE '^(cluster|node)-manager' /proc/[0-9]*/comm 2>/dev/null || true
";

#[test]
fn packages_live_from_installation_to_purge_and_an_upgrade_loses_no_packet() {
    let machine = Machine::boot();
    let forwarding = machine.run("cat /proc/sys/net/ipv4/ip_forward");
    installed_and_idle(&machine);
    begun(&machine);
    joined(&machine);
    // Exit code 0 is: no problem. What it says is in the panic otherwise.
    machine.run("wgcni doctor");
    let pings = attached(&machine);
    upgraded(&machine);
    restarted(&machine);
    lossless(&machine, pings);
    initialised_again(&machine);
    removed(&machine);
    let [_, purge] = blocks("Remove").try_into().unwrap();
    machine.run(&purge);
    assert_eq!(machine.run(LEFT), "", "purge leaves nothing");
    assert_eq!(machine.run("cat /proc/sys/net/ipv4/ip_forward"), forwarding);
}

fn installed_and_idle(machine: &Machine) {
    let [install] = blocks("Install").try_into().unwrap();
    machine.run_in("/packages", &install);
    for unit in ["cluster-manager", "node-manager"] {
        machine.run(&format!("systemctl is-enabled {unit}"));
        let state = format!("systemctl show -P ActiveState -P ConditionResult {unit}");
        assert_eq!(machine.run(&state), "inactive\nno\n", "{unit} waits to be configured");
    }
    assert_eq!(machine.run("systemctl --failed --no-legend"), "");
    assert_eq!(
        machine.run("stat -c '%U %a' /run/wgcni /var/lib/wgcni/*"),
        "root 755\nwgcni 700\nroot 700\n"
    );
    assert!(!machine.succeeds("ls /etc/cni/net.d/*"), "no network by itself");
    // Nothing is to be restarted that was never begun.
    let said = machine.run("wgcni doctor || true");
    assert!(said.contains("neither a node nor a cluster-manager yet"), "{said}");
    assert!(said.contains("\n1 problem, "), "{said}");
}

fn begun(machine: &Machine) {
    let [begin] = blocks("Begin a cluster").try_into().unwrap();
    let start = "systemctl start cluster-manager\n";
    // A person types the next line a moment later.
    machine.run(&begin.replace(start, &format!("{start}until wgcni status; do sleep 0.1; done\n")));
    let user = "ps=$(systemctl show -P MainPID cluster-manager); stat -c %U /proc/$ps; \
                grep CapBnd /proc/$ps/status";
    assert_eq!(machine.run(user), "wgcni\nCapBnd:\t0000000000000000\n");
    // A socket that the daemon's user could replace would be node-manager's, too.
    let sockets = "stat -c '%U %a' /run/wgcni /run/wgcni/cluster-manager; \
                   stat -L -c '%U %a' /run/wgcni/cluster-manager.sock";
    assert_eq!(machine.run(sockets), "root 755\nwgcni 700\nwgcni 600\n");
    assert!(machine.run("wgcni status").starts_with("nothing is wrong"));
    assert!(
        !machine
            .succeeds("runuser -u nobody -- wgcni --socket /run/wgcni/cluster-manager.sock status")
    );
}

fn joined(machine: &Machine) {
    let [join, network] = blocks("Let a node join").try_into().unwrap();
    machine.run(&join);
    machine.run(&network);
    machine.wait(&format!(
        "{CNI}\nCNI_COMMAND=STATUS CNI_PATH=/opt/cni/bin /opt/cni/bin/wireguard-cni \
        <<<'{{\"cniVersion\":\"1.1.0\",\"name\":\"wgnet\",\"type\":\"wireguard-cni\"}}'"
    ));
    // Exactly those of the unit, and the process of the devices in the same bounds.
    let bounds = "for id in $(cat /sys/fs/cgroup/system.slice/node-manager.service/cgroup.procs); do \
                  grep CapBnd /proc/$id/status; done";
    let bounds = machine.run(bounds);
    assert!(bounds.lines().all(|line| line == "CapBnd:\t0000000000283004"), "{bounds}");
}

/// Two containers, the first of which pings the second fifty times a second.
fn attached(machine: &Machine) -> Child {
    machine
        .run(&format!("{CNI}\nfor name in ash birch; do ip netns add $name; cni ADD $name; done"));
    let ping = format!("{CNI}\nexec ip netns exec ash ping -n -i 0.02 $(address birch) >ping.log");
    let pings = machine.command("/srv", &ping).stdout(Stdio::null()).spawn().unwrap();
    machine.run(&format!("{CNI}\nip netns exec ash ping -n -q -c 3 -W 5 $(address birch)"));
    pings
}

fn upgraded(machine: &Machine) {
    let daemons = "systemctl show -P MainPID cluster-manager node-manager | grep -v '^$'";
    let before = machine.run(daemons);
    let [upgrade] = blocks("Upgrade").try_into().unwrap();
    machine.run_in("/newer", &upgrade);
    let after = machine.run(daemons);
    let both = before.lines().zip(after.lines());
    assert!(
        both.clone().count() == 2 && both.clone().all(|(old, new)| old != new),
        "{before}{after}"
    );
    let versions = machine.run(
        "dpkg-query -W -f '${Version}\\n' wgcni wgcni-cluster-manager \
                                wgcni-node-manager wireguard-cni",
    );
    assert_eq!(versions, "0.1.0-2\n".repeat(4));
    // What was attached before the upgrade and what is attached after it reach each other.
    machine.wait(&format!("{CNI}\nip netns add cedar 2>/dev/null || true; cni ADD cedar"));
    machine.run(&format!(
        "{CNI}\nip netns exec cedar ping -n -q -c 3 -W 5 $(address ash); cni DEL cedar"
    ));
}

fn restarted(machine: &Machine) {
    for _ in 0..2 {
        machine.run("systemctl restart cluster-manager node-manager");
        machine.wait(
            "systemctl is-active cluster-manager node-manager && [ -S /run/wgcni/node.sock ]",
        );
    }
    machine.run("systemctl kill --signal=KILL --kill-whom=main node-manager");
    machine.wait("systemctl is-active node-manager && wgcni status | grep -q 'nothing is wrong'");
    let stopped = "systemctl stop node-manager cluster-manager; sleep 1; \
                   systemctl start node-manager cluster-manager";
    machine.run(stopped);
    machine.wait("systemctl is-active cluster-manager node-manager && [ -S /run/wgcni/node.sock ]");
}

fn lossless(machine: &Machine, mut pings: Child) {
    machine.run("for id in /proc/[0-9]*; do \
                 if [ \"$(cat $id/comm 2>/dev/null)\" = ping ]; then kill -INT ${id#/proc/}; fi; done");
    pings.wait().unwrap();
    let log = machine.run("cat ping.log");
    let lost = flow::lost(&log).unwrap();
    println!("upgrade, restarts, kill -9, stop and start: lost {lost:?}");
    assert!(log.lines().count() > 200 && lost.is_empty(), "{log}lost {lost:?}");
}

/// What the operator does at night: another cluster in place of this one, as root.
fn initialised_again(machine: &Machine) {
    machine.run(
        "systemctl stop cluster-manager
                 cluster-manager init --force >/dev/null
                 systemctl start cluster-manager",
    );
    machine.wait("wgcni status");
    // And from nothing: the directory is root's until the unit starts.
    machine.run(
        "systemctl stop cluster-manager
                 rm -r /var/lib/wgcni/cluster-manager /etc/wgcni/cluster-manager.toml
                 (umask 077; cluster-manager init >/dev/null)
                 systemctl start cluster-manager",
    );
    machine.wait("wgcni status");
}

fn removed(machine: &Machine) {
    let [remove, _] = blocks("Remove").try_into().unwrap();
    machine.run(&remove);
    let left = machine.run(LEFT);
    let kept = [
        "/etc/wgcni",
        "/var/lib/wgcni",
        "/var/lib/systemd/deb-systemd-helper",
        "wgcni:",
        "/etc/systemd/system",
        "/var/lib/dpkg/info",
    ];
    let other: Vec<_> =
        left.lines().filter(|line| !kept.iter().any(|k| line.starts_with(k))).collect();
    assert!(other.is_empty(), "only state, configuration and user stay: {other:?}");
    machine.run("test ! -e /etc/cni/net.d/10-wgnet.conflist");
    machine.run("! ip -n ash link show eth0");
    machine.run("for name in ash birch cedar; do ip netns delete $name; done");
}

#[test]
fn packages_verify_pages_format_and_completions_load() {
    let machine = Machine::boot();
    let [install] = blocks("Install").try_into().unwrap();
    machine.run_in("/packages", &install);
    machine.run("systemd-analyze verify --man=no cluster-manager.service node-manager.service");
    let [analyse] = blocks("What the units may do").try_into().unwrap();
    // With units in the arguments it explains each setting; the last line has the number.
    let said = machine.run(&analyse);
    let exposures = said.lines().filter(|line| line.contains("Overall exposure"));
    for (unit, line) in ["cluster-manager", "node-manager"].into_iter().zip(exposures) {
        let number = line.split(' ').find(|word| word.parse::<f32>().is_ok()).unwrap();
        println!("{unit}: exposure {number}");
        assert!(line.contains(unit), "{line}");
        let told = format!("**{unit}** (exposure {number})");
        assert!(documented::PAGE.contains(&told), "docs/packages.md does not say {told}");
    }
    let pages = machine.run(
        "dpkg -L wgcni wgcni-cluster-manager wgcni-node-manager wireguard-cni | grep /man/man.*/",
    );
    assert!(pages.lines().count() > 30, "{pages}");
    for page in pages.lines() {
        let said = machine.run(&format!("man --warnings --pager=cat -l {page} 2>&1 >/dev/null"));
        assert_eq!(said, "", "{page}");
    }
    let complete = "source /usr/share/bash-completion/bash_completion || true
        for program in cluster-manager node-manager wgcni; do
            source /usr/share/bash-completion/completions/$program
            COMP_WORDS=($program ''); COMP_CWORD=1; COMPREPLY=()
            $(complete -p $program | grep -o '_[a-z_-]*' | head -n 1) $program '' $program
            echo $program ${COMPREPLY[*]}
        done";
    let said = machine.run(&format!("set +eu\n{complete}"));
    for (program, word) in
        [("cluster-manager", "init"), ("node-manager", "join"), ("wgcni", "ticket")]
    {
        let line = said.lines().find(|line| line.starts_with(program)).unwrap_or_default();
        assert!(line.split(' ').any(|w| w == word), "{said}");
    }
    // The example has no cluster, this host is in none: each says so, and nothing else is wrong.
    machine.run(
        "test -s /usr/share/doc/wireguard-cni/examples/10-wgnet.conflist
         cd /usr/share/doc/wgcni-cluster-manager/examples
         (cluster-manager serve --config cluster-manager.toml 2>&1 || true) >/srv/said
         grep -q 'a mistake in the configuration' /srv/said
         grep -q 'cluster_id (not set): is needed' /srv/said
         (node-manager serve 2>&1 || true) | grep -q 'not joined: run node-manager join'",
    );
    sizes();
}

fn sizes() {
    for entry in fs::read_dir(work().join("packages")).unwrap() {
        let entry = entry.unwrap();
        let size = entry.metadata().unwrap().len() / 1024;
        println!("{} (dev profile): {size} KiB", entry.file_name().to_string_lossy());
    }
}
