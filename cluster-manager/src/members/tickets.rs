//! Tickets: what lets somebody join.

use std::collections::BTreeSet;
use std::time::Duration;

use wgcni_identity::{Role, Secret, TicketId};
use wgcni_model::{FieldError, NodeName, Prefix};
use wgcni_store::Transaction;

use super::rows::{Credential, TicketRow, ticket_key};
use super::{Actor, Doing, Entry, Members, millis};
use crate::Refusal;
use crate::records::Row;
use crate::registry::{Registry, State};

const MAX_USES: u32 = 10_000;
const LIFE: Duration = Duration::from_hours(1);
const MAX_LIFE: Duration = Duration::from_hours(30 * 24);
const MAX_LIST: usize = 16;

/// How long a ticket that is over stays in the list.
const SHOWN: Duration = Duration::from_hours(24);

/// Most tickets that nobody joined with, those that are over included.
const MAX_TICKETS: usize = 10_000;

/// What a ticket shall be.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// What it makes of whoever joins with it.
    pub role: Role,
    /// How often it can be used; 0: once.
    pub uses: u32,
    /// How long it is good; zero: one hour.
    pub life: Duration,
    /// The only name that may join with it.
    pub name: Option<NodeName>,
    /// Groups of whoever joins with it.
    pub groups: Vec<NodeName>,
    /// Where joiners must come from; none: anywhere.
    pub source_cidrs: Vec<Prefix>,
}

/// A ticket as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketView {
    /// Its id.
    pub id: TicketId,
    /// What it makes of whoever joins with it.
    pub role: Role,
    /// How often it could be used at first.
    pub uses: u32,
    /// How often it can still be used.
    pub uses_left: u32,
    /// When it ends, since the Unix epoch.
    pub expires: Duration,
    /// The only name that may join with it.
    pub name: Option<NodeName>,
    /// Groups of whoever joins with it.
    pub groups: Vec<NodeName>,
    /// Where joiners must come from.
    pub source_cidrs: Vec<Prefix>,
    /// Who made it.
    pub created_by: String,
    /// When, since the Unix epoch.
    pub created: Duration,
    /// Who joined with it.
    pub joined: Vec<NodeName>,
    /// Whether it was revoked.
    pub revoked: bool,
}

impl NewTicket {
    fn check(&self) -> Result<(), FieldError> {
        let refused = |field: &str, why: String| Err(FieldError::new(field, why));
        if self.uses > MAX_USES {
            return refused("uses", format!("is {}, at most {MAX_USES} are allowed", self.uses));
        }
        if self.life > MAX_LIFE {
            return refused("valid_seconds", format!("is more than {}", MAX_LIFE.as_secs()));
        }
        if self.name.is_some() && self.uses > 1 {
            return refused("name", "one name can join once: give the ticket one use".into());
        }
        for (field, length) in
            [("groups", self.groups.len()), ("source_cidrs", self.source_cidrs.len())]
        {
            if length > MAX_LIST {
                return refused(field, format!("has {length} items, at most {MAX_LIST} fit"));
            }
        }
        Ok(())
    }
}

impl Registry {
    /// Makes a ticket; its secret is kept nowhere.
    ///
    /// # Errors
    /// What the ticket shall be is not allowed, or the store fails.
    pub async fn create_ticket(
        &self,
        new: &NewTicket,
        by: &Actor,
        now: Duration,
    ) -> Result<(TicketView, Secret), Refusal> {
        new.check()?;
        let (id, secret) =
            (TicketId::from_random(rand::random()), Secret::from_random(rand::random()));
        let verifier = secret.verifier().map_err(|error| Refusal::Library(error.to_string()))?;
        let uses = new.uses.max(1);
        let life = if new.life.is_zero() { LIFE } else { new.life };
        let row = TicketRow {
            role: new.role,
            verifier,
            uses,
            uses_left: uses,
            expires: millis(now + life),
            name: new.name.clone(),
            groups: new.groups.clone(),
            source_cidrs: new.source_cidrs.clone(),
            created_by: by.to_string(),
            created: millis(now),
            revoked: false,
        };
        let plan = |state: &mut State| {
            let transaction = state.members.forget_tickets(now)?;
            let transaction = transaction.create(&ticket_key(id), row.encode());
            let note = format!("for {uses} of role {}", row.role);
            let entry = Entry::new(by, "ticket.create", format!("ticket {id}")).note(note);
            Ok(Doing::Commit(transaction, entry, ()))
        };
        self.audited(now, plan).await?;
        Ok((view(id, &row, Vec::new()), secret))
    }

