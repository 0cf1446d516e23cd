//! Every program is killed at every one of its fault points, started again as a service
//! manager would, and asked again as a runtime would.
#![allow(clippy::unwrap_used)]

mod cluster_manager;
mod identity;
mod node_manager;
mod plugin;
mod world;

use std::thread;

use wgcni_fault::EFFECTS;
use wgcni_lab::crash::Matrix;

/// Four clusters at once: most of the time is spent waiting for a program to come back.
#[test]
fn nothing_is_lost_or_left_wherever_a_program_is_killed() {
    let mut matrix = Matrix::default();
    let parts = thread::scope(|scope| {
        let parts = [
            scope.spawn(node_manager::with_containers),
            scope.spawn(node_manager::without_containers),
            scope.spawn(identity::both_ends),
            scope.spawn(|| plugin::every_verb().and_then(cluster_manager::every_call)),
        ];
        parts.map(|part| part.join().unwrap())
    });
    let mut failures = Vec::new();
    for part in parts {
        match part {
            Ok(part) => matrix.merge(part),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    eprintln!("{matrix}");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert_eq!(matrix.missing(EFFECTS), [""; 0], "points that nothing came by");
}
