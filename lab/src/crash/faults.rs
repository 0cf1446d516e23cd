//! Orders to one program on one host, and where it has been.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The fault points of a program on a host.
#[derive(Debug, Clone)]
pub struct Faults {
    order: PathBuf,
    trace: PathBuf,
}

impl Faults {
    /// Files of this name in a directory that programs of the host see, too.
    pub fn at(directory: &Path, name: &str) -> Self {
        let file = |kind| directory.join(format!("{name}.{kind}"));
        Self { order: file("fault"), trace: file("trace") }
    }

    /// What the program must find in its environment.
    pub fn variables(&self) -> Vec<(&'static str, OsString)> {
        let mut order = OsString::from("@");
        order.push(&self.order);
        vec![("WGCNI_FAULT", order), ("WGCNI_FAULT_TRACE", self.trace.clone().into())]
    }

    /// Orders the program to die when it passes a point for the `nth` time from now.
    ///
    /// # Errors
    /// When the order cannot be written.
    pub fn arm(&self, point: &str, nth: u64) -> Result<()> {
        fs::write(&self.order, format!("{point}:{nth}")).context("write an order")
    }

    /// Takes the order back; says whether it was followed.
    ///
    /// # Errors
    /// When there is none.
    pub fn disarm(&self) -> Result<bool> {
        let left = fs::read(&self.order).context("read an order")?;
        fs::write(&self.order, "").context("take an order back")?;
        Ok(left.is_empty())
    }

    /// The points that were passed since this was asked last, and how often.
    ///
    /// # Errors
    /// When the trace cannot be read.
    pub fn passed(&self) -> Result<BTreeMap<String, u64>> {
        // Renamed first: what is passed meanwhile is in one of the two.
        let old = self.trace.with_extension("traced");
        let text = match fs::rename(&self.trace, &old) {
            Ok(()) => fs::read_to_string(&old).context("read a trace")?,
            Err(_) => String::new(),
        };
        let mut passed = BTreeMap::new();
        for point in text.lines() {
            *passed.entry(point.to_owned()).or_default() += 1;
        }
        Ok(passed)
    }
}
