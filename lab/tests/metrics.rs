//! What the daemons say of themselves in numbers: complete, true, and harmless.
#![allow(clippy::unwrap_used)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "numbers on a page are floats; those that are compared are small and whole"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use wgcni_lab::command::fed;
use wgcni_lab::metrics::{Page, is_ours, promtool};
use wgcni_lab::{Cluster, Container, Host, Node, ping, wait};

const CLUSTER: &str = "127.0.0.1:9464";
const NODE: &str = "127.0.0.1:9465";
const LISTEN: &str = "metrics_listen = \"127.0.0.1:9465\"\nmetrics_containers = true";

fn cluster() -> Cluster {
    Cluster::with(&[("WGCNI_METRICS_LISTEN", CLUSTER)]).unwrap()
}

/// The page over TCP, as a Prometheus on the same machine sees it.
fn over_tcp(host: &Host, address: &str) -> Page {
    Page::get(&mut dial(host, address)).unwrap()
}

fn dial(host: &Host, address: &str) -> TcpStream {
    let address: SocketAddr = address.parse().unwrap();
    let stream = host.netns().within(|| TcpStream::connect(address)).unwrap().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream
}

fn ask(host: &Host, address: &str, request: &str) -> String {
    let mut stream = dial(host, address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Waits until a page says so; pages are a second old at most.
fn until(what: &str, page: impl Fn() -> Page, says: impl Fn(&Page) -> bool) -> Page {
    let mut last = None;
    let done = wait::until(what, || {
        let page = page();
        let so = says(&page);
        last = Some(page);
        so
    });
    let last = last.unwrap();
    assert!(done.is_ok(), "{done:?}\n{}", last.text());
    last
}

fn node(node: &Node) -> impl Fn() -> Page {
    || node.metrics().unwrap()
}

/// Metrics of the document, each with its type.
fn documented() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let name = cells.next()?.trim_end_matches('`');
        is_ours(name).then_some((name.to_owned(), cells.next()?.to_owned()))
    };
    text.lines().filter_map(row).collect()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn talk(from: &Container, to: &Container) {
    for address in to.addresses() {
        wait::until("an answer", || ping::reaches(from, address, &[0; 16]).unwrap()).unwrap();
    }
}

fn lint(page: &Page) {
    let mut command = std::process::Command::new(promtool().unwrap());
    let done = fed(command.args(["check", "metrics"]), page.text().as_bytes()).unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&said));
    assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

/// Every key that anybody of the cluster has published.
fn public_keys(nodes: &[&Node]) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for node in nodes {
        let all = node.host().run(&["wg", "show", "all", "dump"]).unwrap();
        keys.extend(all.split_whitespace().filter(|w| w.len() == 44).map(str::to_owned));
    }
    keys
}

#[test]
fn every_metric_is_documented_and_every_documented_one_is_served() {
    let cluster = cluster();
    let ash = cluster.add_node_with("ash", LISTEN).unwrap();
    let birch = cluster.add_node_with("birch", "metrics_peers = 0").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let web = cluster.attach(&ash, "web").unwrap();
    let db = cluster.attach(&birch, "db").unwrap();
    talk(&web, &db);
    let shaken = |p: &Page| p.sum("wgcni_node_peers_with_session", &[]) > 0.0;
    until("a handshake on the page", node(&ash), shaken);
    let pages = [over_tcp(cluster.host(), CLUSTER), over_tcp(ash.host(), NODE)];
    let served: BTreeMap<_, _> = pages.iter().flat_map(Page::names).collect();
    assert_eq!(served, documented());
    pages.iter().for_each(lint);
    let keys = public_keys(&[&ash, &birch]);
    assert!(keys.len() >= 8, "{keys:?}");
    for page in &pages {
        let text = page.text();
        let told: Vec<_> = keys.iter().filter(|key| text.contains(key.as_str())).collect();
        assert!(told.is_empty() && !text.contains("wgcni1."), "{told:?}");
    }
    // Where nodes have no series of their own, the totals stay; containers have none unless
    // that is asked for.
    let few = birch.metrics().unwrap();
    assert!(!few.text().contains("wgcni_node_peer_") && !few.text().contains("_container_"));
    assert_eq!(few.sum("wgcni_node_peers_with_session", &[]) as u64, 1);
    // The same for root on the socket.
    assert_eq!(cluster.metrics().unwrap().names(), pages[0].names());
    assert_eq!(ash.metrics().unwrap().names(), pages[1].names());
    let open =
        "GET /metrics HTTP/1.0\r\nAccept: application/openmetrics-text;version=1.0.0\r\n\r\n";
    for (host, address) in [(cluster.host(), CLUSTER), (ash.host(), NODE)] {
        let answer = ask(host, address, open);
        assert!(answer.contains("\r\ncontent-type: application/openmetrics-text"), "{answer}");
        assert!(answer.ends_with("# EOF\n"));
    }
}

