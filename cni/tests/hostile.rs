//! Foreign bytes: whatever comes in, one JSON object or nothing goes out.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::Value;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use wgcni_plugin::{World, run};

/// Runs the plugin in this process; checks what must always hold.
fn call(env: &dyn Fn(&str) -> Option<OsString>, mut stdin: &[u8]) -> (u8, Option<Value>) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = run(World {
        env,
        stdin: &mut stdin,
        stdout: &mut stdout,
        stderr: &mut stderr,
        random: &|| Ok([7; 32]),
    });
    assert!(code <= 1);
    if stdout.is_empty() {
        assert_eq!(code, 0);
        return (code, None);
    }
    let answer: Value = serde_json::from_slice(&stdout).unwrap();
    assert!(answer.is_object());
    if code == 1 {
        assert!(answer["code"].as_u64().is_some() && answer["msg"].is_string(), "{answer}");
        let text = answer.to_string().to_lowercase();
        assert!(!text.contains("not found") && !text.contains("no such file"), "{text}");
    }
    (code, Some(answer))
}

/// Verbs that never reach a file of this machine: their namespace is none.
fn verb() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("ADD"), Just("CHECK"), Just("VERSION"), Just("not found")]
}

/// Configurations that are nearly right.
fn nearly() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z0-9./:]{0,12}|1.0.0|1.1.0|wgnet|10.0.0.1/32|not found".prop_map(Value::from),
    ];
    let tree = leaf.prop_recursive(4, 32, 6, |inner| {
        let key = "cniVersion|name|dns|nameservers|runtimeConfig|ips|IPs|mac|prevResult|interfaces|\
            routes|address|interface|dst|gw|cni.dev/valid-attachments|containerID|ifname|[a-z]{3}";
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    let root = proptest::collection::btree_map("dns|runtimeConfig|prevResult|x", tree, 0..4);
    root.prop_map(|map| {
        let mut conf: serde_json::Map<_, _> = map.into_iter().collect();
        conf.insert("cniVersion".to_owned(), "1.0.0".into());
        conf.insert("name".to_owned(), "wgnet".into());
        conf.insert("socket".to_owned(), "/nonexistent/node.sock".into());
        Value::Object(conf).to_string()
    })
}

proptest! {
    #[test]
    fn any_bytes_on_stdin_get_an_answer(
        verb in verb(),
        stdin in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            nearly().prop_map(String::into_bytes),
        ],
    ) {
        call(&|name| match name {
            "CNI_COMMAND" => Some(verb.into()),
            "CNI_CONTAINERID" => Some("c1".into()),
            "CNI_IFNAME" => Some("eth0".into()),
            "CNI_NETNS" => Some("/nonexistent/not found".into()),
            _ => None,
        }, &stdin);
    }

    #[test]
    fn any_bytes_in_the_environment_get_an_answer(
        verb in verb(),
        value in proptest::collection::vec(any::<u8>(), 0..300),
        args in "(IP=|K8S=|=|;|a|1|\\.|,|:|not found){0,20}",
    ) {
        call(&|name| match name {
            "CNI_COMMAND" => Some(verb.into()),
            "CNI_NETNS" => Some("/nonexistent/x".into()),
            "CNI_ARGS" => Some(args.clone().into()),
            _ => Some(OsString::from_vec(value.clone())),
        }, br#"{"cniVersion":"1.0.0","name":"wgnet","socket":"/nonexistent/s"}"#);
    }
}

#[test]
fn a_panic_is_an_error_object_too() {
    let env = |name: &str| match name {
        "CNI_COMMAND" => Some("ADD".into()),
        _ => panic!("the environment is not found"),
    };
    let (code, answer) = call(&env, b"{}");
    let answer = answer.unwrap();
    assert_eq!((code, &answer["code"]), (1, &199.into()));
    assert_eq!(answer["details"], "the environment is missing");
}
