//! Verbs against the real daemons.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};

use support::live::{Live, conf};

const VERSIONS: [&str; 5] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// A result of an earlier plugin whose interface is the container's way out.
fn of_a_bridge(version: &str, netns: &str) -> Value {
    let mut ip = json!({ "address": "10.9.0.2/24", "gateway": "10.9.0.1", "interface": 1 });
    if version < "1.0.0" {
        ip["version"] = json!("4");
    }
    json!({
        "cniVersion": version,
        "interfaces": [
            { "name": "br0", "mac": "02:00:00:00:00:01" },
            { "name": "eth0", "mac": "02:00:00:00:00:02", "sandbox": netns },
        ],
        "ips": [ip],
        "routes": [{ "dst": "0.0.0.0/0", "gw": "10.9.0.1" }],
        "dns": { "nameservers": ["10.9.0.1"] },
    })
}

#[test]
fn results_are_written_as_each_version_has_them_and_pass_its_check() {
    let live = Live::start("dns_nameservers = [\"192.0.2.53\"]");
    for version in VERSIONS {
        let container = live.container(&format!("v{}", version.replace('.', "")));
        let conf = conf(version);
        let result = container.run("ADD", &conf).result();
        let [v4, v6] = [0, 1].map(|n| result["ips"][n]["address"].as_str().unwrap().to_owned());
        assert!(v4.ends_with("/32") && v6.ends_with("/128"), "{result}");
        let mut interface = json!({
            "name": "eth0", "mac": "00:00:00:00:00:00", "sandbox": container.netns.path(),
        });
        let mut ips =
            [json!({ "address": v4, "interface": 0 }), json!({ "address": v6, "interface": 0 })];
        if version < "1.0.0" {
            ips[0]["version"] = json!("4");
            ips[1]["version"] = json!("6");
        }
        if version >= "1.1.0" {
            interface["mtu"] = container.ip(&["link", "show", "eth0"])[0]["mtu"].clone();
        }
        let expected = json!({
            "cniVersion": version,
            "interfaces": [interface],
            "ips": ips,
            "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }],
            "dns": { "nameservers": ["192.0.2.53"] },
        });
        assert_eq!(result, expected);
        if version >= "0.4.0" {
            container.check(&conf, &result).done();
        }
        assert_eq!(container.routes("-4", "eth0"), ["default"]);
        assert_eq!(container.routes("-6", "eth0"), ["default"]);
        assert!(container.ip(&["link", "show", "lo", "up"])[0]["ifname"] == "lo", "lo is down");
        container.run("DEL", &conf).done();
        assert_eq!(container.interfaces(), ["lo"]);
        if version >= "0.4.0" {
            container.check(&conf, &result).fails_with(3);
        }
        container.run("DEL", &conf).done();
    }
    assert_eq!((live.peers(), live.remains()), (0, Vec::new()));
}

#[test]
fn name_servers_come_from_the_runtime_the_network_or_the_node_in_this_order() {
    let live = Live::start("dns_nameservers = [\"192.0.2.53\"]");
    let mut conf = conf("1.0.0");
    let dns =
        |name: &str, conf: &Value| live.container(name).run("ADD", conf).result()["dns"].clone();
    assert_eq!(dns("node", &conf), json!({ "nameservers": ["192.0.2.53"] }));
    let network = json!({
        "nameservers": ["192.0.2.1"], "domain": "a.test", "search": ["b.test"], "options": ["ndots:2"],
    });
    conf["dns"] = network.clone();
    assert_eq!(dns("network", &conf), network);
    let runtime = [
        json!({ "dns": { "servers": ["192.0.2.2"], "searches": ["c.test"], "options": ["rotate"] } }),
        json!({ "Dns": { "Servers": ["192.0.2.2"], "Searches": ["c.test"], "Options": ["rotate"] } }),
    ];
    for (n, runtime) in runtime.into_iter().enumerate() {
        conf["runtimeConfig"] = runtime;
        let expected = json!({
            "nameservers": ["192.0.2.2"], "search": ["c.test"], "options": ["rotate"],
        });
        assert_eq!(dns(&format!("runtime{n}"), &conf), expected);
    }
}

