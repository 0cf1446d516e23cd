//! The files of `nomad/`, the guide to them and the provisioning of virtual machines say
//! nothing that the programs do not know.
#![allow(clippy::unwrap_used)]

mod files;
mod flags;

use std::collections::{BTreeMap, BTreeSet};

use hcl::{Body, Expression};
use serde_json::Value;
use wgcni_lab::{Cluster, programs};

use files::{attribute, blocks, code, command_lines, files, label, read, tasks};

use flags::{help, unknown};

/// What opens something in the language of templates, for `end` to close.
const OPENING: [&str; 3] = ["with", "range", "if"];

#[test]
fn jobs_use_flags_and_variables_that_the_programs_have() {
    let mut checked = Vec::new();
    for (file, body) in files() {
        for (program, arguments, variables) in tasks(&body) {
            assert_eq!(unknown(&program, &arguments, &variables), [""; 0], "{file}");
            let paths = arguments.windows(2).filter(|pair| pair[1].starts_with('/'));
            for path in paths.map(|pair| format!("[default: {}]", pair[1])) {
                assert!(help(&program, &arguments[0]).unwrap().contains(&path), "{file}: {path}");
            }
            checked.push(format!("{program} {}", arguments[0]));
        }
    }
    let all = ["cluster-manager serve", "node-manager join", "node-manager serve"];
    assert_eq!(checked, [&all[..], &["node-manager tunnels"]].concat());
}

#[test]
fn guides_and_scripts_use_flags_that_the_programs_have() {
    for of in ["docs/nomad.md", "deploy/vagrant/provision.sh"] {
        let lines = command_lines(&code(of));
        assert!(lines.len() > 2, "{of}: {lines:?}");
        for (program, arguments) in lines {
            assert_eq!(unknown(&program, &arguments, &BTreeSet::new()), [""; 0], "{of}");
        }
    }
}

#[test]
fn secrets_are_in_no_argument_and_in_files_of_their_own() {
    for (file, body) in files() {
        for template in blocks(&body, "template") {
            let data = attribute(template.body(), "data").unwrap();
            if data.contains("nomadVar") {
                let destination = attribute(template.body(), "destination").unwrap();
                assert!(destination.starts_with("${NOMAD_SECRETS_DIR}/"), "{file}: {destination}");
                assert_eq!(attribute(template.body(), "perms").as_deref(), Some("0600"), "{file}");
                assert_eq!(attribute(template.body(), "env"), None, "{file}");
            }
        }
        for (_, arguments, _) in tasks(&body) {
            assert!(arguments.iter().all(|word| !word.contains("{{")), "{file}: {arguments:?}");
        }
        assert!(!read(&format!("nomad/{file}")).contains("wgcni1."), "{file}");
    }
}

#[test]
fn templates_ask_for_what_is_registered_and_close_what_they_open() {
    let files = files();
    let registered = files.values().flat_map(|body| blocks(body, "service"));
    let registered: BTreeSet<_> =
        registered.filter_map(|service| attribute(service.body(), "name")).collect();
    for (file, body) in &files {
        let job = blocks(body, "job").first().map(|job| label(job)).unwrap_or_default();
        for template in blocks(body, "template") {
            let data = attribute(template.body(), "data").unwrap();
            let mut open = 0;
            for action in data.split("{{").skip(1) {
                let (action, _) = action.split_once("}}").unwrap();
                let words: Vec<&str> = action.split_whitespace().collect();
                open += i32::from(OPENING.contains(&words[0])) - i32::from(words[0] == "end");
                let asked = words.last().unwrap().trim_matches('"').to_owned();
                if words.contains(&"nomadService") {
                    assert!(registered.contains(&asked), "{file}: {asked}");
                } else if words.contains(&"nomadVar") {
                    // A job may read what lies under its own name, without a policy.
                    assert_eq!(asked, format!("nomad/jobs/{job}"), "{file}");
                }
            }
            assert_eq!(open, 0, "{file}: {data}");
        }
    }
}

