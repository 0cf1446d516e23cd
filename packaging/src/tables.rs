//! The tables of the configuration's reference.

use anyhow::Context;
use wgcni_daemon::config::reference::Key;

use crate::Program;

/// The end of a generated part.
const END: &str = "<!-- end -->";

/// The text of the reference with its tables generated anew. Everything outside of the
/// markers stays.
///
/// # Errors
/// When the markers of a program are missing.
pub fn renew(text: &str, programs: &[Program]) -> anyhow::Result<String> {
    let mut text = text.to_owned();
    for program in programs.iter().filter(|program| !program.keys.is_empty()) {
        let begin = format!("<!-- generated: {} -->\n", program.name());
        let from = text.find(&begin).with_context(|| format!("no line {}", begin.trim_end()))?;
        let from = from + begin.len();
        let to = text[from..].find(END).with_context(|| format!("no {END} after {begin}"))?;
        text.replace_range(from..from + to, &table(&program.keys));
    }
    Ok(text)
}

fn table(keys: &[Key]) -> String {
    let rows = keys.iter().map(|key| {
        let about = [&key.summary, &key.details].map(|text| text.replace('|', "\\|"));
        let about = about.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>();
        format!("| `{}` | {} | {} |\n", key.name, default(key), about.join(". "))
    });
    format!("| key | default | |\n|---|---|---|\n{}", rows.collect::<String>())
}

fn default(key: &Key) -> String {
    let init = key.init.iter().map(|words| format!("made by `init`: {words}"));
    let value = key.default.iter().map(|value| {
        // A text as a flag has it, without the file's quotes.
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if key.init.is_none() { format!("`{value}`") } else { format!("without: `{value}`") }
    });
    let parts = init.chain(value).chain(key.otherwise.clone());
    parts.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Where the reference is.
    const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");

    #[test]
    fn reference_is_what_the_types_say() {
        let text = std::fs::read_to_string(REFERENCE).unwrap();
        let renewed = renew(&text, &crate::programs().unwrap()).unwrap();
        assert!(renewed == text, "docs/configuration.md is not up to date: make docs");
    }

    #[test]
    fn what_is_outside_of_the_markers_stays() {
        let programs = crate::programs().unwrap();
        let part = |name: &str| format!("<!-- generated: {name} -->\nFORMER\n{END}\n");
        let text = format!("a\n{}b\n{}c\n", part("cluster-manager"), part("node-manager"));
        let renewed = renew(&text, &programs).unwrap();
        assert!(
            renewed.starts_with("a\n<!-- generated: cluster-manager -->\n| key |"),
            "{renewed}"
        );
        assert!(
            renewed.ends_with("|\n<!-- end -->\nc\n") && !renewed.contains("FORMER"),
            "{renewed}"
        );
        assert_eq!(renew(&renewed, &programs).unwrap(), renewed);
        assert!(renew("a\n", &programs).is_err());
    }
}