#[test]
fn addresses_that_are_asked_for_are_given_when_they_are_free() {
    let live = Live::start("");
    let conf = conf("1.0.0");
    let first = live.container("first");
    let result = first.run("ADD", &conf).result();
    let taken = result["ips"][0]["address"].as_str().unwrap().trim_end_matches("/32").to_owned();
    let (net, _) = taken.rsplit_once('.').unwrap();
    let wanted = format!("{net}.77");
    let asking = |name: &str, args: &str| {
        let container = live.container(name);
        let outcome = live.run(&container.call("ADD").with("CNI_ARGS", args).conf(&conf));
        (container, outcome)
    };
    let args = format!("IgnoreUnknown=1;NOMAD_JOB_ID=a=b;;IP={wanted};x");
    let (second, outcome) = asking("second", &args);
    assert_eq!(outcome.result()["ips"][0]["address"], format!("{wanted}/32"));
    let peers = live.peers();
    for ip in [taken.as_str(), wanted.as_str(), "192.0.2.1"] {
        let (third, outcome) =
            asking(&format!("not-{}", ip.replace('.', "-")), &format!("IP={ip}"));
        let (_, code, text) = outcome.error();
        assert!(code == 102 || code == 11, "{code}: {text}");
        assert_eq!((third.interfaces(), live.peers()), (vec!["lo".to_owned()], peers));
    }
    // Its own last address is given again at once.
    second.run("DEL", &conf).done();
    let again = live.run(&second.call("ADD").with("CNI_ARGS", format!("IP={wanted}")).conf(&conf));
    assert_eq!(again.result()["ips"][0]["address"], format!("{wanted}/32"));
    let mut by_runtime = conf.clone();
    by_runtime["runtimeConfig"] = json!({ "IPs": [format!("{net}.78/24")] });
    let result = live.container("fourth").run("ADD", &by_runtime).result();
    assert_eq!(result["ips"][0]["address"], format!("{net}.78/32"));
}

#[test]
fn behind_another_plugins_way_out_ours_is_an_extra_interface_for_the_cluster() {
    let live = Live::start("");
    let prefixes = live.cluster.prefixes().unwrap();
    for version in VERSIONS {
        let container = live.container(&format!("b{}", version.replace('.', "")));
        for line in [
            "link add eth0 type veth peer name other",
            "address add 10.9.0.2/24 dev eth0",
            "link set eth0 up",
            "link set other up",
            "route add default via 10.9.0.1",
        ] {
            container.netns.ip(&line.split(' ').collect::<Vec<_>>()).unwrap();
        }
        let before = of_a_bridge(version, container.netns.path().to_str().unwrap());
        let mut conf = conf(version);
        conf["prevResult"] = before.clone();
        conf["interfaceName"] = json!("wg7");
        let result = container.run("ADD", &conf).result();
        assert_eq!(
            result["interfaces"].as_array().unwrap()[..2],
            before["interfaces"].as_array().unwrap()[..]
        );
        assert_eq!(result["interfaces"][2]["name"], "wg7");
        assert_eq!(result["ips"][0], before["ips"][0]);
        assert_eq!(result["ips"].as_array().unwrap().len(), 3);
        assert!([1, 2].iter().all(|n| result["ips"][n]["interface"] == 2), "{result}");
        let routes: Vec<_> =
            result["routes"].as_array().unwrap().iter().map(|r| &r["dst"]).collect();
        assert_eq!(routes, [&json!("0.0.0.0/0"), &json!(prefixes[0]), &json!(prefixes[1])]);
        assert_eq!(result["dns"], before["dns"]);
        assert_eq!(container.routes("-4", "wg7"), [prefixes[0].clone()]);
        assert_eq!(container.routes("-6", "wg7"), [prefixes[1].clone()]);
        if version >= "0.4.0" {
            container.check(&conf, &result).done();
        }
        conf.as_object_mut().unwrap().remove("prevResult");
        container.run("DEL", &conf).done();
        assert_eq!(container.interfaces().len(), 3);
        assert!(!container.interfaces().contains(&"wg7".to_owned()));
    }
}

#[test]
fn an_extra_interface_of_another_attachment_stays() {
    let live = Live::start("");
    let container = live.container("web");
    let mut conf = conf("1.0.0");
    conf["prevResult"] = of_a_bridge("1.0.0", "/x");
    container.run("ADD", &conf).result();
    let second = container.call("ADD").with("CNI_IFNAME", "eth1").conf(&conf);
    live.run(&second).fails_with(101);
    live.run(&container.call("DEL").with("CNI_IFNAME", "eth1").conf(&conf)).done();
    assert!(container.interfaces().contains(&"wg0".to_owned()));
    assert_eq!(live.peers(), 1);
}

#[test]
fn after_loopback_ours_is_the_main_interface() {
    let live = Live::start("");
    let container = live.container("web");
    let mut conf = conf("1.0.0");
    // As the loopback plugin of another version left it.
    conf["prevResult"] = json!({
        "cniVersion": "0.4.0",
        "interfaces": [{ "name": "lo", "mac": "00:00:00:00:00:00", "sandbox": container.netns.path() }],
        "ips": [
            { "version": "4", "address": "127.0.0.1/8", "interface": 0 },
            { "version": "6", "address": "::1/128", "interface": 0 },
        ],
        "dns": {},
    });
    let result = container.run("ADD", &conf).result();
    assert_eq!(result["interfaces"][1]["name"], "eth0");
    assert_eq!(result["ips"][0], json!({ "address": "127.0.0.1/8", "interface": 0 }));
    assert_eq!(result["ips"][2]["interface"], 1);
    assert_eq!(container.routes("-4", "eth0"), ["default"]);
    container.check(&conf, &result).done();
}