#[test]
fn ports_are_the_documented_ones() {
    let configuration = read("docs/configuration.md");
    let documented = |section: &str, key: &str| {
        let (_, section) = configuration.split_once(section).unwrap();
        let line = section.lines().find(|line| line.starts_with(&format!("| `{key}` |")));
        let value = line.unwrap_or_else(|| panic!("{key}")).split('`').nth(3).unwrap().to_owned();
        value.rsplit(':').next().unwrap().to_owned()
    };
    let expected = BTreeMap::from([
        ("api", documented("## cluster-manager", "listen")),
        ("join", documented("## cluster-manager", "join_listen")),
        ("mesh", documented("## node-manager", "mesh_port")),
        ("hub", documented("## node-manager", "hub_port")),
    ]);
    let files = files();
    for (name, port) in expected {
        let all = ["cluster-manager.hcl", "node-manager.hcl"];
        let mut ports = all.iter().flat_map(|file| blocks(&files[*file], "port"));
        let found = ports.find(|block| label(block) == name).unwrap();
        assert_eq!(attribute(found.body(), "static"), Some(port), "{name}");
    }
    for (file, body) in &files {
        let ports: BTreeSet<String> = blocks(body, "port").iter().map(|port| label(port)).collect();
        let used = blocks(body, "service").into_iter().chain(blocks(body, "check"));
        let used = used.filter_map(|block| attribute(block.body(), "port"));
        let used = used.filter(|port| port.parse::<u16>().is_err());
        let arguments = tasks(body).into_iter().flat_map(|(_, arguments, _)| arguments);
        let inside: Vec<String> = arguments
            .filter_map(|word| {
                Some(word.split_once("${NOMAD_PORT_")?.1.split_once('}')?.0.to_owned())
            })
            .collect();
        let unknown: Vec<_> = used.chain(inside).filter(|port| !ports.contains(port)).collect();
        assert_eq!(unknown, [""; 0], "{file}");
    }
}

