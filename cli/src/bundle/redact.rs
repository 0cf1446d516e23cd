//! Taking secrets out of any text.
//!
//! The rule does not know what is secret: whatever is long enough to be one is cut. Keys,
//! join strings, tokens and their hexadecimal and base64 forms have 40 letters or more;
//! names, addresses and cluster ids have fewer.

use toml::{Table, Value};

/// Letters from which on a word may be a key: one of 32 bytes has 43 in base64.
const LONG: usize = 40;

/// Letters of a long word that stay, so that two can be told apart.
const KEPT: usize = 8;

/// How join strings begin.
const JOIN: &str = "wgcni1.";

/// A text without what may be a secret.
pub(crate) fn text(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut in_block = false;
    for line in text.split_inclusive('\n') {
        // PEM: what is between the two lines, the last of which may be short.
        if line.contains("-----BEGIN ") {
            in_block = true;
            clean.push_str("(key or certificate left out)\n");
        }
        if !in_block {
            words(&without_join(line), &mut clean);
        }
        if line.contains("-----END ") {
            in_block = false;
        }
    }
    clean
}

/// A line without join strings, whole or cut off.
fn without_join(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(JOIN) {
        clean.push_str(&rest[..at]);
        clean.push_str("(join string left out)");
        let body = &rest[at + JOIN.len()..];
        let end = body.find(|c| !is_letter(c) && c != '=' && c != '.').unwrap_or(body.len());
        rest = &body[end..];
    }
    clean + rest
}

/// What base64 of both alphabets, hexadecimal digits and identifiers are made of.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/_-".contains(c)
}

fn words(line: &str, clean: &mut String) {
    let mut rest = line;
    while !rest.is_empty() {
        let word = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
        if word == 0 {
            let other = rest.chars().next().map_or(0, char::len_utf8);
            clean.push_str(&rest[..other]);
            rest = &rest[other..];
            continue;
        }
        let (found, after) = rest.split_at(word);
        rest = after;
        if found.len() >= LONG && !is_path(found) {
            clean.push_str(&found[..KEPT]);
            clean.push('…');
        } else {
            clean.push_str(found);
        }
    }
}

/// A path of short parts in lower case: base64 of that length has capitals.
fn is_path(word: &str) -> bool {
    let lower = |c: char| !c.is_ascii_uppercase() && c != '+';
    let parts = word.split('/');
    word.starts_with('/')
        && word.chars().all(lower)
        && parts.max_by_key(|p| p.len()).is_some_and(|p| p.len() < LONG)
}

/// A configuration without comments and without values of keys that sound secret.
///
/// # Errors
/// When it is none; the text itself is not shown.
pub(crate) fn config(text: &str) -> Result<String, String> {
    let mut table: Table = text.parse().map_err(|_| "it is no TOML".to_owned())?;
    hide(&mut table);
    toml::to_string(&table).map_err(|error| error.to_string())
}

fn hide(table: &mut Table) {
    for (key, value) in table.iter_mut() {
        let secret = ["key", "secret", "token", "pass", "join", "ticket", "credential", "private"];
        // Where whitelisted keys lie, and where joiners are served, is no secret.
        let known = ["join_listen", "whitelist_dir"].contains(&key.as_str());
        let lower = key.to_ascii_lowercase();
        match value {
            _ if !known && secret.iter().any(|word| lower.contains(word)) => {
                *value = Value::String("(left out)".to_owned());
            }
            Value::Table(inner) => hide(inner),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: &str = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=";

    #[test]
    fn what_may_be_a_secret_is_cut_and_the_rest_stays() {
        let hex = "c8".repeat(32);
        let table = [
            (format!("peer: {KEY}"), "peer: yAnz5TF+…="),
            (format!("private_key={hex} x"), "private_key=c8c8c8c8… x"),
            (format!("/{}", &KEY[1..]), "/Anz5TF+…="),
            (format!("a /{} b", &KEY[1..43]), "a /Anz5TF+… b"),
            ("join wgcni1.AbC-_9.x= now".to_owned(), "join (join string left out) now"),
            (
                "\"wgcni1.AbC\",\"wgcni1.\"".to_owned(),
                "\"(join string left out)\",\"(join string left out)\"",
            ),
            (
                "cluster=5d0e0f0e5d0e0f0e5d0e0f0e5d0e0f0e".to_owned(),
                "cluster=5d0e0f0e5d0e0f0e5d0e0f0e5d0e0f0e",
            ),
            (
                "/var/lib/wgcni/node-manager/tombstones/a-file".to_owned(),
                "/var/lib/wgcni/node-manager/tombstones/a-file",
            ),
            ("10.64.0.0/12 fd00:1:2::/48 é".to_owned(), "10.64.0.0/12 fd00:1:2::/48 é"),
        ];
        for (dirty, expected) in table {
            assert_eq!(text(&dirty), expected);
        }
        let pem =
            format!("a\n-----BEGIN PRIVATE KEY-----\n{KEY}\nMC4=\n-----END PRIVATE KEY-----\nb\n");
        assert_eq!(text(&pem), "a\n(key or certificate left out)\nb\n");
    }

    #[test]
    fn a_configuration_has_no_secret_values_and_no_comments() {
        let dirty = "# hunter2\nmesh_port = 51820\napi_token = \"t\"\njoin_listen = \"0.0.0.0:7401\"\n\
                     [x]\npassword = 7\n";
        let clean = config(dirty).unwrap();
        for word in ["hunter2", "\"t\"", "= 7\n"] {
            assert!(!clean.contains(word), "{clean}");
        }
        assert!(clean.contains("mesh_port = 51820") && clean.contains("0.0.0.0:7401"), "{clean}");
        assert_eq!(config("a = hunter2"), Err("it is no TOML".to_owned()));
    }
}
