//! `wgcni doctor`: looks at this machine, and says what is wrong and what to do.
//!
//! It asks the daemons where they run and needs none of them. Looking (`look`) and judging
//! (`judge`, pure) are apart in every check; nothing here changes anything.

mod clock;
mod cni;
pub(crate) mod finding;
mod firewall;
pub(crate) mod machine;
mod manager;
mod mtu;
mod node;
pub(crate) mod place;
mod ports;
mod roles;
mod routes;
mod rules;
mod storage;
mod sysctls;
pub(crate) mod tool;
mod versions;
mod wireguard;

use std::fmt::Write;

use clap::Args;
use serde::Serialize;

use crate::Failure;
use crate::args::ReachArgs;
use crate::out::Out;
use crate::table::clean;
use finding::{Finding, Remedy, Severity};
use machine::Machine;
use place::Places;
pub(crate) use versions::Daemon;

/// Looks at this machine
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    places: Places,
    /// Send probes to at most so many other nodes; 0: to none
    #[arg(long, value_name = "N", default_value_t = 5)]
    probe: usize,
}

#[derive(Serialize)]
struct Report {
    problems: usize,
    warnings: usize,
    findings: Vec<Finding>,
}

impl Doctor {
    pub async fn run(&self, at: &ReachArgs, out: &mut Out) -> Result<(), Failure> {
        let machine = Machine::look(&self.places.of(at), at.socket.as_deref()).await;
        let findings = examine(&machine, self.probe).await;
        let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
        let (problems, warnings) = (count(Severity::Problem), count(Severity::Warning));
        let text = text(&findings, problems, warnings);
        out.show(&Report { problems, warnings, findings }, text)?;
        // What is wrong is said already.
        if problems == 0 { Ok(()) } else { Err(Failure::failed("")) }
    }
}

/// Versions of the programs on this machine.
pub(crate) async fn versions(machine: &Machine) -> versions::Facts {
    versions::look(machine).await
}

/// Files of a directory with networks that name our plugin.
pub(crate) fn networks(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    cni::networks(directory)
}

/// All checks; the worst first, and among equals causes before what comes of them.
pub(crate) async fn examine(machine: &Machine, probe: usize) -> Vec<Finding> {
    let mut findings = roles::judge(&roles::look(machine));
    findings.extend(storage::judge(&storage::look(machine)));
    findings.extend(wireguard::judge(&wireguard::look(machine).await));
    findings.extend(ports::judge(&ports::look(machine).await));
    findings.extend(manager::judge(&manager::look(machine)));
    findings.extend(node::judge(&node::look(machine)));
    let (reach, date) = clock::call(machine).await;
    findings.extend(clock::judge_reach(&reach));
    findings.extend(clock::judge(&clock::look(date)));
    findings.extend(sysctls::judge(&sysctls::look(machine)));
    findings.extend(routes::judge(&routes::look(machine).await));
    findings.extend(firewall::judge(&firewall::look(machine).await));
    findings.extend(mtu::judge(&mtu::look(machine, probe).await));
    findings.extend(cni::judge(&cni::look(machine).await));
    findings.extend(versions::judge(&versions::look(machine).await));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn text(findings: &[Finding], problems: usize, warnings: usize) -> String {
    let mut text = String::new();
    for finding in findings {
        let severity = match finding.severity {
            Severity::Problem => "PROBLEM",
            Severity::Warning => "warning",
            Severity::Ok => "ok",
        };
        let _ = writeln!(text, "{severity:8} {}: {}", finding.check, clean(&finding.seen));
        let remedy = match &finding.remedy {
            None => continue,
            Some(Remedy::Run(command)) => format!("run: {command}"),
            Some(Remedy::Configure { file, line }) => format!("in {file}: {line}"),
            Some(Remedy::Advice(text)) => format!("do: {text}"),
        };
        let _ = writeln!(text, "{:8} {}", "", clean(&remedy));
    }
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let _ = writeln!(text, "\n{}, {}", count(problems, "problem"), count(warnings, "warning"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_what_and_what_to_do_and_no_control_characters() {
        let findings = [
            Finding::problem("ports", "held\u{1b}[2J", finding::run("kill 7")),
            Finding::ok("clock", "right"),
        ];
        let expected = "PROBLEM  ports: held\\u{1b}[2J\n         run: kill 7\n\
                        ok       clock: right\n\n1 problem, 0 warnings\n";
        assert_eq!(text(&findings, 1, 0), expected);
    }
}
