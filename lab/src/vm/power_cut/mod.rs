//! Power cuts: a cluster-manager in a virtual machine that is killed in mid-write.
//!
//! The machine's disk is a file; what the guest had not flushed dies with its memory, as
//! it does when the power goes.

pub mod guest;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{Hardware, Image, Machine};
use crate::command::checked;
use crate::lab::Lab;
use guest::{ALL_LISTED, KEPT, LEASED};

/// An emulated machine boots within seconds; a busy one may take its time.
const PATIENCE: Duration = Duration::from_mins(3);

const DISK_BYTES: u64 = 256 << 20;

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
pub fn run(cuts: u32) -> Result<Report> {
    let lab = Lab::new()?;
    let directory = lab.run().directory();
    let files = image(&directory)?.pack()?;
    let hardware = Hardware { processors: 1, memory: 512, disk: Some(disk(&directory)?) };
    let mut acknowledged = Leases::new();
    let mut lost = Vec::new();
    for cut in 0..=cuts {
        let mut machine = Machine::boot(&lab, &files, &hardware, &format!("round={cut}"))?;
        let kept = list(&mut machine)?;
        lost.extend(missing(&acknowledged, &kept));
        if cut == cuts {
            break;
        }
        let before = acknowledged.len();
        // Never at the same point of the store's own rhythm.
        let while_writing = Duration::from_millis(1500 + u64::from(cut) * 370);
        acknowledged.extend(load_then_cut(machine, while_writing)?);
        ensure!(acknowledged.len() > before, "cut {cut} came before any lease");
    }
    Ok(Report { cuts, acknowledged: acknowledged.len(), lost })
}

fn image(directory: &Path) -> Result<Image> {
    let image = Image::new(directory, include_str!("task.sh"))?;
    image.add_ours(&["cluster-manager", "lab"])?;
    image.add_modules(&["drivers/virtio/virtio_pci.ko", "drivers/block/virtio_blk.ko"])?;
    Ok(image)
}

/// An empty file system.
fn disk(directory: &Path) -> Result<PathBuf> {
    let disk = directory.join("disk.raw");
    fs::File::create(&disk)?.set_len(DISK_BYTES)?;
    checked(Command::new("mkfs.ext4").arg("-q").arg(&disk))?;
    Ok(disk)
}

/// Waits until the cluster-manager runs, and returns the leases that it has.
fn list(machine: &mut Machine) -> Result<Leases> {
    let mut kept = Leases::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let line = machine.line(deadline)?;
        let line = line.with_context(|| format!("no list of leases:\n{}", machine.tail()))?;
        if line == ALL_LISTED {
            return Ok(kept);
        }
        kept.extend(lease(&line, KEPT));
    }
}

/// Lets clients lease for a while after the first answer, then cuts the power, and
/// returns what was acknowledged.
fn load_then_cut(mut machine: Machine, duration: Duration) -> Result<Leases> {
    let mut leased = Leases::new();
    let mut deadline = Instant::now() + PATIENCE;
    while leased.is_empty() {
        let line = machine.line(deadline)?;
        let line = line.with_context(|| format!("no lease:\n{}", machine.tail()))?;
        leased.extend(lease(&line, LEASED));
    }
    deadline = Instant::now() + duration;
    while let Some(line) = machine.line(deadline)? {
        leased.extend(lease(&line, LEASED));
    }
    leased.extend(machine.cut()?.iter().filter_map(|line| lease(line, LEASED)));
    Ok(leased)
}

/// `LEASED node prefixes` → (node, prefixes).
fn lease(line: &str, verb: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    let found = (words.next()? == verb).then(|| Some((words.next()?, words.next()?)))?;
    found.map(|(node, prefixes)| (node.to_owned(), prefixes.to_owned()))
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
