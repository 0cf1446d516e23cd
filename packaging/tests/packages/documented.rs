//! The commands of docs/packages.md.

/// The document.
pub const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/packages.md"));

/// The blocks below a heading that a machine runs: those that name no language.
pub fn blocks(heading: &str) -> Vec<String> {
    let start = PAGE.find(&format!("\n## {heading}\n")).expect("a heading of docs/packages.md");
    let section = PAGE[start + 1..].split("\n## ").next().unwrap_or_default();
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in section.lines() {
        match (&mut block, line) {
            (None, "```") => block = Some(String::new()),
            (Some(_), "```") => blocks.extend(block.take()),
            (Some(text), _) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    blocks
}
