//! TCP throughput and round-trip time.

use anyhow::Result;

use super::sample::{Entry, median};
use super::wireguard_go::{self, Pair};
use crate::cluster::Cluster;
use crate::iperf::throughput;
use crate::netns::Netns;
use crate::say;

const ROUNDS: usize = 5;

const SECONDS: &str = "3";

/// One way to send, and what it showed.
struct Way<'a> {
    name: &'static str,
    from: &'a Netns,
    to: &'a Netns,
    address: String,
    rates: Vec<f64>,
    times: Vec<f64>,
}

impl<'a> Way<'a> {
    fn new(name: &'static str, from: &'a Netns, to: &'a Netns, address: String) -> Self {
        Self { name, from, to, address, rates: Vec::new(), times: Vec::new() }
    }

    fn measure(&mut self) -> Result<()> {
        self.rates.push(throughput(self.from, self.to, &self.address, SECONDS)? / 1e9);
        self.times.push(median(&round_trips(self.from, &self.address)?));
        Ok(())
    }
}

/// Measures ours, wireguard-go where it is, and plain veth, in turns.
///
/// # Errors
/// When a tool fails.
pub fn measure(cluster: &Cluster) -> Result<Vec<Entry>> {
    let (ash, birch) = (cluster.add_node("ash")?, cluster.add_node("birch")?);
    let (web, db) = (cluster.attach(&ash, "web")?, cluster.attach(&birch, "db")?);
    cluster.settle(&[&ash, &birch])?;
    let pair = match wireguard_go::find() {
        Some(program) => Some(Pair::start(cluster.lab(), &program)?),
        None => None,
    };
    let (one, two) = (ash.host(), birch.host());
    let mut ways = vec![
        Way::new("ours", web.netns(), db.netns(), db.v4().to_string()),
        Way::new("veth", one.netns(), two.netns(), two.v4().to_string()),
    ];
    match &pair {
        Some(pair) => {
            let [one, two] = pair.hosts();
            ways.push(Way::new(
                "wireguard-go",
                one.netns(),
                two.netns(),
                Pair::target().to_owned(),
            ));
        }
        None => say::line(format!("  no wireguard-go here: {}", wireguard_go::INSTALL)),
    }
    for _ in 0..ROUNDS {
        for way in &mut ways {
            way.measure()?;
        }
    }
    for way in &ways {
        let (rate, time) = (median(&way.rates), median(&way.times));
        say::line(format!("  {:<13} {rate:>7.2} Gbit/s  {time:>7.3} ms", way.name));
    }
    Ok(entries(&ways))
}

fn entries(ways: &[Way]) -> Vec<Entry> {
    let named = |name: &str| ways.iter().find(|way| way.name == name);
    let entry = |name, other: &str, unit, pick: fn(&Way) -> f64| Entry {
        name,
        ours: named("ours").map(pick).unwrap_or_default(),
        other: named(other).map(pick),
        unit,
        count: ROUNDS,
    };
    let rate = |way: &Way| median(&way.rates);
    let time = |way: &Way| median(&way.times);
    vec![
        entry("tcp_cross_node", "wireguard-go", "Gbit/s", rate),
        entry("tcp_cross_node_vs_veth", "veth", "Gbit/s", rate),
        entry("rtt_cross_node", "wireguard-go", "ms", time),
        entry("rtt_cross_node_vs_veth", "veth", "ms", time),
    ]
}

/// Milliseconds of each of many pings.
fn round_trips(from: &Netns, address: &str) -> Result<Vec<f64>> {
    let text = from.run(&["ping", "-n", "-c", "200", "-i", "0.005", address])?;
    let time = |line: &str| line.split_once("time=")?.1.split(' ').next()?.parse().ok();
    Ok(text.lines().filter_map(time).collect())
}
