//! Who calls, and whom they speak for.

use std::net::{IpAddr, SocketAddr};

use connectrpc::{ConnectError, RequestContext};
use wgcni_api::Registration;
use wgcni_channel::server::{Caller, Who};
use wgcni_identity::Role;
use wgcni_model::{FieldError, NodeName, Prefix};

use crate::members::{Actor, Member};
use crate::{Refusal, Registry};

/// Who calls, as the registry knows it now.
#[derive(Debug, Clone)]
pub(super) struct Speaker {
    source: SocketAddr,
    who: Speaking,
}

#[derive(Debug, Clone)]
enum Speaking {
    Member(Member),
    Root,
    /// Nobody proves anything on this listener.
    Unknown,
}

/// What the listener says of who calls.
///
/// # Errors
/// When it says nothing.
pub(super) fn caller(context: &RequestContext) -> Result<&Caller, ConnectError> {
    let caller = context.extensions().get::<Caller>();
    caller.ok_or_else(|| ConnectError::permission_denied("who calls is not known"))
}

impl Speaker {
    /// Of a request.
    ///
    /// # Errors
    /// When it is no member any more.
    pub fn of(context: &RequestContext, registry: &Registry) -> Result<Self, ConnectError> {
        let caller = caller(context)?;
        let who = match &caller.who {
            Who::Member { role, id, .. } => {
                let member = registry.member(*id).filter(|member| member.role == *role);
                Speaking::Member(member.ok_or(Refusal::NotAMember)?)
            }
            Who::Root => Speaking::Root,
            Who::Anonymous | Who::Plaintext => Speaking::Unknown,
        };
        Ok(Self { source: caller.source, who })
    }

    /// As the audit log names it.
    pub fn actor(&self) -> Actor {
        match &self.who {
            Speaking::Member(member) => Actor::Member(member.role, member.name.clone()),
            Speaking::Root => Actor::Root,
            Speaking::Unknown => Actor::Anonymous(self.source),
        }
    }

    /// The member, if it is one.
    pub fn member(&self) -> Option<&Member> {
        match &self.who {
            Speaking::Member(member) => Some(member),
            Speaking::Root | Speaking::Unknown => None,
        }
    }

    /// A node speaks for itself alone.
    ///
    /// # Errors
    /// When `node` is another.
    pub fn speaks_for(&self, node: &NodeName) -> Result<(), ConnectError> {
        match self.member() {
            Some(member) if member.role != Role::Node || member.name != *node => {
                let why = format!("node: this caller is {} {}", member.role, member.name);
                Err(ConnectError::permission_denied(why))
            }
            _ => Ok(()),
        }
    }

    /// A node registers itself, with the key that it proved, where it can be reached.
    ///
    /// # Errors
    /// What is not its own.
    pub fn may_register(
        &self,
        wanted: &Registration,
        allowed: &[Prefix],
    ) -> Result<(), ConnectError> {
        self.speaks_for(&wanted.node)?;
        let Some(member) = self.member() else { return Ok(()) };
        if member.mesh_key != Some(wanted.mesh_key) {
            let why = "mesh_public_key: is not the key that this node proved when it joined";
            return Err(ConnectError::permission_denied(why));
        }
        check_endpoints(wanted, self.source.ip(), allowed).map_err(|e| Refusal::from(e).into())
    }
}

/// Whoever could name any address could have others send there. What no other machine can
/// send to is refused where endpoints are read, what is inside the overlay by the registry.
fn check_endpoints(
    wanted: &Registration,
    source: IpAddr,
    allowed: &[Prefix],
) -> Result<(), FieldError> {
    let source = source.to_canonical();
    // The same machine: it has more addresses than the one that it calls from.
    if source.is_loopback() {
        return Ok(());
    }
    for (n, endpoint) in wanted.endpoints.as_slice().iter().enumerate() {
        let ip = endpoint.ip();
        if ip != source && !allowed.iter().any(|prefix| prefix.contains(ip)) {
            let why = format!(
                "{endpoint} is neither where the request came from ({source}) nor inside the \
                 cluster-manager's endpoint_cidrs"
            );
            return Err(FieldError::new(format!("endpoints[{n}]"), why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use wgcni_identity::IdentityId;
    use wgcni_model::{Endpoints, PrivateKey, Revision};

    use super::*;

    fn wanted(endpoint: &str) -> Registration {
        Registration {
            node: "ash".parse().unwrap(),
            mesh_key: PrivateKey::from_random([1; 32]).public_key(),
            hub_key: PrivateKey::from_random([2; 32]).public_key(),
            endpoints: Endpoints::try_from(vec![endpoint.parse().unwrap()]).unwrap(),
            applied: Revision(0),
        }
    }

    fn node(source: &str) -> Speaker {
        let member = Member {
            id: IdentityId::from_random([1; 8]),
            role: Role::Node,
            name: "ash".parse().unwrap(),
            mesh_key: Some(wanted("192.0.2.1:1").mesh_key),
        };
        Speaker { source: source.parse().unwrap(), who: Speaking::Member(member) }
    }

    fn refused(speaker: &Speaker, wanted: &Registration) -> String {
        let allowed = ["198.51.100.0/24".parse().unwrap()];
        let refused = speaker.may_register(wanted, &allowed).err();
        refused.map_or_else(String::new, |error| error.message.unwrap_or_default())
    }

    #[test]
    fn a_node_is_reached_where_it_calls_from_or_where_operators_allow() {
        let ash = node("192.0.2.1:4711");
        assert_eq!(refused(&ash, &wanted("192.0.2.1:51820")), "");
        assert_eq!(refused(&ash, &wanted("198.51.100.7:51820")), "");
        let error = refused(&ash, &wanted("203.0.113.9:51820"));
        assert!(error.starts_with("endpoints[0]: 203.0.113.9:51820 is neither"), "{error}");
        let mapped = node("[::ffff:192.0.2.1]:4711");
        assert_eq!(refused(&mapped, &wanted("192.0.2.1:51820")), "");
        let here = node("127.0.0.1:4711");
        assert_eq!(refused(&here, &wanted("203.0.113.9:51820")), "");
    }

    #[test]
    fn a_node_registers_its_own_name_and_the_key_that_it_proved() {
        let ash = node("192.0.2.1:4711");
        let mut other = wanted("192.0.2.1:51820");
        other.node = "birch".parse().unwrap();
        assert_eq!(refused(&ash, &other), "node: this caller is node ash");
        let mut stolen = wanted("192.0.2.1:51820");
        stolen.mesh_key = PrivateKey::from_random([9; 32]).public_key();
        assert!(refused(&ash, &stolen).starts_with("mesh_public_key: is not the key"));
    }
}
