//! The node-manager dies.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use wgcni_lab::command::fed;
use wgcni_lab::crash::{Faults, Matrix, Outcome};
use wgcni_lab::{Cluster, Node, wait};

use crate::world::{CONFIG, Guest, World, revive, start, supervised};

type Arm<'a> = &'a dyn Fn() -> Result<()>;

/// On a node whose containers must not notice.
pub fn with_containers() -> Result<Matrix> {
    let cluster = Cluster::plaintext(&[])?;
    let ash = cluster.lab().add_host("ash")?;
    let (faults, plugin) = (ash.faults("node-manager"), ash.faults("wireguard-cni"));
    let ash = cluster.start_node(ash, CONFIG)?;
    let birch = cluster.add_node("birch")?;
    let (web, db) = (cluster.attach(&ash, "web")?, cluster.attach(&birch, "db")?);
    let world = World { cluster: &cluster, nodes: vec![&ash, &birch], web: &web, db: &db };
    world.settled(&world.truth())?;
    let pings = world.pings()?;
    let guest = Guest::new(&world, &ash, "guest")?;

    let mut matrix = Matrix::default();
    let mut run = |name: &str, times, round: &dyn Fn(Arm) -> Result<Outcome>| {
        // It may have died at what it does by itself, after the last round had ended.
        let round = |arm: Arm| revive(&ash).and_then(|_| round(arm));
        matrix.run(&format!("node-manager: {name}"), &faults, times, round)
    };
    // Three commits in one round.
    run("ADD, DEL", 3, &|arm| add_and_del(&world, &guest, arm))?;
    run("start with a DEL that came late", 1, &|arm| tombstone(&world, &guest, arm))?;
    run("start with an unfinished ADD", 1, &|arm| unfinished(&world, &guest, &faults, arm))?;
    run("DEL without a namespace", 1, &|arm| nameless(&world, &guest, &plugin, arm))?;
    let left = |arm: Arm| orphan(&world, &guest, (&faults, &plugin), arm);
    run("start with a device that no container has", 1, &left)?;
    run("a node joins and leaves", 2, &|arm| member(&world, arm))?;
    pings.end_without_loss()?;
    Ok(matrix)
}

fn add_and_del(world: &World, guest: &Guest, arm: Arm) -> Result<Outcome> {
    arm()?;
    let (addresses, added) = supervised(guest.node, || guest.add())?;
    world.settled_with(guest, &addresses)?;
    let ((), deleted) = supervised(guest.node, || guest.del())?;
    world.settled_without(guest)?;
    Ok(added.max(deleted))
}

/// A DEL came while the node-manager was down.
fn tombstone(world: &World, guest: &Guest, arm: Arm) -> Result<Outcome> {
    guest.add()?;
    guest.node.kill()?;
    guest.del()?;
    arm()?;
    let started = start(guest.node)?;
    world.settled_without(guest)?;
    Ok(started)
}

/// The last ADD before a death got an address, and nobody was told.
fn unfinished(world: &World, guest: &Guest, faults: &Faults, arm: Arm) -> Result<Outcome> {
    faults.arm("attach.complete.before", 1)?;
    let request = json!({
        "key": {"network": "wgnet", "containerId": "unfinished", "ifname": "eth0"},
        "namespace": {"path": "/run/netns/gone", "device": "4", "inode": "4026531000"},
        "publicKey": public_key(guest.node)?,
    });
    let answer = guest.node.call("wgcni.node.v1.AttachmentService/Attach", &request);
    ensure!(answer.is_err() && faults.disarm()?, "it did not die: {answer:?}");
    arm()?;
    let started = start(guest.node)?;
    world.settled_without(guest)?;
    Ok(started)
}

/// A plugin died when it had just made a device, and the runtime knows no namespace any
/// more.
fn nameless(world: &World, guest: &Guest, plugin: &Faults, arm: Arm) -> Result<Outcome> {
    die_with_device(guest, plugin)?;
    arm()?;
    let ((), deleted) = supervised(guest.node, || del_nameless(guest))?;
    world.settled_without(guest)?;
    Ok(deleted)
}

/// And the node-manager died before it had ended the device.
fn orphan(
    world: &World,
    guest: &Guest,
    (faults, plugin): (&Faults, &Faults),
    arm: Arm,
) -> Result<Outcome> {
    die_with_device(guest, plugin)?;
    faults.arm("node.end-device.before", 1)?;
    // It may be answered before that.
    let _ = del_nameless(guest);
    wait::until("node-manager to die", || guest.node.is_down())?;
    ensure!(faults.disarm()?, "it died of something else");
    arm()?;
    let started = start(guest.node)?;
    world.settled_without(guest)?;
    Ok(started)
}

