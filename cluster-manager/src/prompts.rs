//! Questions of `init` to a person: what nobody chose yet, with a default each.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use wgcni_daemon::config::Layered;
use wgcni_model::{Family, Prefix};

use crate::config::{self, NONE, Settings, check_host};

/// Asks for what is neither in the file nor a flag nor a variable. `defaults` is complete.
///
/// # Errors
/// When the person is gone.
pub(crate) fn ask(
    layered: &mut Layered<Settings>,
    defaults: &Settings,
    (input, output): (&mut impl BufRead, &mut impl Write),
) -> io::Result<()> {
    let mut prompt = Prompt { input, output };
    let settings = &mut layered.settings;
    if settings.prefix_v4.is_none() {
        let default = defaults.prefix_v4.as_deref().unwrap_or(NONE);
        let question = "IPv4 prefix of the cluster, or none";
        settings.prefix_v4 = Some(prompt.text(question, default, |text| family(text, Family::V4))?);
    }
    if settings.prefix_v6.is_none() {
        let default = defaults.prefix_v6.as_deref().unwrap_or(NONE);
        let question = "IPv6 prefix of the cluster, or none";
        settings.prefix_v6 = Some(prompt.text(question, default, |text| family(text, Family::V6))?);
    }
    if settings.advertise.is_none() {
        let default = defaults.advertise.clone().unwrap_or_default().join(",");
        let question = "Hosts under which nodes reach this machine, with commas between";
        let text = prompt.text(question, &default, hosts)?;
        settings.advertise = Some(split(&text).map(str::to_owned).collect());
    }
    if settings.state_dir.is_none() {
        let default = defaults.state_dir.clone().unwrap_or_default();
        let default = default.to_string_lossy();
        let text = prompt.text("Directory for keys and records", &default, absolute)?;
        settings.state_dir = Some(PathBuf::from(text));
    }
    Ok(())
}

struct Prompt<'a, I, O> {
    input: &'a mut I,
    output: &'a mut O,
}

impl<I: BufRead, O: Write> Prompt<'_, I, O> {
    /// Asks until the answer is good; nothing means the default.
    fn text(
        &mut self,
        question: &str,
        default: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> io::Result<String> {
        loop {
            write!(self.output, "{question} [{default}]: ")?;
            self.output.flush()?;
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let answer = if line.trim().is_empty() { default } else { line.trim() };
            match check(answer) {
                Ok(()) => return Ok(answer.to_owned()),
                Err(why) => writeln!(self.output, "  {why}")?,
            }
        }
    }
}

fn family(text: &str, family: Family) -> Result<(), String> {
    if text == NONE {
        return Ok(());
    }
    let prefix: Prefix = text.parse().map_err(|error| format!("{error}"))?;
    if prefix.family() == family { Ok(()) } else { Err(format!("{prefix} is not {family}")) }
}

fn hosts(text: &str) -> Result<(), String> {
    if split(text).count() > config::MAX_HOSTS {
        return Err(format!("at most {} fit", config::MAX_HOSTS));
    }
    split(text).try_for_each(check_host).map_err(|error| error.to_string())
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|host| !host.is_empty())
}

fn absolute(text: &str) -> Result<(), String> {
    if text.starts_with('/') { Ok(()) } else { Err("must begin with /".to_owned()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use wgcni_daemon::config::{File, Flags, layered};

    use super::*;

    fn asked(answers: &str, given: impl Fn(&mut Settings)) -> (Settings, String) {
        let mut layers = layered::<Settings>(&File::optional("/nowhere"), &Flags::default());
        given(&mut layers.settings);
        let mut defaults = Settings::default();
        defaults.complete(([1; 16], [2; 5]));
        defaults.advertise = Some(vec!["192.0.2.7".to_owned()]);
        let mut output = Vec::new();
        ask(&mut layers, &defaults, (&mut answers.as_bytes(), &mut output)).unwrap();
        (layers.settings, String::from_utf8(output).unwrap())
    }

    #[test]
    fn nothing_means_the_default_and_mistakes_are_asked_again() {
        let (settings, output) = asked("\nfd00::1/48\nnone\ncm:1\ncm,192.0.2.8\nx\n/x\n", |_| ());
        assert_eq!(settings.prefix_v4.as_deref(), Some("10.64.0.0/12"));
        assert_eq!(settings.prefix_v6.as_deref(), Some("none"));
        assert_eq!(settings.advertise.unwrap(), ["cm", "192.0.2.8"]);
        assert_eq!(settings.state_dir.as_deref(), Some(Path::new("/x")));
        assert!(output.contains("Hosts under which nodes reach this machine"), "{output}");
        assert!(output.contains("[192.0.2.7]: "), "{output}");
        assert!(output.contains("host bits must be zero"), "{output}");
    }

    #[test]
    fn what_was_chosen_is_not_asked() {
        let chosen = |settings: &mut Settings| settings.complete(([3; 16], [4; 5]));
        let (_, output) = asked("", chosen);
        assert_eq!(output, "");
    }

    #[test]
    fn nobody_there_is_an_error() {
        let mut layers = layered::<Settings>(&File::optional("/nowhere"), &Flags::default());
        let asked = ask(&mut layers, &Settings::default(), (&mut &b""[..], &mut Vec::new()));
        assert!(asked.is_err());
    }
}
