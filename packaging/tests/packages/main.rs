//! Packages.
fn main() {}
