//! The one place that prints for people.
#![allow(clippy::print_stdout)]

use std::io::{Write, stdout};

/// Prints a line.
pub fn line(text: impl AsRef<str>) {
    println!("{}", text.as_ref());
}

/// Prints a step of something longer, as a heading.
pub fn step(text: impl AsRef<str>) {
    println!("\n== {}", text.as_ref());
}

/// Prints a mark of progress without ending the line.
pub fn mark(text: &str) {
    print!("{text}");
    // Only to be seen at once; a closed output shows at the next line.
    let _ = stdout().flush();
}

/// Prints rows as a table, each column as wide as it needs.
pub fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        println!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}
