//! Power cuts: a cluster-manager in a virtual machine that is killed in mid-write.
//!
//! The machine is emulated in software. Its disk is a file; what the guest had not
//! flushed dies with its memory, as it does when the power goes.

mod boot;
pub mod guest;
mod image;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::lab::Lab;
use boot::Machine;
use image::Image;

/// Leases by node, each with its prefixes as text.
type Leases = BTreeMap<String, String>;

/// What a series of power cuts showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How often the power went.
    pub cuts: u32,
    /// Leases that a client had been told it has.
    pub acknowledged: usize,
    /// Those that were gone, or another's, after a boot.
    pub lost: Vec<String>,
}

/// Boots, lets clients lease, cuts the power in the middle; after every cut, what had
/// been acknowledged must still be there.
///
/// # Errors
/// When the machine does not boot, or a cut came before the first lease.
pub fn cut_power(cuts: u32) -> Result<Report> {
    let lab = Lab::new()?;
    let image = Image::build(&lab.run().directory())?;
    let mut acknowledged = Leases::new();
    let mut lost = Vec::new();
    for cut in 0..=cuts {
        let mut machine = Machine::boot(&lab, &image, cut)?;
        let kept = machine.list()?;
        lost.extend(missing(&acknowledged, &kept));
        if cut == cuts {
            break;
        }
        let before = acknowledged.len();
        // Never at the same point of the store's own rhythm.
        let while_writing = Duration::from_millis(1500 + u64::from(cut) * 370);
        acknowledged.extend(machine.load_then_cut(while_writing)?);
        ensure!(acknowledged.len() > before, "cut {cut} came before any lease");
    }
    Ok(Report { cuts, acknowledged: acknowledged.len(), lost })
}

/// What was acknowledged and is not there as it was.
fn missing(acknowledged: &Leases, kept: &Leases) -> Vec<String> {
    let differs = |(node, lease): (&String, &String)| {
        let now = kept.get(node);
        (now != Some(lease)).then(|| format!("{node}: {lease} is now {now:?}"))
    };
    acknowledged.iter().filter_map(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::{Leases, missing};

    fn leases(all: &[(&str, &str)]) -> Leases {
        all.iter().map(|(node, lease)| ((*node).to_owned(), (*lease).to_owned())).collect()
    }

    #[test]
    fn what_is_gone_or_changed_is_missing_and_what_nobody_was_told_is_not() {
        let told = leases(&[("a", "10.64.0.0/30"), ("b", "10.64.0.4/30"), ("c", "10.64.0.8/30")]);
        let kept = leases(&[("a", "10.64.0.0/30"), ("b", "10.64.0.8/30"), ("d", "10.64.0.12/30")]);
        let missing = missing(&told, &kept);
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(missing[0].starts_with("b: ") && missing[1].starts_with("c: "), "{missing:?}");
    }
}
