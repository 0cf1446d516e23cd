//! `wgcni ticket`.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use wgcni_api::admin_v1 as wire;
use wgcni_api::identity_v1::Role;
use wgcni_identity::TicketId;
use wgcni_model::{NodeName, Prefix};

use crate::out::Out;
use crate::reach::Reach;
use crate::table::Table;
use crate::{Failure, times};

#[derive(Debug, Subcommand)]
pub(crate) enum TicketCommand {
    /// Make a ticket and print its join string, which is shown this once
    Create(Create),
    /// List tickets
    #[command(visible_alias = "ls")]
    List,
    /// Take a ticket back, and revoke whoever joined with it
    Revoke {
        /// Id of the ticket
        id: TicketId,
        /// Leave alone whoever joined with it
        #[arg(long)]
        keep_members: bool,
    },
}

/// What the ticket shall be
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Let an operator log in with it, not a node join
    #[arg(long)]
    operator: bool,
    /// How often it can be used
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    uses: u32,
    /// How long it is good: 90s, 15m, 1h, 30d (at most 30d)
    #[arg(long, default_value = "1h", value_parser = times::parse_span)]
    valid: Duration,
    /// The only name that may join with it
    #[arg(long, conflicts_with = "uses")]
    name: Option<NodeName>,
    /// Put whoever joins with it into a group; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<NodeName>,
    /// Only from addresses in this prefix; may be repeated
    #[arg(long = "source", value_name = "CIDR")]
    sources: Vec<Prefix>,
}

impl TicketCommand {
    pub async fn run(self, reach: &Reach, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(reach, out).await,
            Self::List => list(reach, out).await,
            Self::Revoke { id, keep_members } => revoke(id, keep_members, reach, out).await,
        }
    }
}

#[derive(Serialize)]
struct Ticket {
    id: String,
    role: &'static str,
    state: &'static str,
    uses: u32,
    uses_left: u32,
    expires: Option<String>,
    name: Option<String>,
    groups: Vec<String>,
    source_cidrs: Vec<String>,
    created_by: String,
    created: Option<String>,
    joined: Vec<String>,
    #[serde(skip)]
    expires_unix_ms: u64,
}

impl Ticket {
    fn new(ticket: wire::Ticket, now: Duration) -> Self {
        Self {
            role: role(ticket.role.as_known()),
            state: state(&ticket, now),
            expires: times::rfc3339(ticket.expires_unix_ms),
            created: times::rfc3339(ticket.created_unix_ms),
            name: (!ticket.name.is_empty()).then_some(ticket.name),
            id: ticket.id,
            uses: ticket.uses,
            uses_left: ticket.uses_left,
            groups: ticket.groups,
            source_cidrs: ticket.source_cidrs,
            created_by: ticket.created_by,
            joined: ticket.joined,
            expires_unix_ms: ticket.expires_unix_ms,
        }
    }
}

pub(crate) fn role(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::ROLE_OPERATOR) => "operator",
        _ => "node",
    }
}

fn state(ticket: &wire::Ticket, now: Duration) -> &'static str {
    if ticket.revoked {
        "revoked"
    } else if ticket.uses_left == 0 {
        "used"
    } else if Duration::from_millis(ticket.expires_unix_ms) <= now {
        "expired"
    } else {
        "usable"
    }
}

#[derive(Serialize)]
struct Created {
    ticket: Ticket,
    join: String,
}

impl Create {
    async fn run(self, reach: &Reach, out: &mut Out) -> Result<(), Failure> {
        let role = if self.operator { Role::ROLE_OPERATOR } else { Role::ROLE_NODE };
        let request = wire::CreateTicketRequest {
            role: role.into(),
            uses: self.uses,
            valid_seconds: self.valid.as_secs(),
            name: self.name.map(|name| name.to_string()).unwrap_or_default(),
            groups: self.groups.iter().map(ToString::to_string).collect(),
            source_cidrs: self.sources.iter().map(ToString::to_string).collect(),
            ..wire::CreateTicketRequest::default()
        };
        let answer = reach.answer(reach.cluster.admin.create_ticket(request).await)?.into_owned();
        let ticket = answer.ticket.into_option().unwrap_or_default();
        let created = Created { ticket: Ticket::new(ticket, out.now), join: answer.join };
        let Ticket { id, role, uses, expires_unix_ms, .. } = &created.ticket;
        let times = if *uses == 1 { "once".to_owned() } else { format!("{uses} times") };
        let until = times::both(*expires_unix_ms, out.now);
        let how = if self.operator { "wgcni login" } else { "node-manager join" };
        out.note(format!(
            "ticket {id} for a {role}, good {times} until {until}; use it by `{how}`"
        ));
        let join = format!("{}\n", created.join);
        out.show(&created, join)
    }
}

#[derive(Serialize)]
struct Tickets {
    tickets: Vec<Ticket>,
}

async fn list(reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let answer = reach.cluster.admin.list_tickets(wire::ListTicketsRequest::default()).await;
    let tickets = reach.answer(answer)?.into_owned().tickets;
    let tickets = tickets.into_iter().map(|ticket| Ticket::new(ticket, out.now)).collect();
    let tickets = Tickets { tickets };
    let mut table = Table::new(&[
        "ID", "FOR", "STATE", "USES", "EXPIRES", "NAME", "GROUPS", "FROM", "BY", "JOINED",
    ]);
    for ticket in &tickets.tickets {
        table.row([
            ticket.id.clone(),
            ticket.role.to_owned(),
            ticket.state.to_owned(),
            format!("{}/{}", ticket.uses - ticket.uses_left.min(ticket.uses), ticket.uses),
            times::both(ticket.expires_unix_ms, out.now),
            ticket.name.clone().unwrap_or_default(),
            ticket.groups.join(","),
            ticket.source_cidrs.join(","),
            ticket.created_by.clone(),
            ticket.joined.join(","),
        ]);
    }
    if table.is_empty() {
        out.note("no tickets; `wgcni ticket create` makes one");
    }
    out.show(&tickets, table)
}

#[derive(Serialize)]
struct Revoked {
    id: String,
    revoked: Vec<String>,
}

async fn revoke(id: TicketId, keep: bool, reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let request = wire::RevokeTicketRequest {
        id: id.to_string(),
        keep_members: keep,
        ..wire::RevokeTicketRequest::default()
    };
    let answer = reach.answer(reach.cluster.admin.revoke_ticket(request).await)?.into_owned();
    let text = if answer.revoked.is_empty() {
        format!("ticket {id} revoked\n")
    } else {
        let names = crate::table::clean(&answer.revoked.join(", "));
        format!("ticket {id} revoked, and with it: {names}\n")
    };
    out.show(&Revoked { id: id.to_string(), revoked: answer.revoked }, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_ticket_is_why_it_cannot_be_used() {
        let now = Duration::from_secs(100);
        let ticket = |uses_left, expires_unix_ms, revoked| wire::Ticket {
            uses_left,
            expires_unix_ms,
            revoked,
            ..wire::Ticket::default()
        };
        assert_eq!(state(&ticket(1, 100_001, false), now), "usable");
        assert_eq!(state(&ticket(1, 100_000, false), now), "expired");
        assert_eq!(state(&ticket(0, 100_001, false), now), "used");
        assert_eq!(state(&ticket(0, 1, true), now), "revoked");
    }
}