#[test]
fn allocations_are_in_the_network_that_the_conflist_makes() {
    let conflist: Value = serde_json::from_str(&read("nomad/wgnet.conflist")).unwrap();
    let types: Vec<_> = conflist["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| plugin["type"].clone())
        .collect();
    assert_eq!(types, ["wireguard-cni", "portmap"]);
    assert_eq!(conflist["plugins"][1]["capabilities"]["portMappings"], true);
    let mut jobs = Vec::new();
    for (file, body) in files() {
        for network in blocks(&body, "network") {
            if let Some(mode) = attribute(network.body(), "mode") {
                assert_eq!(mode, format!("cni/{}", conflist["name"].as_str().unwrap()), "{file}");
                jobs.push(file.clone());
            }
        }
    }
    assert_eq!(jobs, ["countdash.hcl", "countdash.hcl", "sleep.hcl"]);
}

#[test]
fn clients_have_the_paths_of_the_guide_and_what_jobs_are_bound_to() {
    let files = files();
    let client = blocks(&files["client.hcl"], "client")[0];
    let guide = read("docs/cni.md");
    for key in ["cni_path", "cni_config_dir"] {
        let path = attribute(client.body(), key).unwrap();
        assert!(guide.contains(&format!("`{path}`")), "{key}: {path}");
    }
    let meta = blocks(client.body(), "meta")[0];
    let meta: BTreeSet<String> = meta
        .body()
        .attributes()
        .map(|attribute| format!("${{meta.{}}}", attribute.key()))
        .collect();
    let bound = files.values().flat_map(|body| blocks(body, "constraint"));
    let bound = bound.filter_map(|constraint| attribute(constraint.body(), "attribute"));
    let bound: BTreeSet<String> = bound.filter(|name| name.starts_with("${meta.")).collect();
    assert_eq!(bound, meta);
}

#[test]
fn agents_of_the_virtual_machines_are_configured_for_the_vagrantfile() {
    let vagrantfile = read("Vagrantfile");
    let agent: Body = hcl::from_str(&read("deploy/vagrant/nomad-agent.hcl")).unwrap();
    let servers = attribute(blocks(&agent, "client")[0].body(), "servers").unwrap();
    let server = servers.split('"').nth(1).unwrap();
    assert!(
        vagrantfile.contains(&format!("SERVER = {{ name: \"server\", address: \"{server}\" }}"))
    );
    let network = format!("\"{}.0/24\"", server.rsplit_once('.').unwrap().0);
    for key in ["http", "rpc", "serf"] {
        let address = attribute(blocks(&agent, "advertise")[0].body(), key).unwrap();
        assert!(address.replace('\\', "").contains(&network), "{key}: {address}");
    }
    let server: Body = hcl::from_str(&read("deploy/vagrant/nomad-server.hcl")).unwrap();
    assert_eq!(attribute(blocks(&server, "server")[0].body(), "enabled").unwrap(), "true");
}

#[test]
fn the_guide_names_every_file() {
    let guide = read("docs/nomad.md");
    for file in files().keys().map(String::as_str).chain(["wgnet.conflist"]) {
        assert!(guide.contains(&format!("nomad/{file}")), "{file}");
    }
}

#[test]
fn the_check_of_the_cluster_managers_service_succeeds() {
    let files = files();
    let check = blocks(&files["cluster-manager.hcl"], "check")[0];
    let of = |key: &str| attribute(check.body(), key).unwrap();
    let cluster = Cluster::new().unwrap();
    let ports = blocks(&files["cluster-manager.hcl"], "port");
    let port = ports.iter().find(|port| label(port) == of("port")).unwrap();
    let port = attribute(port.body(), "static").unwrap();
    let base = format!("{}://{}:{port}", of("protocol"), cluster.api().ip());
    let header = blocks(check.body(), "header")[0].body();
    let header = header.attributes().next().unwrap();
    let Expression::Array(values) = header.expr() else { panic!("{header:?}") };
    let header = format!("{}: {}", header.key(), values[0].to_string().trim_matches('"'));
    // --insecure is Nomad's tls_skip_verify.
    let request = ["curl", "-sS", "--fail", "--insecure", "-X", &of("method")].map(str::to_owned);
    let rest =
        ["-H".to_owned(), header, "-d".to_owned(), of("body"), format!("{base}{}", of("path"))];
    let line = [&request[..], &rest].concat();
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let answer = cluster.host().run(&line).unwrap();
    assert!(answer.contains("SERVING"), "{answer}");
}

/// What Nomad would run as a prestart task at every start of an allocation.
#[test]
fn the_join_task_makes_a_member_once_and_lets_it_start_ever_after() {
    let files = files();
    let tasks = blocks(&files["node-manager.hcl"], "task");
    let task = tasks.into_iter().find(|task| label(task) == "join").unwrap();
    let config = blocks(task.body(), "config")[0].body();
    let words = config.attributes().find(|attribute| attribute.key() == "args").unwrap();
    let Expression::Array(words) = words.expr() else { panic!("{words:?}") };
    let [_, script] = words.as_slice() else { panic!("{words:?}") };
    let (cluster, secrets) = (Cluster::new().unwrap(), "/etc/wgcni/secrets");
    let script = script.to_string().replace("${NOMAD_SECRETS_DIR}", secrets);
    let bin = programs::directory().unwrap();
    let script = script.trim_matches('"').replace("${var.bin}", bin.to_str().unwrap());
    let host = cluster.lab().add_host("ash").unwrap();
    let node = cluster.prepare_node("ash", host, "").unwrap();
    let start = || node.host().run(&[&attribute(config, "command").unwrap(), "-euc", &script]);
    let ticket = cluster.ticket("ash").unwrap();
    node.host().write(&format!("{secrets}/join"), &ticket).unwrap();
    assert!(start().unwrap().contains("joined cluster"));
    // Its ticket is used up; and where the next start is an upgrade, it runs.
    assert!(start().unwrap().contains("already"));
    node.start().unwrap();
    assert!(start().unwrap().contains("already"));
}
