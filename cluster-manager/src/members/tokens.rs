//! Tokens: with one, a program reads the security key over REST.

use std::time::Duration;

use wgcni_identity::{Pin, Secret, TicketId};
use wgcni_model::FieldError;
use wgcni_store::Transaction;

use super::rows::{TokenRow, token_key};
use super::{Actor, Doing, Entry, millis};
use crate::Refusal;
use crate::records::Row;
use crate::registry::{Registry, State};

const LIFE: Duration = Duration::from_hours(30 * 24);
const MAX_LIFE: Duration = Duration::from_hours(366 * 24);
const MAX_LABEL: usize = 64;
const MAX_TOKENS: usize = 1_000;

/// A token as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenView {
    /// Its id.
    pub id: TicketId,
    /// What it is for.
    pub label: String,
    /// When it ends, since the Unix epoch.
    pub expires: Duration,
    /// Who made it.
    pub created_by: String,
}

impl Registry {
    /// Makes a token; only the hash of its secret is kept. The bearer is
    /// `<id>.<secret>`.
    ///
    /// # Errors
    /// What the token shall be is not allowed, or the store fails.
    pub async fn create_token(
        &self,
        label: &str,
        life: Duration,
        by: &Actor,
        now: Duration,
    ) -> Result<(TokenView, Secret), Refusal> {
        if label.chars().count() > MAX_LABEL || label.chars().any(char::is_control) {
            let why =
                format!("must have at most {MAX_LABEL} characters, and no control characters");
            return Err(FieldError::new("label", why).into());
        }
        if life > MAX_LIFE {
            let why = format!("is more than {}", MAX_LIFE.as_secs());
            return Err(FieldError::new("valid_seconds", why).into());
        }
        let (id, secret) =
            (TicketId::from_random(rand::random()), Secret::from_random(rand::random()));
        let life = if life.is_zero() { LIFE } else { life };
        let row = TokenRow {
            hash: Pin::from_bytes(secret.hash()),
            label: label.to_owned(),
            expires: millis(now + life),
            created_by: by.to_string(),
            created: millis(now),
        };
        let plan = |state: &mut State| {
            if state.members.tokens.len() >= MAX_TOKENS {
                return Err(Refusal::Full(format!("{MAX_TOKENS} tokens are kept: revoke some")));
            }
            let transaction = Transaction::new().create(&token_key(id), row.encode());
            let entry = Entry::new(by, "token.create", format!("token {id}")).note(label);
            Ok(Doing::Commit(transaction, entry, ()))
        };
        self.audited(now, plan).await?;
        Ok((view(id, &row), secret))
    }

    /// All tokens, the oldest first.
    pub fn tokens(&self) -> Vec<TokenView> {
        let state = self.state();
        let mut all: Vec<_> = state.members.tokens.iter().collect();
        all.sort_by_key(|(id, stored)| (stored.row.created, **id));
        all.into_iter().map(|(id, stored)| view(*id, &stored.row)).collect()
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// [`Refusal::NoSuchTicket`], or the store fails.
    pub async fn revoke_token(
        &self,
        id: TicketId,
        by: &Actor,
        now: Duration,
    ) -> Result<(), Refusal> {
        let plan = |state: &mut State| {
            let stored = state.members.tokens.get(&id).ok_or(Refusal::NoSuchTicket(id))?;
            let transaction = Transaction::new().remove(&token_key(id), stored.revision);
            let entry = Entry::new(by, "token.revoke", format!("token {id}"));
            Ok(Doing::Commit(transaction, entry, ()))
        };
        self.audited(now, plan).await?;
        Ok(())
    }

    /// The token that a bearer is, while it is good.
    pub fn token_of(&self, bearer: &str, now: Duration) -> Option<TicketId> {
        let (id, secret) = bearer.split_once('.')?;
        let (id, secret) = (id.parse().ok()?, Secret::from_text(secret).ok()?);
        let state = self.state();
        let row = &state.members.tokens.get(&id)?.row;
        // Hashes are compared: how much of one is right says nothing of the secret.
        let good = row.hash == Pin::from_bytes(secret.hash());
        (good && now < Duration::from_millis(row.expires)).then_some(id)
    }
}

fn view(id: TicketId, row: &TokenRow) -> TokenView {
    TokenView {
        id,
        label: row.label.clone(),
        expires: Duration::from_millis(row.expires),
        created_by: row.created_by.clone(),
    }
}
