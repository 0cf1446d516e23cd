//! `lab soak`: containers come and go by the thousand, and nothing may grow.
//!
//! A first part of the cycles warms up: caches, allocators and the store's file come to
//! their size. Then everything is counted, the cycles run, and it is counted again.

mod figures;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::cluster::Cluster;
use crate::cni::{Attachment, Network};
use crate::netns::Netns;
use crate::node::Node;
use crate::{say, wait};

use figures::measure;
pub use figures::{Figure, Growth};

/// Small enough that each address is given many times, large enough for all at once and
/// those that rest.
const LEASE: (&str, &str) = ("WGCNI_LEASE_LENGTH_V4", "22");

const CONFIG: &str = "quarantine_seconds = 1\nresync_seconds = 1";

/// After this, whatever began to rest has rested.
const RESTED: Duration = Duration::from_millis(1100);

/// Cycles that warm up: half as many as count, within these. The store remembers the last
/// 4096 removals for those who watch it; before that it grows, and so does who holds it.
const WARM_UP: (usize, usize) = (100, 5000);

/// Cycles between two marks of progress.
const PROGRESS: usize = 500;

/// How much to do.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Times that a container comes and goes.
    pub cycles: usize,
    /// How many do so at once.
    pub parallel: usize,
}

/// Runs the plan and prints what it found; whether nothing grew.
///
/// # Errors
/// When an ADD or DEL fails.
pub fn run(plan: Plan) -> Result<bool> {
    let begin = Instant::now();
    let figures = soak(plan)?;
    let head = ["what", "before", "after", "may be", ""].map(str::to_owned).to_vec();
    let rows = figures.iter().map(Figure::row);
    say::step(format!("{} times ADD and DEL, {:.0?}", plan.cycles, begin.elapsed()));
    say::table(&std::iter::once(head).chain(rows).collect::<Vec<_>>());
    Ok(figures.iter().all(Figure::is_fine))
}

/// Runs the plan; every figure before and after.
///
/// # Errors
/// When an ADD or DEL fails.
pub fn soak(plan: Plan) -> Result<Vec<Figure>> {
    let cluster = Cluster::with(&[LEASE])?;
    let node = cluster.add_node_with("ash", CONFIG)?;
    let places = (0..plan.parallel).map(|n| cluster.lab().add_netns(&format!("place{n}")));
    let places = places.collect::<Result<Vec<_>>>()?;
    let warm_up = (plan.cycles / 2).clamp(WARM_UP.0, WARM_UP.1);
    cycle(&node, &places, 0, warm_up)?;
    settle(&node, &places)?;
    let before = measure(&node, &places)?;
    cycle(&node, &places, warm_up, plan.cycles)?;
    settle(&node, &places)?;
    let after = measure(&node, &places)?;
    Ok(before.into_iter().zip(after).map(|(before, after)| Figure::of(before, after)).collect())
}

/// So many containers come and go, each with an id of its own from `first` on; in every
/// place one after the other.
fn cycle(node: &Node, places: &[Netns], first: usize, count: usize) -> Result<()> {
    let (network, next) = (node.network()?, AtomicUsize::new(0));
    let worker = |place: &Netns| -> Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(());
            }
            come_and_go(&network, place, first + number)?;
            if (number + 1).is_multiple_of(PROGRESS) {
                say::line(format!("  {} of {count}", number + 1));
            }
        }
    };
    let worker = &worker;
    thread::scope(|scope| {
        let threads: Vec<_> =
            places.iter().map(|place| scope.spawn(move || worker(place))).collect();
        // The scope waits for the others, whatever became of one.
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| anyhow!("a worker panicked"))?)
    })
}

fn come_and_go(network: &Network, place: &Netns, number: usize) -> Result<()> {
    let attachment = Attachment::new(&format!("soak-{number}"), &place.path());
    let result = network.add(&attachment)?;
    network.del(&attachment, Some(&result))
}

/// Waits until what takes its time is done: devices go, addresses rest. Records of rested
/// ones go with later writes, so some more containers come and go.
fn settle(node: &Node, places: &[Netns]) -> Result<()> {
    let network = node.network()?;
    let mut number = 0;
    wait::until("the addresses to have rested", || {
        // Else a quick machine lays as many to rest as it tidies away.
        thread::sleep(RESTED);
        let done = places.iter().try_for_each(|place| {
            number += 1;
            let attachment = Attachment::new(&format!("settle-{number}"), &place.path());
            network.add(&attachment).and_then(|_| network.del(&attachment, None))
        });
        let few = 2 * (places.len() as u64 + 8);
        done.is_ok() && figures::resting(node).is_ok_and(|resting| resting <= few)
    })?;
    wait::until("the devices to go", || figures::devices(node).is_ok_and(|n| n <= 2))
}
