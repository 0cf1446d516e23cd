//! `wgcni token`.

use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use wgcni_api::admin_v1 as wire;
use wgcni_identity::TicketId;

use crate::out::Out;
use crate::reach::Reach;
use crate::table::Table;
use crate::{Failure, times};

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print what goes behind `Authorization: Bearer`, this once
    Create {
        /// What it is for, at most 64 characters
        label: String,
        /// How long it is good: 15m, 1h, 30d (at most 366d)
        #[arg(long, default_value = "30d", value_parser = times::parse_span)]
        valid: Duration,
    },
    /// List tokens
    #[command(visible_alias = "ls")]
    List,
    /// Take a token back
    Revoke {
        /// Id of the token
        id: TicketId,
    },
}

#[derive(Serialize)]
struct Token {
    id: String,
    label: String,
    expires: Option<String>,
    created_by: String,
    last_used: Option<String>,
}

impl From<wire::Token> for Token {
    fn from(token: wire::Token) -> Self {
        Self {
            id: token.id,
            label: token.label,
            expires: times::rfc3339(token.expires_unix_ms),
            created_by: token.created_by,
            last_used: times::rfc3339(token.last_used_unix_ms),
        }
    }
}

#[derive(Serialize)]
struct Created {
    token: Token,
    bearer: String,
}

#[derive(Serialize)]
struct Tokens {
    tokens: Vec<Token>,
}

#[derive(Serialize)]
struct Revoked {
    id: String,
}

impl TokenCommand {
    pub async fn run(self, reach: &Reach, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Create { label, valid } => create(label, valid, reach, out).await,
            Self::List => list(reach, out).await,
            Self::Revoke { id } => {
                let request = wire::RevokeTokenRequest {
                    id: id.to_string(),
                    ..wire::RevokeTokenRequest::default()
                };
                reach.answer(reach.cluster.admin.revoke_token(request).await)?;
                out.show(&Revoked { id: id.to_string() }, format!("token {id} revoked\n"))
            }
        }
    }
}

async fn create(
    label: String,
    valid: Duration,
    reach: &Reach,
    out: &mut Out,
) -> Result<(), Failure> {
    let request = wire::CreateTokenRequest {
        label,
        valid_seconds: valid.as_secs(),
        ..wire::CreateTokenRequest::default()
    };
    let answer = reach.answer(reach.cluster.admin.create_token(request).await)?.into_owned();
    let token = answer.token.into_option().unwrap_or_default();
    let until = times::both(token.expires_unix_ms, out.now);
    let id = crate::table::clean(&token.id);
    out.note(format!("token {id}, until {until}; it reads the security key over REST"));
    let bearer = format!("{}\n", answer.bearer);
    out.show(&Created { token: token.into(), bearer: answer.bearer }, bearer)
}

async fn list(reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let answer = reach.cluster.admin.list_tokens(wire::ListTokensRequest::default()).await;
    let tokens = reach.answer(answer)?.into_owned().tokens;
    let mut table = Table::new(&["ID", "FOR", "EXPIRES", "LAST USED", "BY"]);
    for token in &tokens {
        let used = match token.last_used_unix_ms {
            0 => String::new(),
            used => times::relative(used, out.now),
        };
        table.row([
            token.id.clone(),
            token.label.clone(),
            times::both(token.expires_unix_ms, out.now),
            used,
            token.created_by.clone(),
        ]);
    }
    if table.is_empty() {
        out.note("no tokens; `wgcni token create LABEL` makes one");
    }
    out.show(&Tokens { tokens: tokens.into_iter().map(Token::from).collect() }, table)
}
