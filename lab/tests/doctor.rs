//! `wgcni doctor` on real hosts: a healthy one is left in peace, each damage is named, and the
//! remedy that is named with it ends it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use wgcni_lab::command::fed;
use wgcni_lab::{Cluster, Host, Node, programs, wait};

/// What the doctor said.
struct Report {
    exit: i32,
    report: Value,
}

impl Report {
    fn findings(&self) -> &[Value] {
        self.report["findings"].as_array().unwrap()
    }

    /// Findings of a severity: the check, and what was seen.
    fn of(&self, severity: &str) -> Vec<String> {
        let found = self.findings().iter().filter(|finding| finding["severity"] == severity);
        let text = |key: &str, finding: &Value| finding[key].as_str().unwrap().to_owned();
        found.map(|finding| [text("check", finding), text("seen", finding)].join(": ")).collect()
    }

    /// The remedy of what was seen so.
    fn remedy(&self, seen: &str) -> &Value {
        let found = self.findings().iter().find(|f| f["seen"].as_str().unwrap().contains(seen));
        let found = found.unwrap_or_else(|| panic!("{seen} is not in {:#}", self.report));
        &found["remedy"]
    }

    fn has(&self, seen: &str) -> bool {
        self.findings().iter().any(|f| f["seen"].as_str().unwrap().contains(seen))
    }

    /// Nobody keeps the clock of the machine that this runs on: nothing else may be said.
    fn is_healthy(&self) {
        assert_eq!(self.of("problem"), [""; 0], "{:#}", self.report);
        let warnings = self.of("warning");
        assert!(
            warnings.iter().all(|text| text.starts_with("clock: nothing keeps")),
            "{warnings:?}"
        );
        assert_eq!(self.exit, 0);
    }
}

fn doctor(host: &Host) -> Report {
    let mut command = host.command(programs::find("wgcni").unwrap()).unwrap();
    let done = fed(command.args(["doctor", "--json"]), b"").unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(said, "");
    Report {
        exit: done.status.code().unwrap(),
        report: serde_json::from_slice(&done.stdout).unwrap(),
    }
}

