//! A member's side against the real server: joining, connecting, renewing.

#![allow(clippy::unwrap_used)]

mod cluster;
mod joining;
mod renewing;
mod services;
mod storing;

use wgcni_channel::client::{Joined, Joiner, join};
use wgcni_identity::JoinString;
use wgcni_model::{NodeName, PrivateKey};

fn name() -> NodeName {
    "ash".parse().unwrap()
}

/// A node that wants to join.
fn node<'a>(join: &'a JoinString, name: &'a NodeName, mesh: &'a PrivateKey) -> Joiner<'a> {
    let held = Vec::new();
    Joiner { join, name, mesh_key: Some(mesh), held, known: false, control_key: None }
}

/// An operator that joined.
async fn operator(string: &JoinString) -> Joined {
    let (join_string, name) = (string, name());
    join(Joiner {
        join: join_string,
        name: &name,
        mesh_key: None,
        held: Vec::new(),
        known: false,
        control_key: None,
    })
    .await
    .unwrap()
}