    /// All tickets, the oldest first; those that are over stay for a day.
    pub fn tickets(&self) -> Vec<TicketView> {
        let state = self.state();
        let members = &state.members;
        let all = members.tickets.iter().map(|(id, stored)| {
            let joined = members.joined_with(*id).map(|row| row.name.clone());
            view(*id, &stored.row, joined.collect())
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|ticket| (ticket.created, ticket.id));
        all
    }

    /// Takes a ticket back, and with it whoever joined by it unless they are to be kept.
    /// Says whom.
    ///
    /// # Errors
    /// [`Refusal::NoSuchTicket`], or the store fails.
    pub async fn revoke_ticket(
        &self,
        id: TicketId,
        keep_members: bool,
        by: &Actor,
        now: Duration,
    ) -> Result<Vec<NodeName>, Refusal> {
        let plan = |state: &mut State| {
            let stored = state.members.tickets.get(&id).ok_or(Refusal::NoSuchTicket(id))?;
            let mut row = stored.row.clone();
            (row.revoked, row.uses_left) = (true, 0);
            let transaction =
                Transaction::new().replace(&ticket_key(id), stored.revision, row.encode());
            let entry = Entry::new(by, "ticket.revoke", format!("ticket {id}"));
            Ok(Doing::Commit(transaction, entry, ()))
        };
        self.audited(now, plan).await?;
        if keep_members {
            return Ok(Vec::new());
        }
        let joined: Vec<_> = {
            let state = self.state();
            let active = state.members.joined_with(id).filter(|row| row.is_active());
            active.map(|row| (row.role, row.name.clone())).collect()
        };
        let reason = format!("ticket {id} was revoked");
        for (role, name) in &joined {
            self.revoke((*role, name), &reason, by, now).await?;
        }
        Ok(joined.into_iter().map(|(_, name)| name).collect())
    }
}

impl Members {
    /// The removal of tickets that have been over for long and that no member joined with.
    fn forget_tickets(&self, now: Duration) -> Result<Transaction, Refusal> {
        let used = self.used_tickets();
        let unused = self.tickets.iter().filter(|(id, _)| !used.contains(id));
        let (over, kept): (Vec<_>, Vec<_>) = unused.partition(|(_, stored)| {
            Duration::from_millis(stored.row.expires).saturating_add(SHOWN) < now
        });
        if kept.len() >= MAX_TICKETS {
            let why = format!(
                "{MAX_TICKETS} tickets that nobody joined with are kept: wait until old ones \
                 have been over for a day"
            );
            return Err(Refusal::Full(why));
        }
        Ok(over.into_iter().fold(Transaction::new(), |t, (id, stored)| {
            t.remove(&ticket_key(*id), stored.revision)
        }))
    }

    /// Tickets that a member joined with: whoever revokes one takes its members along.
    fn used_tickets(&self) -> BTreeSet<TicketId> {
        let active = self.identities.values().filter(|stored| stored.row.is_active());
        let used = active.filter_map(|stored| match stored.row.joined_with {
            Credential::Ticket(id) => Some(id),
            Credential::SecurityKey | Credential::Whitelist => None,
        });
        used.collect()
    }
}

fn view(id: TicketId, row: &TicketRow, joined: Vec<NodeName>) -> TicketView {
    TicketView {
        id,
        role: row.role,
        uses: row.uses,
        uses_left: row.uses_left,
        expires: Duration::from_millis(row.expires),
        name: row.name.clone(),
        groups: row.groups.clone(),
        source_cidrs: row.source_cidrs.clone(),
        created_by: row.created_by.clone(),
        created: Duration::from_millis(row.created),
        joined,
        revoked: row.revoked,
    }
}
