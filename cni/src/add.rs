//! ADD: attaches a container.
//!
//! 1. Everything that can be refused is refused before anybody is asked.
//! 2. Attach: the node-manager has an address for our key, and the hub knows it.
//! 3. The interface is made.
//! 4. The attachment is confirmed: a DEL that came meanwhile is served by now or will see
//!    the interface, so that one of the two undoes it.
//!
//! Whatever fails from 2 on undoes all of it, and so does a panic.

use crate::conf::{Dns, Runtime};
use crate::error::Error;
use crate::node::{Failure, Node};
use crate::request::Container;
use crate::result::{CniResult, Interface, Route};
use crate::sandbox::Work;
use crate::tombstone::Tombstone;
use crate::turn::Turn;
use crate::{Random, sandbox};
use connectrpc::ErrorCode;
use ipnetwork::IpNetwork;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use wgcni_api::node::{Attach, Attached, Detach, Namespace as Place};
use wgcni_dataplane::container::{Guard, Problem, Wish, check, create};
use wgcni_dataplane::{Engine, Namespace};
use wgcni_fault::around;
use wgcni_model::{Addresses, FieldError, IfName, PrivateKey, PublicKey};

/// Longest making of an interface; a healthy host needs milliseconds.
const MAKE: Duration = Duration::from_secs(2);

/// Longest undoing, each of its two halves. With [`MAKE`] and the node-manager's calls an
/// ADD stays below 10 s.
const UNDO: Duration = Duration::from_secs(1);

/// Attaches a container; the result for the runtime.
///
/// # Errors
/// Why it is not attached; then nothing is left of the attempt.
pub fn add(container: &Container, random: Random) -> Result<Value, Error> {
    let plan = Plan::new(container)?;
    let namespace = Arc::new(sandbox::open(container)?);
    let _turn = Turn::shared(&container.netns);
    if sandbox::has(&namespace, &plan.ifname)? {
        return Err(Error::Exists(plan.ifname));
    }
    let bytes = random().map_err(|e| Error::Io("get random bytes".to_owned(), e))?;
    let key = PrivateKey::from_random(bytes);
    let node = Node::new(&container.conf.paths.socket)?;
    let mut undo = Undo { container, node: &node, public_key: key.public_key(), armed: false };
    let attached = attach(&plan, &namespace, &mut undo)?;
    let wish = sandbox::wish(container, &plan.ifname, &attached);
    let engine = Engine::of(attached.kind, &container.conf.paths.tunnels);
    let guard = make(container, &namespace, engine, &wish, key)?;
    around!("add.confirm", confirm(&undo))?;
    guard.commit();
    undo.armed = false;
    Ok(plan.result(&wish, &attached))
}

/// What is decided before anybody is asked.
struct Plan<'a> {
    container: &'a Container,
    /// What the plugins before us did.
    before: CniResult,
    /// Our interface's name.
    ifname: IfName,
    requested: Option<Addresses>,
    /// Name servers, unless the node's are taken.
    dns: Option<Dns>,
}

impl<'a> Plan<'a> {
    fn new(container: &'a Container) -> Result<Self, Error> {
        let conf = &container.conf;
        let Runtime { dns, addresses } = conf.runtime()?;
        let before = conf.prev_result.as_ref().map(CniResult::parse).transpose()?;
        let before = before.unwrap_or_default();
        let ours = &container.key.ifname;
        let main = !before.has_main_interface(ours.as_str());
        let ifname = if main { ours } else { &conf.interface_name };
        if !main && ifname == ours {
            let why = "must differ from CNI_IFNAME behind another plugin's interface";
            return Err(Error::Config(FieldError::new("interfaceName", why)));
        }
        let configured = dns.unwrap_or_else(|| conf.dns.clone());
        let dns = [configured, before.dns.clone()].into_iter().find(|dns| !dns.is_empty());
        // Behind another plugin's interface the names are its, too.
        let dns = if main { dns } else { Some(dns.unwrap_or_default()) };
        let requested = container.requested.or(addresses);
        Ok(Self { container, ifname: ifname.clone(), before, requested, dns })
    }

    fn result(self, wish: &Wish, attached: &Attached) -> Value {
        let interface = Interface {
            name: self.ifname.to_string(),
            // WireGuard has none, but podman refuses an empty one.
            mac: Some("00:00:00:00:00:00".to_owned()),
            mtu: Some(wish.mtu),
            sandbox: Some(self.container.netns.clone()),
            ..Interface::default()
        };
        let mut result = self.before;
        let addresses: Vec<_> = wish.addresses.iter().map(IpNetwork::from).collect();
        let routes = wish.routes.iter().map(|dst| Route::to(*dst)).collect();
        result.push(interface, &addresses, routes);
        result.dns = self.dns.unwrap_or_else(|| Dns::from(&attached.dns));
        result.to_json(self.container.conf.version)
    }
}

