//! What runs inside the machine beside the cluster-manager: clients that lease as
//! fast as they can, and one that lists. They speak to the lab through the console.

use std::net::TcpStream;
use std::thread;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{rpc, say, wait};

/// Begins a line with a lease that was just acknowledged.
pub const LEASED: &str = "LEASED";

/// Begins a line with a lease that the cluster-manager has.
pub const KEPT: &str = "KEPT";

/// The line after the last of those.
pub const ALL_LISTED: &str = "ALL LISTED";

const API: &str = "127.0.0.1:7400";

const CLIENTS: u32 = 4;

/// Prints all leases, once the cluster-manager answers.
///
/// # Errors
/// When it does not.
pub fn list() -> Result<()> {
    let list = wait::until_ok("the cluster-manager", || {
        call("wgcni.ipam.v1.IpamService/List", &json!({}))
    })?;
    for lease in list["leases"].as_array().into_iter().flatten() {
        print(KEPT, lease)?;
    }
    say::line(ALL_LISTED);
    Ok(())
}

/// Leases for ever, for nodes that nobody asked for before, and prints each answer.
///
/// # Errors
/// When the cluster-manager refuses.
pub fn load(round: u32) -> Result<()> {
    thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|client| scope.spawn(move || lease_for_ever(round, client))).collect();
        for client in clients {
            client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        Ok(())
    })
}

fn lease_for_ever(round: u32, client: u32) -> Result<()> {
    for number in 0_u32.. {
        let node = format!("r{round}-c{client}-n{number}");
        let answer = call("wgcni.ipam.v1.IpamService/Allocate", &json!({ "node": node }))?;
        print(LEASED, &answer["lease"])?;
    }
    Ok(())
}

fn call(method: &str, request: &Value) -> Result<Value> {
    rpc::call(&mut TcpStream::connect(API)?, method, request)
}

fn print(verb: &str, lease: &Value) -> Result<()> {
    let node = lease["node"].as_str().context("a lease without a node")?;
    let prefixes = lease["prefixes"].as_array().context("a lease without prefixes")?;
    let prefixes: Vec<&str> = prefixes.iter().filter_map(Value::as_str).collect();
    say::line(format!("{verb} {node} {}", prefixes.join(",")));
    Ok(())
}
