//! node-manager: whether it runs, is ready, and what it complains of.

use std::time::Duration;

use super::finding::{Finding, Remedy, advice, run};
use super::machine::Machine;
use crate::times;

const CHECK: &str = "node-manager";

/// A certificate lives for a day and is renewed after a third of that: so late, something
/// keeps it from that.
const LATE: Duration = Duration::from_hours(6);

pub(crate) struct Facts {
    is_node: bool,
    root: bool,
    now: Duration,
    status: Result<Status, String>,
}

/// What matters of Status.
#[derive(Clone, Default)]
pub(crate) struct Status {
    ready: bool,
    reasons: Vec<String>,
    /// Unix time in milliseconds; 0: no certificate.
    certificate: u64,
    silent: Vec<(String, String)>,
    repairs: u64,
    free: u64,
}

pub(crate) fn look(machine: &Machine) -> Facts {
    let status = machine.node.as_ref().map(|status| Status {
        ready: status.ready,
        reasons: status.reasons.clone(),
        certificate: status.certificate_expires_unix_ms,
        silent: status.silent_peers.iter().map(|p| (p.node.clone(), p.endpoint.clone())).collect(),
        repairs: status.repairs.values().sum(),
        free: status.free_addresses,
    });
    let status = status.map_err(Clone::clone);
    // One that joined no cluster is not started, and `roles` says so.
    let is_node = machine.roles.node && machine.can_serve();
    Facts { is_node, root: machine.root, now: times::now(), status }
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    if !facts.is_node {
        return Vec::new();
    }
    let status = match &facts.status {
        Ok(status) => status,
        Err(_) if !facts.root => return Vec::new(),
        Err(why) => {
            let seen = format!("it does not answer, so that no container starts: {why}");
            return vec![Finding::problem(CHECK, seen, run(Machine::service("restart", CHECK)))];
        }
    };
    let mut findings: Vec<_> = status.reasons.iter().map(|r| of_reason(r)).collect();
    if status.ready {
        let seen = format!("it is ready, with {} free addresses", status.free);
        findings.push(Finding::ok(CHECK, seen));
    } else if findings.is_empty() {
        let look = advice("its log says why: `journalctl -u node-manager -n 50`");
        findings.push(Finding::problem(CHECK, "it is not ready", look));
    }
    for (node, endpoint) in &status.silent {
        let seen = format!("node {node} at {endpoint} answers nothing");
        let look =
            format!("on {node}: `wgcni doctor`; between: is its UDP port open? tcpdump on both");
        findings.push(Finding::warning(CHECK, seen, advice(look)));
    }
    findings.extend(of_certificate(status.certificate, facts.now));
    if status.repairs > 100 {
        let seen = format!("it repaired {} times what somebody else changed", status.repairs);
        let look = advice("find who: `journalctl -u node-manager | grep 'repaired what'`");
        findings.push(Finding::warning(CHECK, seen, look));
    }
    findings
}

/// What a reason of Status means. What blocks, and what only the operator of the cluster can
/// end, is a problem.
fn of_reason(reason: &str) -> Finding {
    let (degraded, what) = match reason.strip_prefix("degraded: ") {
        Some(what) => (true, what),
        None => (false, reason),
    };
    let remedy = remedy_of(what);
    let weaker = degraded || what.starts_with("insecure plaintext");
    if !weaker || what.starts_with("revoked") || what.starts_with("the certificate expired") {
        Finding::problem(CHECK, reason, remedy)
    } else {
        Finding::warning(CHECK, reason, remedy)
    }
}

fn remedy_of(what: &str) -> Remedy {
    let known = [
        (
            "insecure plaintext",
            "join the cluster: `node-manager join`, and remove insecure_plaintext",
        ),
        (
            "no lease yet",
            "its log says why: `journalctl -u node-manager -n 50`; see cluster-manager below",
        ),
        (
            "the host is not ready",
            "its log says what could not be done: `journalctl -u node-manager -n 50`",
        ),
        (
            "no free",
            "`node-manager reclaim --dry-run` shows who has the addresses; larger leases: lease_length_v4 of a new cluster",
        ),
        (
            "revoked",
            "ask the operator (`wgcni audit tail`); to come back: `wgcni node remove`, here `node-manager cleanup --purge`, and join anew",
        ),
        (
            "the certificate expired",
            "it joins again by itself once TCP 7401 of the cluster-manager is reached; else `node-manager join` with a new ticket",
        ),
        (
            "no stream of peers",
            "see what is said of the cluster-manager here; the network works on with what was known last",
        ),
        ("silent", "`wg show wgmesh0 latest-handshakes`; on the other node: `wgcni doctor`"),
        ("not registered", "the reason is in the text; docs/troubleshooting.md"),
    ];
    let found = known.iter().find(|(start, _)| what.starts_with(start));
    advice(found.map_or("docs/operations.md, Symptoms", |(_, remedy)| remedy))
}

fn of_certificate(until: u64, now: Duration) -> Option<Finding> {
    if until == 0 {
        return None;
    }
    let when = times::relative(until, now);
    let left = Duration::from_millis(until).saturating_sub(now);
    let again = advice("it renews by itself while it reaches the cluster-manager: see there");
    Some(match left {
        left if left.is_zero() => {
            Finding::problem(CHECK, format!("its certificate ended {when}"), again)
        }
        left if left < LATE => {
            Finding::warning(CHECK, format!("its certificate ends {when}, unrenewed"), again)
        }
        _ => Finding::ok(CHECK, format!("its certificate ends {when}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{self, Ok, Problem, Warning};

    #[test]
    fn what_blocks_is_worse_than_what_degrades() {
        let table = [
            ("no lease yet", Problem),
            ("no free IPv4 address: 253 of 253 …", Problem),
            ("degraded: no stream of peers from the cluster-manager", Warning),
            ("degraded: silent: birch", Warning),
            ("degraded: revoked or refused by the cluster-manager: ask the operator", Problem),
            ("degraded: the certificate expired: nobody", Problem),
            ("insecure plaintext: everything …", Warning),
        ];
        for (reason, expected) in table {
            assert_eq!(of_reason(reason).severity, expected, "{reason}");
        }
    }

    #[test]
    fn a_certificate_that_was_not_renewed_is_told_before_its_end() {
        let now = Duration::from_secs(1_900_000_000);
        let after = |hours: u64| {
            let until = u64::try_from(now.as_millis()).unwrap_or(0) + hours * 3_600_000;
            of_certificate(until, now).map(|finding| finding.severity)
        };
        assert_eq!((after(0), after(2), after(20)), (Some(Problem), Some(Warning), Some(Ok)));
        assert_eq!(of_certificate(0, now), None);
    }

    #[test]
    fn a_node_that_does_not_answer_is_a_problem_for_root_alone_to_see() {
        let severities = |is_node, root, status: Result<Status, &str>| -> Vec<Severity> {
            let (now, status) = (Duration::ZERO, status.map_err(str::to_owned));
            let found = judge(&Facts { is_node, root, now, status });
            found.into_iter().map(|finding| finding.severity).collect()
        };
        assert_eq!(severities(false, true, Err("x")), []);
        assert_eq!(severities(true, false, Err("x")), []);
        assert_eq!(severities(true, true, Err("x")), [Problem]);
        assert_eq!(severities(true, true, Result::Ok(Status::default())), [Problem]);
        let silent = vec![("birch".to_owned(), "192.0.2.1:51820".to_owned())];
        let ready = Status { ready: true, silent, ..Status::default() };
        assert_eq!(severities(true, true, Result::Ok(ready)), [Ok, Warning]);
    }
}
