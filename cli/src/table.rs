//! Tables for people: aligned columns, two spaces between them, no borders.

/// A table with a heading.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Adds a row. An empty cell shows as `-`, so that columns can be told apart.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let show = |cell: String| if cell.is_empty() { "-".to_owned() } else { clean(&cell) };
        self.rows.push(cells.into_iter().map(show).collect());
    }

    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

/// Facts about one thing: a name and a value per line.
pub(crate) struct Facts {
    lines: Vec<(&'static str, String)>,
}

impl Facts {
    pub fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// Adds a fact, unless it is empty.
    pub fn fact(&mut self, name: &'static str, value: impl AsRef<str>) {
        if !value.as_ref().is_empty() {
            self.lines.push((name, clean(value.as_ref())));
        }
    }
}

impl std::fmt::Display for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.lines.iter().map(|(name, _)| name.len() + 1).max().unwrap_or_default();
        for (name, value) in &self.lines {
            writeln!(f, "{:width$} {value}", format!("{name}:"))?;
        }
        Ok(())
    }
}

/// A text from somebody else, safe for a terminal: control characters are escaped.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_direction(c) {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// Whether a character changes the direction of what follows, and so what it reads like.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_cells_visible() {
        let mut table = Table::new(&["NAME", "STATE", "SEEN"]);
        assert!(table.is_empty());
        table.row(["ash".to_owned(), "active".to_owned(), String::new()]);
        table.row(["größer".to_owned(), String::new(), "5 min ago".to_owned()]);
        let text = "NAME    STATE   SEEN\nash     active  -\ngrößer  -       5 min ago\n";
        assert_eq!(table.to_string(), text);
    }

    #[test]
    fn facts_are_aligned_and_empty_ones_left_out() {
        let mut facts = Facts::new();
        facts.fact("name", "ash");
        facts.fact("certificate", "x");
        facts.fact("alarm", "");
        assert_eq!(facts.to_string(), "name:        ash\ncertificate: x\n");
    }

    #[test]
    fn what_others_wrote_cannot_drive_a_terminal() {
        assert_eq!(clean("a\x1b[2Jb\r\n\u{9b}c\u{202e}d"), "a\\u{1b}[2Jb\\r\\n\\u{9b}c\\u{202e}d");
    }
}
