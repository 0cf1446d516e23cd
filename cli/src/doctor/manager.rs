//! The cluster-manager on this machine.

use super::finding::{Finding, advice, run};
use super::machine::Machine;

const CHECK: &str = "cluster-manager";

pub(crate) struct Facts {
    is_manager: bool,
    root: bool,
    /// Whether there is a cluster yet.
    answer: Result<Vec<String>, String>,
}

pub(crate) fn look(machine: &Machine) -> Facts {
    let answer = machine.manager.as_ref().map(|status| status.alarms.clone());
    Facts {
        is_manager: machine.roles.manager,
        root: machine.root,
        answer: answer.map_err(Clone::clone),
    }
}

pub(crate) fn judge(facts: &Facts) -> Vec<Finding> {
    if !facts.is_manager {
        return Vec::new();
    }
    match &facts.answer {
        Err(_) if !facts.root => Vec::new(),
        Err(why) => {
            let seen = format!("it does not answer: {why}");
            vec![Finding::problem(CHECK, seen, run(Machine::service("restart", CHECK)))]
        }
        Ok(alarms) if alarms.is_empty() => vec![Finding::ok(CHECK, "it answers, without alarms")],
        Ok(alarms) => {
            let alarm = |alarm: &String| {
                Finding::warning(CHECK, alarm, advice("`wgcni status`, docs/operations.md"))
            };
            alarms.iter().map(alarm).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{self, Ok, Problem, Warning};

    #[test]
    fn alarms_are_warnings_and_silence_is_a_problem() {
        let severities = |is_manager, root, answer: Result<&[&str], &str>| -> Vec<Severity> {
            let answer = answer.map(|alarms| alarms.iter().map(ToString::to_string).collect());
            let facts = Facts { is_manager, root, answer: answer.map_err(str::to_owned) };
            judge(&facts).into_iter().map(|finding| finding.severity).collect()
        };
        assert_eq!(severities(false, true, Err("x")), []);
        assert_eq!(severities(true, false, Err("x")), []);
        assert_eq!(severities(true, true, Err("x")), [Problem]);
        assert_eq!(severities(true, true, Result::Ok(&[])), [Ok]);
        assert_eq!(severities(true, true, Result::Ok(&["a", "b"])), [Warning, Warning]);
    }
}