fn die_with_device(guest: &Guest, plugin: &Faults) -> Result<()> {
    plugin.arm("container.create-device.after", 1)?;
    let added = guest.add();
    ensure!(added.is_err() && plugin.disarm()?, "it did not die: {added:?}");
    Ok(())
}

fn del_nameless(guest: &Guest) -> Result<()> {
    let mut nameless = guest.attachment.clone();
    nameless.netns = PathBuf::new();
    guest.node.network()?.del(&nameless, None)
}

/// A node joins the mesh, and leaves it.
fn member(world: &World, arm: Arm) -> Result<Outcome> {
    let node = world.nodes[0];
    arm()?;
    let call = |method: &str, request: &Value| {
        world.cluster.call(method, request).with_context(|| method.to_owned())
    };
    let oak = json!({"node": "oak"});
    let answer = call("wgcni.ipam.v1.IpamService/Allocate", &oak)?;
    let prefixes = answer["lease"]["prefixes"].as_array().context("no lease")?;
    let lease: Vec<String> = prefixes.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let registration = json!({
        "node": "oak",
        "meshPublicKey": public_key(node)?,
        "hubPublicKey": public_key(node)?,
        "endpoints": ["192.168.77.250:51820"],
    });
    call("wgcni.wireguard.v1.WireguardService/RegisterPeer", &registration)?;
    world.settled_beside("oak", &lease)?;
    world.cluster.deregister("oak")?;
    world.settled(&world.truth())?;
    // The node-manager works on without anybody to ask again.
    Ok(Outcome::Served)
}

/// On a node that has nobody yet.
pub fn without_containers() -> Result<Matrix> {
    // A first start makes new keys.
    let cluster = Cluster::plaintext(&[("WGCNI_TAKEOVER_SECONDS", "0")])?;
    let (ash, birch) = (cluster.add_node("ash")?, cluster.add_node("birch")?);
    let cedar = cluster.lab().add_host("cedar")?;
    let faults = cedar.faults("node-manager");
    let cedar = cluster.start_node(cedar, CONFIG)?;
    let (web, db) = (cluster.attach(&ash, "web")?, cluster.attach(&birch, "db")?);
    let world = World { cluster: &cluster, nodes: vec![&cedar, &ash, &birch], web: &web, db: &db };
    world.settled(&world.truth())?;
    let pings = world.pings()?;

    let mut matrix = Matrix::default();
    // Two links, two families.
    matrix.run("node-manager: first start", &faults, 2, |arm| first_start(&world, &cedar, arm))?;
    matrix.run("node-manager: repair", &faults, 2, |arm| repair(&world, &cedar, arm))?;
    pings.end_without_loss()?;
    Ok(matrix)
}

/// A host without anything of ours becomes a node.
fn first_start(world: &World, node: &Node, arm: Arm) -> Result<Outcome> {
    revive(node)?;
    node.stop()?;
    node.run(&["cleanup", "--purge"])?;
    arm()?;
    let started = start(node)?;
    world.settled(&world.truth())?;
    Ok(started)
}

/// Somebody changed what is ours.
fn repair(world: &World, node: &Node, arm: Arm) -> Result<Outcome> {
    revive(node)?;
    arm()?;
    for line in [
        "ip link set wgmesh0 mtu 1300",
        "ip address add 10.99.0.1/32 dev wghub0",
        "ip link set wghub0 down",
        "iptables -D FORWARD -j WGCNI-FORWARD",
        "sysctl -q net.ipv4.ip_forward=0",
        "ip route del table main proto 177 type unreachable 10.64.0.0/12",
    ] {
        // The node-manager may have been quicker.
        let _ = node.host().run(&line.split(' ').collect::<Vec<_>>());
    }
    world.settled(&world.truth())?;
    // A device that does not answer any more is made anew.
    node.host().run(&["rm", "-f", "/run/wireguard/wghub0.sock"])?;
    world.settled(&world.truth())?;
    Ok(Outcome::Served)
}

/// A key that nobody else has.
fn public_key(node: &Node) -> Result<String> {
    let private = node.host().run(&["wg", "genkey"])?;
    let public = fed(node.host().command("wg")?.arg("pubkey"), private.as_bytes())?;
    Ok(String::from_utf8(public.stdout)?.trim().to_owned())
}
