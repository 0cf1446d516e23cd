//! Joining, renewing and removing, while either end dies.

use std::cell::RefCell;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use wgcni_lab::crash::{Matrix, Outcome};
use wgcni_lab::{Cluster, Node};

type Arm<'a> = &'a dyn Fn() -> Result<()>;

/// Name of whoever joins.
const GUEST: &str = "guest";

/// A member joins, renews and is removed; first the cluster-manager dies at it, then the
/// node.
pub fn both_ends() -> Result<Matrix> {
    let cluster = Cluster::new()?;
    let manager = cluster.host().faults("cluster-manager");
    let host = cluster.lab().add_host(GUEST)?;
    let faults = host.faults("node-manager");
    let guest = cluster.prepare_node(GUEST, host, "")?;
    let ends = Ends { cluster: RefCell::new(cluster), guest };
    // It was started before its fault points were asked for.
    ends.restart()?;
    let mut matrix = Matrix::default();
    matrix.run("cluster-manager: join, renew, remove", &manager, 1, |arm| ends.life(arm))?;
    matrix.run("node-manager: join, renew", &faults, 2, |arm| ends.life(arm))?;
    Ok(matrix)
}

struct Ends {
    cluster: RefCell<Cluster>,
    guest: Node,
}

impl Ends {
    fn restart(&self) -> Result<()> {
        let mut cluster = self.cluster.borrow_mut();
        cluster.kill_manager()?;
        cluster.start_manager()
    }

    /// Does something; once more when either end died at it.
    fn twice<T>(&self, what: &str, act: impl Fn() -> Result<T>) -> Result<(T, Outcome)> {
        let first = act();
        // Whoever sees its connection end may be quicker than the end of the process.
        let down = first.is_err() || self.cluster.borrow_mut().manager_is_down();
        if down && self.restart().is_err() {
            // It may die once more, at its start.
            self.restart()?;
        }
        match first {
            Ok(done) => Ok((done, Outcome::Served)),
            Err(_) => Ok((act().with_context(|| what.to_owned())?, Outcome::Retried)),
        }
    }

    fn life(&self, arm: Arm) -> Result<Outcome> {
        arm()?;
        let ticket = || self.cluster.borrow().ticket(GUEST);
        let (ticket, made) = self.twice("make a ticket", ticket)?;
        let (_, joined) = self.twice("join", || self.guest.join(&ticket))?;
        let (id, key) = self.only_member()?;
        let (_, renewed) = self.twice("renew", || self.guest.run(&["renew"]))?;
        let (again, _) = self.only_member()?;
        ensure!(id == again, "another identity: {id}, {again}");
        // The credentials on the disk are good.
        self.twice("renew again", || self.guest.run(&["renew"]))?;
        let ((), removed) = self.twice("remove", || self.remove())?;
        ensure!(self.members()?.is_empty(), "a member is left: {:?}", self.members()?);
        self.guest.run(&["cleanup", "--purge"])?;
        self.cluster.borrow().wgcni(&["audit", "verify"], "")?;
        ensure!(!key.is_empty(), "a node without a key");
        Ok(made.max(joined).max(renewed).max(removed))
    }

    /// Removing who is gone is what was asked for.
    fn remove(&self) -> Result<()> {
        match self.cluster.borrow().remove(GUEST) {
            Err(error) if error.to_string().contains("not_found") => Ok(()),
            done => done,
        }
    }

    /// Identity and mesh key of the one node that there must be.
    fn only_member(&self) -> Result<(String, String)> {
        let members = self.members()?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        ensure!(members.len() == 1, "{} members: {members:?}", members.len());
        let member = &members[0];
        ensure!(member["alarm"].as_str().unwrap_or_default().is_empty(), "an alarm: {member}");
        Ok((text(&member["identityId"]), text(&member["meshPublicKey"])))
    }

    fn members(&self) -> Result<Vec<Value>> {
        let list = || {
            let method = "wgcni.admin.v1.AdminService/ListMembers";
            self.cluster.borrow().call(method, &json!({}))
        };
        let (list, _) = self.twice("list members", list)?;
        let all = list["members"].as_array().cloned().unwrap_or_default();
        Ok(all.into_iter().filter(|member| member["role"] == "ROLE_NODE").collect())
    }
}
