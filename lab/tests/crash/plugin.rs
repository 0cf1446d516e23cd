//! The plugin dies.

use anyhow::Result;
use wgcni_lab::Cluster;
use wgcni_lab::cni::PluginError;
use wgcni_lab::crash::{Faults, Matrix, Outcome};

use crate::world::{CONFIG, Guest, World, start};

type Arm<'a> = &'a dyn Fn() -> Result<()>;

/// ADD and DEL, and what a runtime does when they die.
pub fn every_verb() -> Result<Matrix> {
    let cluster = Cluster::plaintext(&[])?;
    let ash = cluster.lab().add_host("ash")?;
    let faults = ash.faults("wireguard-cni");
    let ash = cluster.start_node(ash, CONFIG)?;
    let birch = cluster.add_node("birch")?;
    let (web, db) = (cluster.attach(&ash, "web")?, cluster.attach(&birch, "db")?);
    let world = World { cluster: &cluster, nodes: vec![&ash, &birch], web: &web, db: &db };
    world.settled(&world.truth())?;
    let pings = world.pings()?;
    let guest = Guest::new(&world, &ash, "guest")?;

    let mut matrix = Matrix::default();
    matrix.run("plugin: ADD dies, DEL", &faults, 2, |arm| add_then_del(&world, &guest, arm))?;
    matrix.run("plugin: ADD dies, ADD", &faults, 2, |arm| add_then_add(&world, &guest, arm))?;
    let mut number = 0;
    let round = |arm: Arm| {
        number += 1;
        add_then_nothing(&world, &Guest::new(&world, &ash, &format!("lost{number}"))?, arm)
    };
    matrix.run("plugin: ADD dies, the namespace goes, no DEL", &faults, 2, round)?;
    let round = |arm: Arm| second_add(&world, &guest, &faults, arm);
    matrix.run("plugin: ADD after one that died dies, ADD", &faults, 2, round)?;
    matrix.run("plugin: DEL dies, DEL", &faults, 2, |arm| del_then_del(&world, &guest, arm))?;
    let round = |arm: Arm| del_in_absence(&world, &guest, arm);
    matrix.run("plugin: DEL without node-manager dies, DEL", &faults, 2, round)?;
    pings.end_without_loss()?;
    Ok(matrix)
}

fn outcome<T>(first: &Result<T>) -> Outcome {
    if first.is_ok() { Outcome::Served } else { Outcome::Retried }
}

/// DEL, again when it died.
fn del(guest: &Guest) -> Result<Outcome> {
    let first = guest.del();
    if first.is_err() {
        guest.del()?;
    }
    Ok(outcome(&first))
}

/// As kubelet does.
fn add_then_del(world: &World, guest: &Guest, arm: Arm) -> Result<Outcome> {
    arm()?;
    let added = guest.add();
    del(guest)?;
    world.settled_without(guest)?;
    Ok(outcome(&added))
}

/// As Nomad does. An ADD that had come to its end without anybody being told is refused
/// (its interface is there), until there was a DEL.
fn add_then_add(world: &World, guest: &Guest, arm: Arm) -> Result<Outcome> {
    arm()?;
    let first = guest.add();
    finish(world, guest, &first)?;
    Ok(outcome(&first))
}

fn finish(world: &World, guest: &Guest, first: &Result<[String; 2]>) -> Result<()> {
    let addresses = match first {
        Ok(addresses) => addresses.clone(),
        Err(_) => guest.add().or_else(|refusal| {
            let code = refusal.downcast_ref::<PluginError>().map(|error| error.code);
            if code != Some(101) {
                return Err(refusal);
            }
            del(guest)?;
            guest.add()
        })?,
    };
    world.settled_with(guest, &addresses)?;
    del(guest)?;
    world.settled_without(guest)
}

/// As ctr does: nobody says that the container is gone.
fn add_then_nothing(world: &World, guest: &Guest, arm: Arm) -> Result<Outcome> {
    arm()?;
    let added = guest.add();
    guest.netns.remove()?;
    world.settled(&world.truth())?;
    Ok(outcome(&added))
}

/// The ADD that finds the remains of one that died dies, too.
fn second_add(world: &World, guest: &Guest, faults: &Faults, arm: Arm) -> Result<Outcome> {
    faults.arm("add.attach.after", 1)?;
    let _ = guest.add();
    arm()?;
    let second = guest.add();
    finish(world, guest, &second)?;
    Ok(outcome(&second))
}

fn del_then_del(world: &World, guest: &Guest, arm: Arm) -> Result<Outcome> {
    let addresses = guest.add()?;
    world.settled_with(guest, &addresses)?;
    arm()?;
    let first = del(guest)?;
    world.settled_without(guest)?;
    Ok(first)
}

/// The node-manager is down meanwhile, and then an ADD comes.
fn del_in_absence(world: &World, guest: &Guest, arm: Arm) -> Result<Outcome> {
    guest.add()?;
    guest.node.kill()?;
    arm()?;
    let first = del(guest)?;
    start(guest.node)?;
    world.settled_without(guest)?;
    Ok(first)
}
