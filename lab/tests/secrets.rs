//! Every secret of a cluster's life, looked for wherever it must not be.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use wgcni_lab::{Cluster, Node};

/// Length of a secret.
const SECRET: usize = 32;

/// Secrets by what they are for.
#[derive(Default)]
struct Secrets(BTreeMap<String, Vec<u8>>);

impl Secrets {
    fn add(&mut self, what: &str, bytes: &[u8]) {
        assert!(bytes.len() >= SECRET, "{what}: {} bytes", bytes.len());
        self.0.insert(what.to_owned(), bytes.to_vec());
    }

    /// A ticket's or security key's: in a join string it stands before the checksum.
    fn add_join(&mut self, what: &str, join: &str) {
        let bytes = URL_SAFE_NO_PAD.decode(join.trim().strip_prefix("wgcni1.").unwrap()).unwrap();
        let end = bytes.len() - 4;
        self.add(what, &bytes[end - SECRET..end]);
    }

    /// A key file's: PEM, or a word that is base64 of 32 bytes.
    fn add_file(&mut self, what: &str, path: &Path) {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let decode = |text: &str| STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
        if let Some((_, pem)) = text.split_once("-----BEGIN PRIVATE KEY-----") {
            let (body, _) = pem.split_once("-----END").unwrap();
            let bytes = decode(&body.split_whitespace().collect::<String>()).unwrap();
            // Behind the algorithm in PKCS #8 (RFC 8410, section 7).
            return self.add(what, &bytes[16..16 + SECRET]);
        }
        let words = text.split(|c: char| c.is_whitespace() || ":\"".contains(c));
        let secret = words.filter_map(|word| decode(word).ok()).find(|b| b.len() == SECRET);
        self.add(what, &secret.unwrap_or_else(|| panic!("{what} holds no secret")));
    }

    /// What of them is in `hay`, in any of the usual forms.
    fn found_in(&self, hay: &[u8]) -> Vec<&str> {
        let holds = |needle: &[u8]| hay.windows(needle.len()).any(|window| window == needle);
        let found = self.0.iter().filter(|(_, secret)| {
            let hex = secret.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            // Without what the neighbours in a longer text would change.
            let base = |text: String| holds(&text.as_bytes()[..40]);
            holds(secret)
                || holds(hex.as_bytes())
                || holds(hex.to_uppercase().as_bytes())
                || base(STANDARD.encode(secret))
                || base(URL_SAFE_NO_PAD.encode(secret))
        });
        found.map(|(what, _)| what.as_str()).collect()
    }
}

/// Looks at the command lines of all processes until it is told to stop.
fn watch_command_lines(stop: Arc<AtomicBool>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut seen = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            for entry in fs::read_dir("/proc").unwrap().flatten() {
                let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                if !line.is_empty() && !seen.windows(line.len()).any(|known| known == line) {
                    seen.extend(line);
                    seen.push(b'\n');
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
        seen
    })
}

/// The content of all files below a directory.
fn all_files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(all_files(&path));
        } else if path.is_file() {
            found.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
        }
    }
    found
}

/// What a cluster answers to whoever may ask.
fn replies(cluster: &Cluster, nodes: &[&Node]) -> Vec<(String, Vec<u8>)> {
    let methods = [
        "wgcni.admin.v1.AdminService/ListTickets",
        "wgcni.admin.v1.AdminService/ListTokens",
        "wgcni.admin.v1.AdminService/ListMembers",
        "wgcni.admin.v1.AdminService/ListAudit",
        "wgcni.admin.v1.AdminService/Status",
        "wgcni.ipam.v1.IpamService/List",
        "wgcni.wireguard.v1.WireguardService/ListPeers",
    ];
    let ask = |method: &&str| {
        let answer = cluster.call(method, &json!({})).unwrap();
        ((*method).to_owned(), answer.to_string().into_bytes())
    };
    let statuses = nodes.iter().map(|node| {
        (format!("status of {}", node.name()), node.status().unwrap().to_string().into_bytes())
    });
    let pages = nodes.iter().map(|node| (node.name().to_owned(), node.metrics().unwrap()));
    let pages = pages.chain([("the cluster-manager".to_owned(), cluster.metrics().unwrap())]);
    let pages =
        pages.map(|(of, page)| (format!("metrics of {of}"), page.text().to_owned().into_bytes()));
    methods.iter().map(ask).chain(statuses).chain(pages).collect()
}

