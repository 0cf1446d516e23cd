//! What is found, and what to do about it.

use serde::Serialize;

/// How bad it is; the worst is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Something does not work, or will not.
    Problem,
    /// It works, and may not for long or for everybody.
    Warning,
    /// As it should be.
    Ok,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Remedy {
    /// A command, as root on this machine.
    Run(String),
    /// A line of a configuration; then the program is started again.
    Configure {
        /// The file.
        file: String,
        /// The line.
        line: String,
    },
    /// What no single command does.
    Advice(String),
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The check that found it.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen.
    pub seen: String,
    /// What to do.
    pub remedy: Option<Remedy>,
}

impl Finding {
    pub fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, severity: Severity::Ok, seen: seen.into(), remedy: None }
    }

    pub fn warning(check: &'static str, seen: impl Into<String>, remedy: Remedy) -> Self {
        Self { check, severity: Severity::Warning, seen: seen.into(), remedy: Some(remedy) }
    }

    pub fn problem(check: &'static str, seen: impl Into<String>, remedy: Remedy) -> Self {
        Self { check, severity: Severity::Problem, seen: seen.into(), remedy: Some(remedy) }
    }
}

/// A remedy that is a command.
pub(crate) fn run(command: impl Into<String>) -> Remedy {
    Remedy::Run(command.into())
}

/// A remedy in words.
pub(crate) fn advice(text: impl Into<String>) -> Remedy {
    Remedy::Advice(text.into())
}

/// What a check says when it could not look: not that all is well.
pub(crate) fn unseen(check: &'static str, why: &str) -> Finding {
    let remedy = match why.strip_suffix(super::tool::NOT_INSTALLED) {
        Some(program) => advice(format!("install {program}, or look by hand")),
        None => advice("look by hand: docs/troubleshooting.md"),
    };
    Finding::warning(check, format!("not looked at: {why}"), remedy)
}
