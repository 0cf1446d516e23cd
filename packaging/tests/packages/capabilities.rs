//! The capabilities of node-manager's unit, where a machine cannot show them: it has a PID
//! namespace of its own, in which nothing is ever proven dead.

use std::process::{Command, Stdio};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packages/capabilities.sh");
const UNIT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/systemd/node-manager.service"));

/// The capabilities that the unit names: `net_admin`.
fn of_the_unit() -> Vec<String> {
    let line = UNIT.lines().find_map(|line| line.strip_prefix("CapabilityBoundingSet="));
    let names = line.unwrap().split_whitespace();
    names.map(|name| name.strip_prefix("CAP_").unwrap().to_lowercase()).collect()
}

/// What a node-manager with these says of a container that is gone.
fn verdict(capabilities: &[String]) -> String {
    let work = tempfile::tempdir().unwrap();
    let set = [&[String::new()], capabilities].concat().join(",+");
    let bin = std::env::var_os("WGCNI_BIN_DIR").expect("run by: make test-packages");
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", SCRIPT]).arg(bin).arg(work.path()).arg(set);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn units_capabilities_let_dead_containers_be_reclaimed_and_without_one_of_two_none_is() {
    let all = of_the_unit();
    let said = verdict(&all);
    assert!(said.contains("nobody is in its namespace, and nobody names it"), "{said}");
    for needed in ["sys_ptrace", "dac_read_search"] {
        let without: Vec<_> = all.iter().filter(|name| *name != needed).cloned().collect();
        assert_eq!(without.len(), all.len() - 1);
        let said = verdict(&without);
        assert!(said.contains("nothing is proven dead"), "without {needed}: {said}");
    }
}
