//! What the protocol says before anybody is asked: verbs, versions, environment, stdin.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::path::Path;
use support::{Call, Netns, conf};
use tempfile::tempdir;

const VERSIONS: [&str; 5] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// A configuration that points to nothing.
fn nowhere(version: &str) -> Value {
    conf(version, Path::new("/nonexistent"))
}

#[test]
fn without_a_verb_name_and_version_are_on_stderr_and_stdout_is_empty() {
    for call in [Call::new("").without("CNI_COMMAND"), Call::new("").stdin("{garbage")] {
        let outcome = call.run();
        outcome.done();
        let first = outcome.stderr.split_whitespace().find(|word| word.contains('.'));
        assert_eq!(first, Some(env!("CARGO_PKG_VERSION")));
        assert!(outcome.stderr.starts_with("wireguard-cni "), "{outcome}");
    }
}

#[test]
fn version_looks_at_nothing_but_verb_and_stdin() {
    let dummies = ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS", "CNI_PATH", "CNI_ARGS"];
    let dummy = dummies.iter().fold(Call::new("VERSION"), |call, name| call.with(name, "dummy/:"));
    let empty = dummies.iter().fold(Call::new("VERSION"), |call, name| call.with(name, ""));
    let none = dummies.iter().fold(Call::new("VERSION"), |call, name| call.without(name));
    for call in [dummy, empty, none] {
        for version in VERSIONS {
            let answer = call.clone().conf(&json!({ "cniVersion": version })).run().result();
            assert_eq!(answer, json!({ "cniVersion": version, "supportedVersions": VERSIONS }));
        }
        for stdin in ["", "garbage", "[]", r#"{"cniVersion":"9.9.9"}"#, r#"{"cniVersion":7}"#] {
            let answer = call.clone().stdin(stdin).run().result();
            assert_eq!(answer["supportedVersions"], json!(VERSIONS));
        }
    }
}

#[test]
fn all_missing_variables_are_in_one_message() {
    let call = Call::new("ADD").without("CNI_CONTAINERID").with("CNI_IFNAME", "");
    let text = call.conf(&nowhere("1.0.0")).run().fails_with(4);
    for name in ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS"] {
        assert!(text.contains(name), "{text}");
    }
    let text = Call::new("DEL").without("CNI_IFNAME").conf(&nowhere("1.0.0")).run().fails_with(4);
    assert!(text.contains("CNI_IFNAME") && !text.contains("CNI_NETNS"), "{text}");
}

#[test]
fn variables_that_cannot_be_are_refused() {
    let wrong = [
        ("CNI_COMMAND", "add"),
        ("CNI_CONTAINERID", "../../etc"),
        ("CNI_CONTAINERID", "-c1"),
        ("CNI_IFNAME", "sixteen-bytes-xx"),
        ("CNI_IFNAME", "a/b"),
        ("CNI_IFNAME", "a:b"),
        ("CNI_IFNAME", "a b"),
        ("CNI_IFNAME", ".."),
        ("CNI_ARGS", "IP=10.0.0.300"),
        ("CNI_ARGS", "IP=10.0.0.1,10.0.0.2"),
        // The host's own namespace, and something that is none.
        ("CNI_NETNS", "/proc/self/ns/net"),
        ("CNI_NETNS", "/proc/self/ns/mnt"),
        ("CNI_NETNS", "/etc/passwd"),
    ];
    let netns = Netns::new();
    for (name, value) in wrong {
        let call = Call::new("ADD").netns(&netns.path()).with(name, value);
        let text = call.conf(&nowhere("1.0.0")).run().fails_with(4);
        assert!(text.contains(name), "{text}");
    }
    assert_eq!(netns.interfaces(), ["lo"]);
}

#[test]
fn a_container_without_namespace_is_unknown() {
    let call = Call::new("ADD").with("CNI_NETNS", "/run/netns/wgcni-there-is-none");
    call.conf(&nowhere("1.0.0")).run().fails_with(3);
}

#[test]
fn other_versions_are_incompatible() {
    let call = Call::new("ADD").with("CNI_NETNS", "/dev/null");
    for version in ["0.1.0", "0.2.0", "1.2.0", "", "not found"] {
        let text = call.clone().conf(&nowhere(version)).run().fails_with(1);
        assert!(text.contains("0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0"), "{text}");
    }
    // Without one it is 0.1.0.
    call.conf(&json!({ "name": "wgnet" })).run().fails_with(1);
}

