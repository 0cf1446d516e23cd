#![allow(clippy::unwrap_used)]
use super::*;
use clap::Parser;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    settings: Flags<Settings>,
}

fn load(args: &[&str]) -> Result<Config, ConfigErrors> {
    let cli = Cli::try_parse_from([&["x", "--node", "one"], args].concat()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    Config::load(Some(file.path().to_owned()), &cli.settings)
}

/// The keys with a mistake.
fn mistakes(args: &[&str]) -> Vec<String> {
    let errors = load(args).unwrap_err();
    errors.0.into_iter().map(|mistake| mistake.key).collect()
}

#[test]
fn defaults_are_as_documented() {
    let config = load(&[]).unwrap();
    assert_eq!((config.managers.len(), config.plaintext), (0, false));
    assert_eq!((config.mesh_port, config.hub_port), (51820, 51819));
    assert_eq!(config.node_socket().to_string_lossy(), "/run/wgcni/node.sock");
    assert_eq!(config.state_dir.to_string_lossy(), "/var/lib/wgcni/node-manager");
    assert_eq!(config.host_ports, [(Protocol::Tcp, 4646)]);
    assert_eq!((config.quarantine.as_secs(), config.resync.as_secs()), (60, 30));
    assert_eq!(config.reclaim_after.as_secs(), 300);
    assert_eq!((config.endpoint, config.wireguard), (EndpointSource::Route, Preference::Auto));
}

#[test]
fn plaintext_must_be_asked_for_by_name() {
    for uri in ["http://192.0.2.1:7400", "http://[2001:db8::1]:7400", "http://127.0.0.1:7400"] {
        assert_eq!(mistakes(&["--cluster-manager", uri]), ["cluster_manager"]);
        let config = load(&["--cluster-manager", uri, "--insecure-plaintext"]).unwrap();
        assert_eq!((config.managers, config.plaintext), (vec![uri[7..].to_owned()], true));
    }
    let config = load(&["--insecure-plaintext"]).unwrap();
    assert_eq!((config.managers, config.plaintext), (vec!["127.0.0.1:7400".to_owned()], true));
}

#[test]
fn addresses_are_reached_over_tls() {
    let config = load(&["--cluster-manager", "manager:7400, [2001:db8::1]:7400"]).unwrap();
    assert!(!config.plaintext);
    assert_eq!(config.managers, ["manager:7400", "[2001:db8::1]:7400"]);
    let both = ["--cluster-manager", "manager:7400", "--insecure-plaintext"];
    assert_eq!(mistakes(&both), ["insecure_plaintext"]);
    for bad in ["manager", "manager:0", ":7400", "a:1,", "a:1/x:1", "ftp://a:1", "http://a/b"] {
        assert_eq!(mistakes(&["--cluster-manager", bad]), ["cluster_manager"], "{bad}");
    }
}

#[test]
fn endpoint_is_found_in_one_way_only() {
    let endpoint = |args: &[&str]| load(args).unwrap().endpoint;
    let given = |text: &str| EndpointSource::Given(text.parse().unwrap());
    assert_eq!(endpoint(&["--endpoint", "192.0.2.1"]), given("192.0.2.1:51820"));
    assert_eq!(endpoint(&["--endpoint", "[2001:db8::1]:7"]), given("[2001:db8::1]:7"));
    assert_eq!(
        endpoint(&["--endpoint-prefix", "192.0.2.0/24"]),
        EndpointSource::Prefix("192.0.2.0/24".parse().unwrap())
    );
    let two = ["--endpoint", "192.0.2.1", "--endpoint-interface", "eth0"];
    assert_eq!(mistakes(&two), ["endpoint_interface"]);
    assert_eq!(mistakes(&["--endpoint", "127.0.0.1"]), ["endpoint"]);
}

#[test]
fn values_that_cannot_be_are_refused_together() {
    let args = [
        "--mesh-port",
        "0",
        "--hub-port",
        "51820",
        "--underlay-mtu",
        "1000",
        "--wireguard",
        "maybe",
        "--host-ports",
        "tcp/0",
        "--host-ports",
        "x",
        "--resync-seconds",
        "0",
        "--reclaim-after-seconds",
        "0",
        "--cluster-manager",
        "https://127.0.0.1:1",
    ];
    let keys = mistakes(&args);
    let wanted = [
        "cluster_manager",
        "host_ports",
        "host_ports",
        "mesh_port",
        "reclaim_after_seconds",
        "resync_seconds",
        "underlay_mtu",
        "wireguard",
    ];
    assert_eq!(keys, wanted);
    assert_eq!(mistakes(&["--hub-port", "51820"]), ["hub_port"]);
}
