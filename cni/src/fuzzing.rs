//! Bodies of fuzz targets: what the runtime sends.

use crate::conf::Conf;
use crate::error::Error;
use crate::output;
use crate::request::{Container, Request};
use crate::result::CniResult;
use crate::version::{Version, version};
use serde_json::Value;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

const VERSIONS: [Version; 5] =
    [Version::V030, Version::V031, Version::V040, Version::V100, Version::V110];

/// When it is asked, since the host's boot.
const NOW: Duration = Duration::from_hours(500);

/// Longest refusal: it echoes little of what it refuses.
const LONGEST: usize = 2_000;

/// A configuration on stdin, for every verb.
pub fn stdin(bytes: &[u8]) {
    version(bytes);
    for verb in ["VERSION", "ADD", "DEL", "CHECK", "GC", "STATUS"] {
        match Request::parse(verb, &|name| variable(name, b""), bytes, NOW) {
            Ok(request) => look_into(request),
            Err(error) => refusal(&error),
        }
    }
    assert_eq!(Conf::parse(bytes).ok(), Conf::parse(bytes).ok());
}

/// `CNI_ARGS`.
pub fn args(bytes: &[u8]) {
    let stdin = br#"{"cniVersion":"1.0.0","name":"wgnet","type":"wireguard-cni"}"#;
    let env = |name: &str| variable(name, bytes);
    for verb in ["ADD", "DEL", "CHECK"] {
        match Request::parse(verb, &env, stdin, NOW) {
            Ok(Request::Add(container)) => same_again(&container),
            Ok(_) => {}
            Err(error) => {
                assert_eq!(verb, "ADD", "only ADD may fail over its arguments");
                assert!(error.to_string().contains("CNI_ARGS"), "{error}");
                refusal(&error);
            }
        }
    }
}

/// What was asked for, written as arguments, is asked for again.
fn same_again(container: &Container) {
    let Some(addresses) = container.requested else { return };
    let texts: Vec<_> = addresses.iter().map(|address| address.to_string()).collect();
    let again = crate::conf::wished(&texts);
    assert_eq!(again, Ok(Some(addresses)));
}

fn variable(name: &str, args: &[u8]) -> Option<OsString> {
    match name {
        "CNI_CONTAINERID" => Some("c1".into()),
        "CNI_IFNAME" => Some("eth0".into()),
        "CNI_NETNS" => Some("/var/run/netns/c1".into()),
        "CNI_ARGS" => Some(OsString::from_vec(args.to_vec())),
        _ => None,
    }
}

fn look_into(request: Request) {
    let conf = match request {
        Request::Version => return,
        Request::Add(container) | Request::Del(container) | Request::Check(container) => {
            container.conf
        }
        Request::Gc(conf) | Request::Status(conf) => conf,
    };
    if let Err(error) = conf.runtime() {
        refusal(&error);
    }
    match conf.prev_result.as_ref().map(CniResult::parse) {
        Some(Ok(result)) => passed_on(&result),
        Some(Err(error)) => refusal(&error),
        None => {}
    }
}

/// What other plugins made is passed on whole, in every version.
fn passed_on(result: &CniResult) {
    for version in VERSIONS {
        let written = result.to_json(version);
        let read = CniResult::parse(&written);
        assert!(read.is_ok(), "{written}: {read:?}");
        let Ok(read) = read else { return };
        assert_eq!(read.to_json(version), written);
        if version == Version::V110 {
            assert_eq!(read, *result);
        }
    }
}

/// A refusal is one JSON object, short, with a code.
fn refusal(error: &Error) {
    let mut out = Vec::new();
    assert_eq!(output::failure(&mut out, error, Version::V100), 1);
    assert!(out.len() <= LONGEST, "{} bytes: {}", out.len(), String::from_utf8_lossy(&out));
    let json: Option<Value> = serde_json::from_slice(&out).ok();
    assert!(json.is_some_and(|json| json["code"].is_u64() && json["msg"].is_string()));
}

#[cfg(test)]
mod tests {
    use wgcni_fuzzing::bounded;

    #[test]
    fn no_stdin_is_too_much() {
        bounded("cni_stdin", super::stdin);
    }

    #[test]
    fn no_arguments_are_too_much() {
        bounded("cni_args", super::args);
    }
}
