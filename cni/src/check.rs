//! CHECK: compares the kernel with what ADD left there.

use crate::error::Error;
use crate::node::Node;
use crate::request::Container;
use crate::result::CniResult;
use crate::sandbox;
use connectrpc::ErrorCode;
use ipnetwork::IpNetwork;
use wgcni_api::node::Checked;
use wgcni_dataplane::container::{self, Problem};
use wgcni_dataplane::{Engine, Namespace};
use wgcni_model::{FieldError, IfName};

/// Checks a container.
///
/// # Errors
/// All that is wrong, by name.
pub fn check(container: &Container) -> Result<(), Error> {
    let missing = || Error::Config(FieldError::new("prevResult", "is missing"));
    let result = CniResult::parse(container.conf.prev_result.as_ref().ok_or_else(missing)?)?;
    let namespace = sandbox::open(container)?;
    let held = held(container)?;
    let mut wrong = vec!["prevResult has no interface of ours".to_owned()];
    for name in sandbox::names(container) {
        let Some(told) = result.addresses_of(name.as_str()) else { continue };
        let problems = match &held {
            Some(held) => problems(container, &namespace, name, held),
            None => visible(container, &namespace, name, &told),
        };
        let ours = !problems.iter().any(|p| matches!(p, Problem::Missing | Problem::Foreign));
        wrong = problems.iter().map(|problem| format!("{name}: {problem}")).collect();
        if ours {
            wrong.extend(held.as_ref().and_then(|held| contradiction(name, &told, held)));
            break;
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Broken(wrong)) }
}

/// What the node-manager holds; `None` while it is away.
fn held(container: &Container) -> Result<Option<Checked>, Error> {
    match Node::new(&container.conf.paths.socket)?.check(&container.key) {
        Ok(held) => Ok(Some(held)),
        Err(failure) if failure.is_absence() => Ok(None),
        Err(failure) => Err(match failure.refusal() {
            Some(ErrorCode::NotFound) => {
                Error::Unknown(container.key.container_id.to_string(), Some(failure.into()))
            }
            Some(ErrorCode::FailedPrecondition) => Error::Broken(vec![failure.to_string()]),
            _ => failure.into_error("check"),
        }),
    }
}

/// What is wrong with the interface, compared with all that the node-manager holds.
fn problems(
    container: &Container,
    namespace: &Namespace,
    name: &IfName,
    held: &Checked,
) -> Vec<Problem> {
    let engine = Engine::of(held.attached.kind, &container.conf.paths.tunnels);
    let wish = sandbox::wish(container, name, &held.attached);
    container::check(&engine, namespace, &wish, Some(held.public_key)).err().unwrap_or_default()
}

/// What the runtime was told differs from what the node-manager holds.
fn contradiction(name: &IfName, told: &[IpNetwork], held: &Checked) -> Option<String> {
    let mut held: Vec<_> = held.attached.addresses.iter().map(IpNetwork::from).collect();
    let mut told = told.to_vec();
    held.sort();
    told.sort();
    let text = |addresses: &[IpNetwork]| {
        addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    (held != told)
        .then(|| format!("{name}: the node has {}, prevResult has {}", text(&held), text(&told)))
}

/// What is wrong as far as it shows without the node-manager, which is away: the container
/// must not be restarted over that.
fn visible(
    container: &Container,
    namespace: &Namespace,
    name: &IfName,
    told: &[IpNetwork],
) -> Vec<Problem> {
    let Some(wish) = sandbox::wish_of_result(container, name, told) else {
        return vec![Problem::Missing];
    };
    let problems = container::check(&Engine::Kernel, namespace, &wish, None);
    let mut problems = problems.err().unwrap_or_default();
    problems.retain(|problem| {
        use Problem::{Address, Down, Foreign, Missing, Route};
        matches!(problem, Missing | Foreign | Down | Address(_) | Route(_))
    });
    problems
}
