//! Default configuration files: every key, as a comment.

use std::fmt::Write;

use wgcni_daemon::config::reference::Key;

/// Widest line of a comment.
const WIDTH: usize = 90;

/// The default file of a program.
pub fn text(program: &str, keys: &[Key]) -> String {
    let head = format!(
        "Configuration of {program}. What is commented out is the default; remove the # to set a \
         key. Each is a flag and a variable, too: man {program}-serve."
    );
    let mut text = String::new();
    comment(&mut text, &head);
    for key in keys {
        text.push('\n');
        comment(&mut text, &format!("{}.", key.summary));
        comment(&mut text, &key.details);
        comment(&mut text, &unset(key));
        // Into memory.
        let _ = match &key.default {
            Some(value) => writeln!(text, "#{} = {value}", key.name),
            None => writeln!(text, "#{} = ...", key.name),
        };
    }
    text
}

/// What holds when nobody sets it, where the value below does not say so.
fn unset(key: &Key) -> String {
    let otherwise = key.otherwise.iter().map(|words| format!("Unless set: {words}."));
    let init = key.init.iter().map(|words| format!("Made by init: {words}."));
    init.chain(otherwise).collect::<Vec<_>>().join(" ")
}

fn comment(out: &mut String, text: &str) {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.len() + word.len() + 3 > WIDTH {
            let _ = writeln!(out, "#{line}");
            line.clear();
        }
        line.push(' ');
        line.push_str(word);
    }
    if !line.is_empty() {
        let _ = writeln!(out, "#{line}");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use clap::Args;
    use cluster_manager::config as manager;
    use node_manager::config as node;
    use wgcni_daemon::config::reference::keys;
    use wgcni_daemon::config::{File, Flags};

    use super::*;

    /// A default file with every default set, and one that is as it is shipped.
    fn files<T: Args + serde::de::DeserializeOwned>(dir: &Path) -> (File, File) {
        let text = text("x", &keys::<T>().unwrap());
        let set = |line: &str| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') && !key.ends_with("...") => key.to_owned(),
            _ => line.to_owned(),
        };
        let all: Vec<String> = text.lines().map(set).collect();
        let file = |name: &str, text: &str| {
            std::fs::write(dir.join(name), text).unwrap();
            File::named_or(Some(dir.join(name)), "/unused")
        };
        (file("set.toml", &all.join("\n")), file("shipped.toml", &text))
    }

    #[test]
    fn defaults_of_the_cluster_manager_are_the_ones_that_its_file_tells() {
        let dir = tempfile::tempdir().unwrap();
        let (set, shipped) = files::<manager::Settings>(dir.path());
        let read = |file: &File| {
            let mut layered =
                wgcni_daemon::config::layered::<manager::Settings>(file, &Flags::default());
            layered.settings.cluster_id = "0123456789abcdef0123456789abcdef".parse().ok();
            manager::Config::check(layered).unwrap()
        };
        assert_eq!(read(&set), read(&shipped));
    }

    #[test]
    fn defaults_of_the_node_manager_are_the_ones_that_its_file_tells() {
        let dir = tempfile::tempdir().unwrap();
        let (set, shipped) = files::<node::Settings>(dir.path());
        let read = |file: File| {
            let config = node::Config::load(Some(file.path), &Flags::default()).unwrap();
            format!("{config:?}")
        };
        let text = std::fs::read_to_string(&set.path).unwrap();
        assert!(text.contains("\nmesh_port = 51820\n"), "{text}");
        assert_eq!(read(set), read(shipped));
    }
}
