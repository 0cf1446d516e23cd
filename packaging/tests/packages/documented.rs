//! The commands of docs/packages.md.

use wgcni_lab::guide;

/// The document.
pub const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/packages.md"));

/// The blocks below a heading that a machine runs.
pub fn blocks(heading: &str) -> Vec<String> {
    guide::commands_below(heading, PAGE).unwrap()
}