#[test]
fn errors_are_written_in_the_version_of_the_configuration() {
    for version in VERSIONS {
        let call = Call::new("ADD").conf(&json!({ "cniVersion": version, "name": "/" }));
        assert_eq!(call.clone().run().error().0, version);
        assert_eq!(call.with("CNI_NETNS", "/x").run().error().0, version);
    }
}

#[test]
fn verbs_are_refused_to_versions_that_lack_them() {
    for version in VERSIONS {
        let run = |verb| Call::new(verb).with("CNI_NETNS", "/x").conf(&nowhere(version)).run();
        assert_eq!(run("CHECK").error().1 == 1, version < "0.4.0");
        assert_eq!(run("STATUS").error().1 == 1, version < "1.1.0");
        assert_eq!(run("GC").error().1 == 1, version < "1.1.0");
    }
}

#[test]
fn stdin_that_is_no_configuration_cannot_be_decoded() {
    let deep = "[".repeat(100_000);
    let twice = r#"{"cniVersion":"1.0.0","name":"a"}{"x":1}"#;
    let wrong = ["", "null", "7", "{", "[]", "\u{0}", r#"{"cniVersion":1}"#, &deep, twice];
    for verb in ["ADD", "DEL", "CHECK", "GC", "STATUS"] {
        for stdin in wrong {
            let call = Call::new(verb).with("CNI_NETNS", "/x").stdin(stdin);
            call.run().fails_with(6);
        }
    }
}

#[test]
fn a_configuration_that_cannot_be_is_invalid() {
    let wrong = [
        ("name", json!(null)),
        ("name", json!("../x")),
        ("interfaceName", json!("a/b")),
        ("socket", json!("relative")),
        ("tombstones", json!("")),
    ];
    for (key, value) in wrong {
        let mut conf = nowhere("1.0.0");
        conf[key] = value;
        let text = Call::new("ADD").with("CNI_NETNS", "/x").conf(&conf).run().fails_with(7);
        assert!(text.contains(key), "{text}");
    }
}

#[test]
fn a_hardware_address_is_an_unsupported_field_in_either_spelling() {
    for key in ["mac", "Mac"] {
        let mut conf = nowhere("1.0.0");
        conf["runtimeConfig"] = json!({ key: "02:00:00:00:00:01" });
        let text = Call::new("ADD").with("CNI_NETNS", "/x").conf(&conf).run().fails_with(2);
        assert!(text.contains("mac") && text.contains("02:00:00:00:00:01"), "{text}");
    }
}

/// What our own results say: podman hands it back at a reload.
#[test]
fn no_hardware_address_is_none_that_is_asked_for() {
    for none in ["", "00:00:00:00:00:00"] {
        let mut conf = nowhere("1.0.0");
        conf["runtimeConfig"] = json!({ "mac": none });
        Call::new("ADD").with("CNI_NETNS", "/no/such").conf(&conf).run().fails_with(3);
    }
}

#[test]
fn wrong_addresses_of_the_runtime_are_refused_in_either_spelling() {
    for key in ["ips", "Ips", "IPs"] {
        let mut conf = nowhere("1.0.0");
        conf["runtimeConfig"] = json!({ key: ["10.64.0.5/24", "10.64.0.6"] });
        let text = Call::new("ADD").with("CNI_NETNS", "/x").conf(&conf).run().fails_with(7);
        assert!(text.contains("runtimeConfig.ips"), "{text}");
    }
}

#[test]
fn check_needs_a_previous_result_that_can_be_read() {
    let directory = tempdir().unwrap();
    let check = |conf: &Value| Call::new("CHECK").with("CNI_NETNS", "/x").conf(conf).run();
    let mut conf = conf("1.0.0", directory.path());
    assert!(check(&conf).fails_with(7).contains("prevResult: is missing"));
    let wrong = [
        json!({ "cniVersion": "0.2.0" }),
        json!({ "cniVersion": "1.0.0", "ips": 7 }),
        json!({ "ips": [{ "address": "10.0.0.1/32", "interface": 1 }], "interfaces": [{ "name": "a" }] }),
        json!({ "ips": [{ "address": "10.0.0.1/32", "interface": -1 }] }),
        json!([]),
    ];
    for wrong in wrong {
        conf["prevResult"] = wrong;
        assert!(check(&conf).fails_with(7).contains("prevResult"));
    }
}

#[test]
fn unreadable_stdin_is_an_input_error() {
    let mut command = std::process::Command::new(support::PLUGIN);
    let directory = std::fs::File::open("/").unwrap();
    command.env_clear().env("CNI_COMMAND", "STATUS").stdin(directory);
    let output = command.output().unwrap();
    let outcome = support::Outcome {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::new(),
    };
    outcome.fails_with(5);
}