#[test]
fn numbers_are_true() {
    let cluster = cluster();
    let [ash, birch] = ["ash", "birch"].map(|name| cluster.add_node_with(name, LISTEN).unwrap());
    cluster.settle(&[&ash, &birch]).unwrap();
    let [web, api] = ["web", "api"].map(|name| cluster.attach(&ash, name).unwrap());
    let db = cluster.attach(&birch, "db").unwrap();
    talk(&web, &db);
    counters_follow_traffic(&ash, &web, &db);

    let page = until("a quiet node", node(&ash), |p| {
        p.sum("wgcni_node_revision_lag", &[]) == 0.0 && p.sum("wgcni_node_registered", &[]) == 1.0
    });
    let is = |name: &str, labels: &[&str]| page.value(name, labels).unwrap();
    assert_eq!(is("wgcni_node_attachments", &[]) as u64, 2);
    assert_eq!(is("wgcni_node_peers", &[]) as u64, 1);
    assert_eq!(is("wgcni_node_ready", &[]) as u64, 1);
    assert_eq!(is("wgcni_node_stream_connected", &[]) as u64, 1);
    assert_eq!(is("wgcni_node_peer_silent", &["node=\"birch\""]) as u64, 0);
    let attach = ["method=\"AttachmentService/Attach\"", "code=\"ok\""];
    assert_eq!(is("wgcni_node_rpc_duration_seconds_count", &attach) as u64, 2);
    assert!(is("wgcni_node_store_commit_duration_seconds_count", &["outcome=\"ok\""]) >= 4.0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let shaken = is("wgcni_node_peer_last_handshake_timestamp_seconds", &["node=\"birch\""]);
    assert!((0.0..180.0).contains(&(now - shaken)), "{shaken}");
    let left = is("wgcni_node_certificate_expiry_timestamp_seconds", &[]) - now;
    assert!((20.0 * 3600.0..=24.0 * 3600.0).contains(&left), "{left}");
    let free = page.sum("wgcni_node_addresses", &["family=\"ipv4\"", "state=\"free\""]);
    let used = page.sum("wgcni_node_addresses", &["family=\"ipv4\"", "state=\"used\""]);
    assert_eq!((used as u64, (free + used) as u64), (2, 253), "{}", page.text());

    let all = |p: &Page| p.sum("wgcni_cluster_node_revision_lag", &[]) == 0.0;
    let page = until("no lag", || cluster.metrics().unwrap(), all);
    let is = |name: &str, labels: &[&str]| page.value(name, labels).unwrap() as u64;
    for family in ["family=\"ipv4\"", "family=\"ipv6\""] {
        assert_eq!(is("wgcni_cluster_leases", &[family, "state=\"used\""]), 2);
    }
    assert_eq!(is("wgcni_cluster_members", &["role=\"node\"", "state=\"active\""]), 2);
    assert_eq!(is("wgcni_cluster_nodes_alive", &[]), 2);
    assert_eq!(is("wgcni_cluster_watchers", &[]), 2);
    assert_eq!(is("wgcni_cluster_peers", &[]), 2);
    let joined = ["method=\"JoinService/FinishJoin\"", "code=\"ok\""];
    assert_eq!(is("wgcni_cluster_rpc_duration_seconds_count", &joined), 2);
    assert_eq!(page.text().matches("wgcni_cluster_node_revision_lag{").count(), 2);
    drop(api);
}

/// What a container sends to another node, where nobody answers, is counted on its way out,
/// once and not much more, and in no other direction.
fn counters_follow_traffic(ash: &Node, web: &Container, db: &Container) {
    let before = until("a page", node(ash), |_| true);
    let [a, b, c, _] = db.v4().octets();
    let nobody = std::net::Ipv4Addr::new(a, b, c, 250).to_string();
    // Nobody answers: ping ends with 1.
    let line = format!("ping -q -c 200 -i 0.005 -W 1 -s 1000 {nobody}; true");
    web.exec(&["sh", "-c", &line]).unwrap();
    let sent = 200.0 * 1028.0;
    let grown = |page: &Page, (name, label): (&str, &str)| {
        page.value(name, &[label]).unwrap() - before.value(name, &[label]).unwrap()
    };
    let (birch, web) = ("node=\"birch\"", web.attachment().container_id.as_str());
    let (hub, mesh) = ("link=\"wghub0\"", "link=\"wgmesh0\"");
    let out = [
        ("wgcni_node_container_receive_bytes_total", web),
        ("wgcni_node_link_receive_bytes_total", hub),
        ("wgcni_node_link_transmit_bytes_total", mesh),
        ("wgcni_node_peer_transmit_bytes_total", birch),
    ];
    let page = until("what was sent", node(ash), |p| out.iter().all(|c| grown(p, *c) >= sent));
    for counter in out {
        assert!(grown(&page, counter) < 1.3 * sent, "{counter:?}: {}", grown(&page, counter));
    }
    for counter in [
        ("wgcni_node_container_transmit_bytes_total", web),
        ("wgcni_node_link_transmit_bytes_total", hub),
        ("wgcni_node_link_receive_bytes_total", mesh),
        ("wgcni_node_peer_receive_bytes_total", birch),
    ] {
        assert!(grown(&page, counter) < 0.7 * sent, "{counter:?}: {}", grown(&page, counter));
    }
    let packets = grown(&page, ("wgcni_node_link_receive_packets_total", hub));
    assert!((200.0..300.0).contains(&packets), "{packets}");
}

#[test]
fn a_repair_is_counted_and_a_lost_stream_shows() {
    let mut cluster = cluster();
    let ash = cluster.add_node("ash").unwrap();
    let birch = cluster.add_node("birch").unwrap();
    cluster.settle(&[&ash, &birch]).unwrap();
    let route = ["kind=\"route\""];
    let repairs = |p: &Page| p.value("wgcni_node_repairs_total", &route).unwrap();
    assert_eq!(repairs(&ash.metrics().unwrap()) as u64, 0);
    let act = "ip route del $(ip route show proto 177 dev wgmesh0 | cut -d' ' -f1) dev wgmesh0";
    ash.host().run(&["sh", "-c", act]).unwrap();
    let page = until("the repair", node(&ash), |p| repairs(p) > 0.0);
    assert_eq!(page.sum("wgcni_node_repairs_total", &[]) as u64, 1, "{}", page.text());
    assert!(
        page.sum("wgcni_node_reconcile_passes_total", &["part=\"routes\"", "outcome=\"ok\""]) > 0.0
    );

    let connected = |p: &Page| p.value("wgcni_node_stream_connected", &[]).unwrap() as u64;
    until("the stream", node(&ash), |p| connected(p) == 1);
    cluster.stop_manager().unwrap();
    let page = until("the stream to be lost", node(&ash), |p| connected(p) == 0);
    assert_eq!(page.value("wgcni_node_ready", &[]).unwrap() as u64, 1, "containers start on");
    cluster.start_manager().unwrap();
    until("the stream again", node(&ash), |p| connected(p) == 1);

    if page.sum("wgcni_node_build_info", &["wireguard=\"userspace\""]) > 0.0 {
        let restarts = |p: &Page| p.value("wgcni_node_tunnels_restarts_total", &[]).unwrap();
        assert_eq!(restarts(&page) as u64, 0);
        let find = "ss -Hxlp | grep tunnels.sock | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u";
        let tunnels = |signal: &str| {
            ash.host().run(&["sh", "-c", &format!("kill -{signal} $({find})")]).unwrap()
        };
        // Links that do not answer take nothing else with them.
        tunnels("STOP");
        std::thread::sleep(Duration::from_millis(1100));
        let began = Instant::now();
        let page = ash.metrics().unwrap();
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        assert_eq!(page.value("wgcni_node_peers", &[]).unwrap() as u64, 1);
        assert!(!page.text().contains("wgcni_node_peers_with_session"), "{}", page.text());
        tunnels("CONT");
        tunnels("KILL");
        until("the tunnels again", node(&ash), |p| restarts(p) as u64 == 1);
    }
}

#[test]
fn the_listener_of_metrics_answers_nothing_else_and_survives_a_flood() {
    let cluster = cluster();
    let ash = cluster.add_node_with("ash", LISTEN).unwrap();
    for (host, address) in [(cluster.host(), CLUSTER), (ash.host(), NODE)] {
        for (request, status) in [
            ("GET / HTTP/1.0\r\n\r\n", "404"),
            ("GET /metrics/.. HTTP/1.0\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", "405"),
            (
                "POST /wgcni.node.v1.AttachmentService/Status HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                "404",
            ),
            (
                "POST /wgcni.admin.v1.AdminService/ListMembers HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                "404",
            ),
        ] {
            let answer = ask(host, address, request);
            assert_eq!(answer.split(' ').nth(1), Some(status), "{request}: {answer}");
        }
        let began = Instant::now();
        let flood: Vec<_> = (0..200).map(|_| dial(host, address)).collect();
        // Nobody of them says a word; all are thrown out, and pages come again.
        let again =
            wait::until("a page beside a flood", || Page::get(&mut dial(host, address)).is_ok());
        assert!(again.is_ok() && began.elapsed() < Duration::from_secs(15), "{again:?}");
        drop(flood);
    }
    let others = ash.host().run(&["ss", "-Hltn"]).unwrap();
    assert!(others.contains(NODE) && others.lines().count() == 1, "{others}");
    assert!(ash.status().unwrap()["ready"] == Value::Bool(true));
}