/// Two nodes that joined with tickets.
fn two_nodes(cluster: &Cluster, secrets: &mut Secrets) -> [Node; 2] {
    ["ash", "birch"].map(|name| {
        let host = cluster.lab().add_host(name).unwrap();
        let node = cluster.prepare_node(name, host, "log = \"trace\"").unwrap();
        let ticket = cluster.ticket(name).unwrap();
        secrets.add_join(&format!("the ticket of {name}"), &ticket);
        node.join(&ticket).unwrap();
        node.start().unwrap();
        for key in ["mesh.key", "hub.key", "member/control.key"] {
            let path = node.host().path(&format!("/var/lib/wgcni/node-manager/{key}"));
            secrets.add_file(&format!("{key} of {name}"), &path);
        }
        node
    })
}

/// The security key, and a token that reads it.
fn shown(cluster: &Cluster, secrets: &mut Secrets) {
    let admin = |method: &str, request: Value| {
        cluster.call(&format!("wgcni.admin.v1.AdminService/{method}"), &request).unwrap()
    };
    let shown = admin("ShowSecurityKey", json!({}));
    secrets.add_join("the security key", shown["join"].as_str().unwrap());
    let token = admin("CreateToken", json!({ "label": "installer" }));
    let (_, secret) = token["bearer"].as_str().unwrap().split_once('.').unwrap();
    secrets.add("a token", &URL_SAFE_NO_PAD.decode(secret).unwrap());
}

/// The key of a container. In user space its device has its socket on the host, under a name
/// of its own.
fn container_key(node: &Node) -> Vec<u8> {
    let devices = node.host().run(&["wg", "show", "interfaces"]).unwrap();
    let device = devices.split_whitespace().find(|name| name.starts_with("wgc")).unwrap();
    let private = node.host().run(&["wg", "show", device, "private-key"]).unwrap();
    STANDARD.decode(private.trim()).unwrap()
}

#[test]
fn no_secret_is_in_a_log_a_reply_a_command_line_or_on_another_machines_disk() {
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = watch_command_lines(Arc::clone(&stop));
    let mut secrets = Secrets::default();
    let cluster = Cluster::with(&[("WGCNI_LOG", "trace")]).unwrap();
    secrets.add_join("the operator's ticket", cluster.operator());
    let [ash, birch] = two_nodes(&cluster, &mut secrets);
    cluster.settle(&[&ash, &birch]).unwrap();
    let _web = cluster.attach(&ash, "web").unwrap();
    secrets.add("the key of a container", &container_key(&ash));
    shown(&cluster, &mut secrets);
    let none_in = |secrets: &Secrets, places: &[(String, Vec<u8>)]| {
        for (place, content) in places {
            assert_eq!(secrets.found_in(content), Vec::<&str>::new(), "{place}");
        }
    };
    // What a thief of the cluster-manager's disk does not find.
    let state = cluster.host().path("/var/lib/wgcni/cluster-manager");
    none_in(&secrets, &all_files(&state));
    for key in ["ca.key", "security.key"] {
        secrets.add_file(key, &state.join(key));
    }
    none_in(&secrets, &replies(&cluster, &[&ash, &birch]));
    let mut logs = all_files(&cluster.lab().run().directory());
    logs.retain(|(file, _)| file.contains("log"));
    assert!(logs.iter().map(|(_, content)| content.len()).sum::<usize>() > 10_000);
    none_in(&secrets, &logs);
    stop.store(true, Ordering::Relaxed);
    let lines = watcher.join().unwrap();
    assert!(lines.windows(12).any(|window| window == b"node-manager"), "nothing was watched");
    none_in(&secrets, &[("a command line".to_owned(), lines)]);
    assert!(secrets.0.len() >= 13);
}
