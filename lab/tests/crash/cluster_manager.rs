//! The cluster-manager dies.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use wgcni_lab::Cluster;
use wgcni_lab::command::{checked, words};
use wgcni_lab::crash::{Matrix, Outcome};

const ALLOCATE: &str = "wgcni.ipam.v1.IpamService/Allocate";
const RELEASE: &str = "wgcni.ipam.v1.IpamService/Release";
const REGISTER: &str = "wgcni.wireguard.v1.WireguardService/RegisterPeer";
const DEREGISTER: &str = "wgcni.wireguard.v1.WireguardService/DeregisterPeer";

/// Goes on with a matrix.
pub fn every_call(mut matrix: Matrix) -> Result<Matrix> {
    let cluster = Cluster::plaintext(&[])?;
    let faults = cluster.host().faults("cluster-manager");
    let cluster = Calls::new(cluster)?;
    matrix.run("cluster-manager: lease, register, release", &faults, 4, |arm| cluster.life(arm))?;
    matrix.run("cluster-manager: first start", &faults, 2, |arm| cluster.first_start(arm))?;
    Ok(matrix)
}

/// Somebody who asks, and remembers what was answered.
struct Calls {
    cluster: RefCell<Cluster>,
    /// Nodes with what they were answered.
    held: RefCell<BTreeSet<(String, Vec<String>)>>,
    number: Cell<u32>,
    /// Whether any call since this was set had to be repeated.
    outcome: Cell<Outcome>,
}

impl Calls {
    fn new(mut cluster: Cluster) -> Result<Self> {
        // The first one was started before its fault points were asked for.
        cluster.stop_manager()?;
        cluster.start_manager()?;
        let calls = Self {
            cluster: RefCell::new(cluster),
            held: RefCell::default(),
            number: Cell::default(),
            outcome: Cell::new(Outcome::Served),
        };
        for name in ["ash", "birch"] {
            calls.join(name)?;
        }
        Ok(calls)
    }

    /// Asks; again when the cluster-manager died.
    fn call(&self, method: &str, request: &Value) -> Result<Value> {
        let first = self.cluster.borrow().call(method, request);
        self.revive(&first)?;
        first.or_else(|_| self.cluster.borrow().call(method, request))
    }

    fn revive<T>(&self, first: &Result<T>) -> Result<()> {
        let mut cluster = self.cluster.borrow_mut();
        // It may have answered, and died after that.
        if first.is_err() || cluster.manager_is_down() {
            self.outcome.set(if first.is_err() { Outcome::Retried } else { self.outcome.get() });
            cluster.kill_manager()?;
            cluster.start_manager()?;
        }
        Ok(())
    }

    fn join(&self, name: &str) -> Result<()> {
        let answer = self.call(ALLOCATE, &json!({ "node": name }))?;
        let lease = prefixes(&answer["lease"])?;
        self.held.borrow_mut().insert((name.to_owned(), lease));
        self.verify()?;
        let [mesh, hub] = [public_key()?, public_key()?];
        let request = json!({
            "node": name, "meshPublicKey": mesh, "hubPublicKey": hub,
            "endpoints": ["192.168.77.250:51820"],
        });
        self.call(REGISTER, &request)?;
        self.verify()?;
        let peers = self.members()?;
        ensure!(peers.iter().any(|(node, _)| node == name), "{name} is no peer: {peers:?}");
        Ok(())
    }

    fn leave(&self, name: &str) -> Result<()> {
        self.call(DEREGISTER, &json!({ "node": name }))?;
        self.verify()?;
        self.call(RELEASE, &json!({ "node": name }))?;
        self.held.borrow_mut().retain(|(node, _)| node != name);
        self.verify()
    }

    /// A node comes and goes.
    fn life(&self, arm: &dyn Fn() -> Result<()>) -> Result<Outcome> {
        self.number.set(self.number.get() + 1);
        let name = format!("guest-{}", self.number.get());
        self.outcome.set(Outcome::Served);
        arm()?;
        self.join(&name)?;
        self.leave(&name)?;
        Ok(self.outcome.get())
    }

    /// A cluster without any record yet.
    fn first_start(&self, arm: &dyn Fn() -> Result<()>) -> Result<Outcome> {
        let mut outcome = Outcome::Served;
        {
            let mut cluster = self.cluster.borrow_mut();
            cluster.stop_manager()?;
            let state = cluster.host().path("/var/lib/wgcni/cluster-manager");
            fs::remove_dir_all(&state).with_context(|| state.display().to_string())?;
            arm()?;
            if cluster.start_manager().is_err() {
                outcome = Outcome::Retried;
                cluster.start_manager()?;
            }
        }
        self.held.borrow_mut().clear();
        self.verify()?;
        self.join("ash")?;
        self.verify()?;
        Ok(outcome)
    }

    /// The leases are those that were answered, and the members of the mesh have them.
    fn verify(&self) -> Result<()> {
        let list = self.call("wgcni.ipam.v1.IpamService/List", &json!({}))?;
        let leases = list["leases"].as_array().into_iter().flatten();
        let leases: Result<BTreeSet<_>> =
            leases.map(|l| Ok((text(&l["node"]), prefixes(l)?))).collect();
        let (leases, held) = (leases?, self.held.borrow());
        ensure!(leases == *held, "leases are {leases:?}, and {held:?} were answered");
        let given: Vec<&String> = held.iter().flat_map(|(_, prefixes)| prefixes).collect();
        let unique: BTreeSet<_> = given.iter().collect();
        ensure!(given.len() == unique.len(), "a prefix is given twice: {held:?}");
        let members = self.members()?;
        ensure!(members.is_subset(&held), "peers {members:?} have other leases than {held:?}");
        Ok(())
    }

    fn members(&self) -> Result<BTreeSet<(String, Vec<String>)>> {
        let list = self.call("wgcni.wireguard.v1.WireguardService/ListPeers", &json!({}))?;
        let peers = list["peers"].as_array().into_iter().flatten().map(|peer| &peer["peer"]);
        peers.map(|p| Ok((text(&p["node"]), texts(&p["allowedIps"])?))).collect()
    }
}

fn prefixes(lease: &Value) -> Result<Vec<String>> {
    texts(&lease["prefixes"])
}

fn texts(list: &Value) -> Result<Vec<String>> {
    let list = list.as_array().with_context(|| format!("no list: {list}"))?;
    Ok(list.iter().map(text).collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A key that nobody else has: any 32 bytes below 2^255 - 19 will do, for nobody uses it.
fn public_key() -> Result<String> {
    Ok(checked(&mut words(&["wg", "genkey"]))?.trim().to_owned())
}
