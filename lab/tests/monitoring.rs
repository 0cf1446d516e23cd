//! Alerts, dashboard and sample configuration fit the metrics that there are.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use wgcni_lab::metrics::{is_ours, names_in, promtool};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Metrics that docs/metrics.md, and so the daemons, have.
fn documented() -> BTreeSet<String> {
    let text = read("docs/metrics.md");
    let names = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    names.filter(|name| is_ours(name)).map(str::to_owned).collect()
}

/// Runs promtool; what it said.
fn check(arguments: &[&str]) -> String {
    let done =
        Command::new(promtool().unwrap()).args(arguments).current_dir(root()).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(done.status.success(), "promtool {arguments:?}: {said}");
    said
}

#[test]
fn alerts_are_what_their_tests_say() {
    check(&["check", "config", "deploy/prometheus/prometheus.yml"]);
    let said = check(&["check", "rules", "deploy/prometheus/alerts.yml"]);
    let alerts = read("deploy/prometheus/alerts.yml");
    let alerts = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: BTreeSet<_> = alerts.collect();
    assert!(said.contains(&format!("{} rules found", alerts.len())), "{said}");
    check(&["test", "rules", "deploy/prometheus/alerts_test.yml"]);
    let tests = read("deploy/prometheus/alerts_test.yml");
    for alert in alerts {
        assert!(
            tests.contains(&format!("alertname: {alert}\n")),
            "{alert} has no test that fires it"
        );
    }
}

#[test]
fn alerts_use_metrics_that_are_there_and_name_a_remedy() {
    let rules = read("deploy/prometheus/alerts.yml");
    let unknown: Vec<_> = names_in(&rules).difference(&documented()).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let remedies = read("docs/metrics.md");
    let mut named = 0;
    for line in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        named += 1;
        let anchor = format!("runbook: docs/metrics.md#{}", line.to_lowercase());
        assert!(rules.contains(&anchor), "{line} names no remedy");
        assert!(remedies.contains(&format!("### {line}\n")), "{line} has no remedy");
    }
    assert!(named >= 15 && named == remedies.matches("### Wgcni").count());
}

/// All strings under a key, however deep.
fn strings<'a>(value: &'a Value, key: &str, into: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
            Value::String(text) if name == key => into.push(text),
            value => strings(value, key, into),
        }),
        Value::Array(items) => items.iter().for_each(|item| strings(item, key, into)),
        _ => {}
    }
}

#[test]
fn the_dashboard_shows_metrics_that_are_there() {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana/wgcni.json")).unwrap();
    let (mut expressions, documented) = (Vec::new(), documented());
    for key in ["expr", "query"] {
        strings(&dashboard, key, &mut expressions);
    }
    assert!(expressions.len() > 20, "{expressions:?}");
    let mut shown = BTreeSet::new();
    for expression in expressions {
        let names = names_in(expression);
        let unknown: Vec<_> = names.difference(&documented).collect();
        assert!(unknown.is_empty(), "{expression}: {unknown:?}");
        shown.extend(names);
    }
    assert!(shown.len() > 20, "{shown:?}");
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "every panel has an id of its own");
}
