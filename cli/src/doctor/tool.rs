//! Other programs that know something: fixed arguments, bounded time.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where programs of the system are, also for whoever has a poor `PATH`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How the reason ends when a program is missing; the name is before it.
pub(crate) const NOT_INSTALLED: &str = " is not installed";

/// What a program printed; else why it did not.
pub(crate) async fn run(line: &[&str]) -> Result<String, String> {
    let output = output(line, &[]).await?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{}: {}", line.join(" "), first.trim()))
}

/// How a program ended, in an environment that has nothing of ours.
pub(crate) async fn output(line: &[&str], env: &[(&str, &str)]) -> Result<Output, String> {
    let (program, arguments) = line.split_first().ok_or("no program")?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", search()).env("LC_ALL", "C");
    command.envs(env.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(format!("{program}{NOT_INSTALLED}"))
        }
        Ok(Err(error)) => Err(format!("start {program}: {error}")),
        Err(_) => Err(format!("{program} did not end within {} s", PATIENCE.as_secs())),
    }
}

fn search() -> String {
    match std::env::var("PATH") {
        Ok(own) if !own.is_empty() => format!("{own}:{PATH}"),
        _ => PATH.to_owned(),
    }
}

/// What a program of `ip` printed as JSON: a list of objects.
pub(crate) async fn ip(arguments: &[&str]) -> Result<Vec<serde_json::Value>, String> {
    let text = run(&[&["ip", "-N", "-j"], arguments].concat()).await?;
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    serde_json::from_str(&text).map_err(|error| format!("ip {}: {error}", arguments.join(" ")))
}