/// Runs lines on a host, with our programs in the path as where they are installed.
fn shell(host: &Host, lines: &str) {
    let path =
        format!("{}:{}", programs::directory().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = host.command("sh").unwrap();
    let done = fed(command.args(["-ec", lines]).env("PATH", path), b"").unwrap();
    assert!(done.status.success(), "{lines}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Damages a host, finds the damage named, and runs the remedy until nothing of it is left: a
/// damage may be several.
fn heals(host: &Host, damage: &str, seen: &str) {
    shell(host, damage);
    let mut report = doctor(host);
    report.remedy(seen);
    for _ in 0..4 {
        if !report.has(seen) {
            return;
        }
        shell(host, report.remedy(seen)["run"].as_str().unwrap());
        report = doctor(host);
    }
    panic!("{seen} stays: {:#}", report.report);
}

const INSTALL: &str = "install -D \"$(command -v wireguard-cni)\" /opt/cni/bin/wireguard-cni";

/// Installs the plugin as a package would.
fn install(host: &Host) {
    host.cover(&["/opt/cni"]).unwrap();
    shell(host, INSTALL);
}

fn on_the_running_node(ash: &Node, prefix_v6: &str) {
    let host = ash.host();
    // By a call as the node, which says what time it is there.
    assert!(doctor(host).has("agrees with the cluster-manager's"));
    let inside = prefix_v6.replace("::/48", ":77::/64");
    let route_v6 = format!("ip -6 route add {inside} via fd77:6c61:62::1");
    heals(host, &route_v6, &format!("the route to {inside}"));
    let damages = [
        ("ip route add 10.65.0.0/16 via 192.168.77.1", "the route to 10.65.0.0/16"),
        ("ip route add blackhole 10.66.0.0/16", "the route to 10.66.0.0/16"),
        (
            "ip route add default via 192.168.77.1 table 100; ip rule add priority 1000 to 10.64.0.0/10 lookup 100",
            "the routing rule of priority 1000",
        ),
        ("iptables -A INPUT -p udp --dport 51820 -j DROP", "drops packets of other nodes"),
        ("iptables -A OUTPUT -p udp --dport 51820 -j REJECT", "drops packets to other nodes"),
        ("iptables -A INPUT -i lo -p udp --dport 51819 -j DROP", "drops packets of containers"),
        (
            "nft add table inet fw; \
             nft add chain inet fw forward '{ type filter hook forward priority 5; policy drop; }'",
            "chain forward of table inet fw",
        ),
        ("chmod 0644 /opt/cni/bin/wireguard-cni", "is not executable"),
        (
            "echo '{\"name\":\"other\",\"cniVersion\":\"1.0.0\",\"type\":\"bridge\"}' \
             > /etc/cni/net.d/05-other.conf",
            "containerd takes",
        ),
        ("chmod 0755 /var/lib/wgcni/node-manager", "has mode 0755"),
        ("chown 7 /var/lib/wgcni/node-manager/mesh.key", "mesh.key belongs to user 7"),
        ("chown -R 7 /var/lib/wgcni/node-manager", "/node-manager belongs to user 7"),
    ];
    for (damage, seen) in damages {
        heals(host, damage, seen);
    }
    doctor(host).is_healthy();
    with_other_files(host);
    // The older variant of iptables is passed beside the other one.
    heals(host, "iptables-legacy -P FORWARD DROP", "iptables-legacy: the policy of FORWARD");
    assert!(doctor(host).has("both iptables and iptables-legacy hold rules"));
    shell(host, "iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F FORWARD");
    doctor(host).is_healthy();
}

/// What no command brings back.
fn with_other_files(host: &Host) {
    shell(host, "rm /opt/cni/bin/wireguard-cni");
    let report = doctor(host);
    let again = &report.remedy("the plugin wireguard-cni is in none of")["advice"];
    assert!(again.as_str().unwrap().contains("install the package wireguard-cni"), "{again}");
    shell(host, INSTALL);
    doctor(host).is_healthy();
    // Back to the name that the lab knows.
    shell(host, "cd /etc/cni/net.d; mv 00-wgnet.conflist 10-wgnet.conflist; rm 05-other.conf");
    let conflist = "/etc/cni/net.d/10-wgnet.conflist";
    shell(host, &format!("cp {conflist} /etc/cni/saved; echo '{{ wireguard-cni' > {conflist}"));
    assert!(doctor(host).has("is no JSON"));
    let chained = r#"{"cniVersion":"1.0.0","name":"wgnet",
        "plugins":[{"type":"wireguard-cni"},{"type":"nonesuch"}]}"#;
    host.write(conflist, chained).unwrap();
    assert!(doctor(host).has("asks for the plugin nonesuch, which is not installed"));
    shell(host, &format!("mv /etc/cni/saved {conflist}"));
    let config = "/etc/wgcni/node-manager.toml";
    shell(host, &format!("cp {config} /etc/wgcni/saved; echo 'mesh_port = x' >> {config}"));
    assert!(doctor(host).has("node-manager.toml cannot be read: line "));
    shell(host, &format!("mv /etc/wgcni/saved {config}"));
}

/// What node-manager repairs by itself, as long as it runs.
fn on_the_stopped_node(ash: &Node) {
    ash.stop().unwrap();
    let report = doctor(ash.host());
    assert_eq!(report.exit, 1);
    let restart = report.remedy("it does not answer, so that no container starts");
    assert_eq!(restart["run"], "systemctl restart node-manager");
    let damages = [
        ("echo 1 > /proc/sys/net/ipv4/conf/wgmesh0/rp_filter", "rp_filter of wgmesh0 is strict"),
        ("echo 0 > /proc/sys/net/ipv4/ip_forward", "net/ipv4/ip_forward is 0"),
        ("echo 0 > /proc/sys/net/ipv6/conf/all/forwarding", "net/ipv6/conf/all/forwarding is 0"),
        ("echo 1 > /proc/sys/net/ipv6/conf/wghub0/accept_ra", "wghub0/accept_ra is 1"),
        ("echo 1 > /proc/sys/net/ipv6/conf/wgmesh0/disable_ipv6", "wgmesh0/disable_ipv6 is 1"),
        (
            "iptables -I FORWARD -j DROP",
            "rule 1 of FORWARD (-j DROP) drops packets between containers",
        ),
    ];
    for (damage, seen) in damages {
        heals(ash.host(), damage, seen);
    }
    shell(ash.host(), "iptables -D FORWARD -j DROP");
    ash.start().unwrap();
    wait::until("a stream of peers", || ash.status().unwrap()["reasons"].is_null()).unwrap();
    doctor(ash.host()).is_healthy();
}

fn over_a_narrow_way(cluster: &Cluster, nodes: [&Node; 2]) {
    // A bridge says nothing of what it drops.
    let port = ["link", "set", nodes[1].name(), "mtu", "1400"];
    cluster.lab().underlay().ip(&port).unwrap();
    let report = doctor(nodes[0].host());
    let remedy = &report.remedy("the way to birch takes packets of 1400 bytes")["configure"];
    assert_eq!(remedy["line"], "underlay_mtu = 1400");
    for node in nodes {
        let file = remedy["file"].as_str().unwrap();
        shell(node.host(), &format!("echo '{}' >> {file}", remedy["line"].as_str().unwrap()));
        node.stop().unwrap();
        node.start().unwrap();
    }
    let connected = || nodes[0].status().unwrap()["reasons"].is_null();
    wait::until("a stream of peers", connected).unwrap();
    doctor(nodes[0].host()).is_healthy();
}

/// Packages run the daemon as a user of its own, who has all of its directory.
fn of_a_user(manager: &Host) {
    let state = "/var/lib/wgcni/cluster-manager";
    heals(manager, &format!("chown 7 {state}/ca.key"), "ca.key belongs to user 7");
    doctor(manager).is_healthy();
    shell(manager, &format!("chown -R 7 {state}"));
    let report = doctor(manager);
    assert_eq!(report.of("problem"), [""; 0], "{:#}", report.report);
    // Of whom this machine does not know that there is nothing else of theirs.
    let whose = &report.remedy("cluster-manager belongs to user 7")["advice"];
    assert!(whose.as_str().unwrap().contains("chown -R wgcni:"), "{whose}");
    heals(manager, &format!("chown 0 {state}/ca.key"), "ca.key belongs to user 0");
    let owner = manager.run(&["stat", "-c", "%u", &format!("{state}/ca.key")]).unwrap();
    assert_eq!(owner.trim(), "7", "it goes to whom the directory belongs to");
    shell(manager, &format!("chown -R 0 {state}"));
}

fn without_a_cluster_manager(cluster: &mut Cluster, ash: &Node) {
    doctor(cluster.host()).is_healthy();
    of_a_user(cluster.host());
    cluster.stop_manager().unwrap();
    let report = doctor(cluster.host());
    let restart = report.remedy("it does not answer: /run/wgcni/cluster-manager.sock");
    assert_eq!(restart["run"], "systemctl restart cluster-manager");
    let report = doctor(ash.host());
    assert!(report.has("it cannot be reached from here"), "{:#}", report.report);
    assert_eq!(report.exit, 1);
    cluster.start_manager().unwrap();
    wait::until("a stream of peers", || ash.status().unwrap()["reasons"].is_null()).unwrap();
    doctor(ash.host()).is_healthy();
}

/// Another program has the port before the node starts.
fn with_a_port_that_is_taken(cluster: &Cluster) -> Node {
    let host = cluster.lab().add_host("cedar").unwrap();
    install(&host);
    // The way to birch is narrow by now, for all.
    let node = cluster.prepare_node("cedar", host, "underlay_mtu = 1400").unwrap();
    assert!(doctor(node.host()).has("this node has not joined a cluster"));
    node.join(&cluster.ticket("cedar").unwrap()).unwrap();
    let hold = "import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); \
                s.bind(('0.0.0.0', 51820)); time.sleep(1000)";
    let mut command = node.host().command("python3").unwrap();
    let mut holder = command.args(["-c", hold]).stdin(Stdio::null()).spawn().unwrap();
    let seen = "UDP 51820 is held by python3";
    wait::until(seen, || doctor(node.host()).has(seen)).unwrap();
    shell(node.host(), doctor(node.host()).remedy(seen)["run"].as_str().unwrap());
    holder.wait().unwrap();
    node.start().unwrap();
    wait::until("a stream of peers", || node.status().unwrap()["reasons"].is_null()).unwrap();
    doctor(node.host()).is_healthy();
    node
}

/// Every file of a node's state that holds a secret, and the joins that made it a member.
fn the_bundle_has_no_secret(host: &Host, join: &str) {
    let mut command = host.command(programs::find("wgcni").unwrap()).unwrap();
    let bundle = "/var/lib/wgcni/support.tar.gz";
    let done = fed(command.args(["support-bundle", "-o", bundle]), b"").unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let all = host.run(&["tar", "-xzOf", bundle]).unwrap();
    for part in ["WGCNI-FORWARD", "wgmesh0", "\"ready\": true", "10-wgnet.conflist"] {
        assert!(all.contains(part), "{part} is not in the bundle");
    }
    let state = "/var/lib/wgcni/node-manager";
    let secrets = ["mesh.key", "hub.key", "member/control.key", "member/member.json"];
    let mut secrets = secrets.map(|file| fs::read(host.path(state).join(file)).unwrap()).to_vec();
    secrets.push(join.as_bytes().to_vec());
    let mut looked_for = 0;
    for secret in secrets {
        let text = String::from_utf8_lossy(&secret).into_owned();
        let encoded = [STANDARD.encode(&secret), URL_SAFE_NO_PAD.encode(&secret)];
        let hex = secret.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        for form in encoded.into_iter().chain([hex, text]) {
            // Words, since files are of several; 20 letters of a key are a key.
            let words = form.split(|c: char| c.is_whitespace() || "\":,".contains(c));
            let long = words.filter(|word| word.len() >= 40 && !word.contains("CERTIFICATE"));
            for word in long {
                assert!(!all.contains(&word[..20]), "{} is in the bundle", &word[..20]);
                looked_for += 1;
            }
        }
    }
    // Four forms of five secrets, of some more than one word.
    assert!(looked_for >= 20, "{looked_for}");
}

fn after_it_was_revoked(cluster: &Cluster, cedar: &Node) {
    cluster.wgcni(&["node", "revoke", "cedar"], "").unwrap();
    let refused = || doctor(cedar.host()).has("degraded: revoked or refused");
    wait::until("the node to say so, too", refused).unwrap();
    let report = doctor(cedar.host());
    let remedy = report.remedy("degraded: revoked or refused")["advice"].as_str().unwrap();
    assert!(remedy.contains("node-manager cleanup --purge"), "{remedy}");
    // And so says who calls as the node.
    let problems = report.of("problem");
    assert!(problems.iter().any(|text| text.starts_with("cluster-manager: ")), "{problems:?}");
    assert_eq!(report.exit, 1);
}

#[test]
fn each_damage_is_named_and_its_remedy_ends_it() {
    let mut cluster = Cluster::new().unwrap();
    let [ash, birch] = ["ash", "birch"].map(|name| cluster.add_node(name).unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    for node in [&ash, &birch] {
        install(node.host());
    }
    doctor(ash.host()).is_healthy();
    the_bundle_has_no_secret(ash.host(), cluster.operator());
    on_the_running_node(&ash, &cluster.prefixes().unwrap()[1]);
    on_the_stopped_node(&ash);
    without_a_cluster_manager(&mut cluster, &ash);
    over_a_narrow_way(&cluster, [&ash, &birch]);
    let cedar = with_a_port_that_is_taken(&cluster);
    after_it_was_revoked(&cluster, &cedar);
}

#[test]
fn a_bare_host_is_told_what_comes_first() {
    let lab = wgcni_lab::Lab::new().unwrap();
    let host = lab.add_host("ash").unwrap();
    let nothing = ["setup: this machine is neither a node nor a cluster-manager yet"];
    let report = doctor(&host);
    assert_eq!((report.exit, &report.of("problem")[..]), (1, &nothing.map(str::to_owned)[..]));
    // Nor do packages make it one: they bring directories, and a file of comments.
    let installed = "install -d -m 0700 /var/lib/wgcni/cluster-manager /var/lib/wgcni/node-manager
        install -d /etc/wgcni; echo '# node = \"\"' > /etc/wgcni/node-manager.toml";
    shell(&host, installed);
    let report = doctor(&host);
    assert_eq!((report.exit, &report.of("problem")[..]), (1, &nothing.map(str::to_owned)[..]));
    let first = report.remedy("neither a node")["advice"].as_str().unwrap();
    assert!(first.contains("cluster-manager init") && first.contains("node-manager join"));
    // What it would need is looked at before it is a node.
    if report.has("in user space") {
        host.cover(&["/dev/net"]).unwrap();
        heals(&host, "true", "cannot make devices: /dev/net/tun");
    }
}