/// Takes an attachment back when dropped, unless it is kept.
struct Undo<'a> {
    container: &'a Container,
    node: &'a Node,
    public_key: PublicKey,
    armed: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let Container { key, conf, .. } = self.container;
        let detached = self.node.detach(&only(self.container, self.public_key), UNDO);
        if detached.is_err_and(|failure| failure.is_absence()) {
            // The verb's own error is what the runtime has to know.
            let _ = Tombstone::of(key, &conf.paths.tombstones).write();
        }
    }
}

/// Takes back what has this key: the next ADD's attachment stays.
fn only(container: &Container, public_key: PublicKey) -> Detach {
    Detach { key: container.key.clone(), public_key: Some(public_key), started: None }
}

fn attach(plan: &Plan, namespace: &Namespace, undo: &mut Undo) -> Result<Attached, Error> {
    let Container { key, netns, conf, .. } = plan.container;
    let id = namespace.identity();
    let id = id.map_err(|e| Error::Namespace { what: "look", cause: e.into() })?;
    let request = Attach {
        key: key.clone(),
        namespace: Place { path: netns.clone(), id },
        public_key: undo.public_key,
        requested: plan.requested,
        started: Some(plan.container.started),
    };
    settle(undo, &Tombstone::of(key, &conf.paths.tombstones))?;
    let mut answer = around!("add.attach", undo.node.attach(&request));
    let exists = answer.as_ref().is_err_and(|e| e.refusal() == Some(ErrorCode::AlreadyExists));
    if exists && around!("add.make-way", make_way(plan.container, namespace, undo.node)) {
        answer = undo.node.attach(&request);
    }
    // Without an answer the node-manager may have served us all the same.
    undo.armed = !matches!(answer, Err(Failure::Down(_) | Failure::No(_)));
    answer.map_err(|failure| match failure.refusal() {
        Some(ErrorCode::AlreadyExists) => Error::Attached(key.clone(), failure.into()),
        Some(ErrorCode::Aborted) => Error::Overtaken(key.clone()),
        _ => failure.into_error("attach"),
    })
}

/// A DEL that still waits must not hit what is attached now.
fn settle(undo: &Undo, tombstone: &Tombstone) -> Result<(), Error> {
    if !tombstone.exists() {
        return Ok(());
    }
    let Container { key, started, .. } = undo.container;
    let request = Detach { key: key.clone(), public_key: None, started: Some(*started) };
    let detached = undo.node.detach(&request, UNDO);
    detached.map_err(|failure| failure.into_error("detach"))?;
    tombstone.remove()
}

/// Whether an attachment that the node-manager holds was a remnant of an ADD that was
/// killed half-way, and is gone now: its container has no interface of ours.
fn make_way(container: &Container, namespace: &Namespace, node: &Node) -> bool {
    let Ok(held) = node.check(&container.key) else { return false };
    let engine = Engine::of(held.attached.kind, &container.conf.paths.tunnels);
    let gone = |name: &IfName| {
        let wish = sandbox::wish(container, name, &held.attached);
        let problems = check(&engine, namespace, &wish, None).err().unwrap_or_default();
        problems.iter().any(|problem| matches!(problem, Problem::Missing | Problem::Foreign))
    };
    sandbox::names(container).into_iter().all(gone)
        && node.detach(&only(container, held.public_key), UNDO).is_ok()
}

/// Makes the interface, or gives up waiting for it.
fn make(
    container: &Container,
    namespace: &Arc<Namespace>,
    engine: Engine,
    wish: &Wish,
    key: PrivateKey,
) -> Result<Guard, Error> {
    let (inside, wished) = (Arc::clone(namespace), wish.clone());
    let making = Work::start(move || create(&engine, &inside, &wished, &key));
    let failed = |cause| Error::Namespace { what: "make the interface", cause };
    match making.wait(MAKE) {
        Ok(Ok(guard)) => Ok(guard),
        Ok(Err(wgcni_dataplane::Error::Exists(name))) => Err(Error::Exists(name)),
        Ok(Err(error)) => Err(failed(error.into())),
        Err(hangs) => {
            // It may come to its end just before this process does.
            let names = sandbox::names(container);
            let _ = sandbox::start_removal(&container.key, names, namespace).wait(UNDO);
            Err(failed(hangs.into()))
        }
    }
}

/// Asks whether the attachment is still ours.
fn confirm(undo: &Undo) -> Result<(), Error> {
    let key = &undo.container.key;
    match undo.node.check(key) {
        Ok(held) if held.public_key == undo.public_key => Ok(()),
        Ok(_) => Err(Error::Overtaken(key.clone())),
        Err(failure) if failure.refusal() == Some(ErrorCode::NotFound) => {
            Err(Error::Overtaken(key.clone()))
        }
        Err(failure) => Err(failure.into_error("confirm")),
    }
}
