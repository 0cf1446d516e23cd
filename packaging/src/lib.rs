//! What packages and documents hold besides the programs: man pages, completions, default
//! configuration files, the tables of the configuration's reference.
//!
//! Owns no words of its own: everything comes from the types that read command lines and
//! configurations, so that `--help`, man page, file and reference say the same.
//!
//! ```text
//! Cli (clap)      -> pages, completions -> target/packaging/
//! Settings (clap) -> file   -> target/packaging/*.toml
//!                 -> tables -> docs/configuration.md, between its markers
//! ```

mod artefacts;
mod file;
mod programs;
mod tables;

pub use artefacts::write;
pub use programs::{Program, programs};
pub use tables::renew;
