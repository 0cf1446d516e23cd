//! `wgcni security-key`.

use clap::Subcommand;
use serde::Serialize;
use wgcni_api::admin_v1 as wire;

use crate::out::Out;
use crate::reach::Reach;
use crate::{Failure, times};

#[derive(Debug, Subcommand)]
pub(crate) enum SecurityKeyCommand {
    /// Print the join string with the key of the day; the cluster audits that it was read
    Show,
    /// Make it another key at once
    Rotate {
        /// Let the old key be good for another 15 minutes
        #[arg(long)]
        overlap: bool,
    },
}

#[derive(Serialize)]
struct Key {
    join: String,
    expires: Option<String>,
    generation: u64,
}

#[derive(Serialize)]
struct Rotated {
    generation: u64,
}

impl SecurityKeyCommand {
    pub async fn run(self, reach: &Reach, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Show => show(reach, out).await,
            Self::Rotate { overlap } => rotate(overlap, reach, out).await,
        }
    }
}

async fn show(reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let request = wire::ShowSecurityKeyRequest::default();
    let answer = reach.answer(reach.cluster.admin.show_security_key(request).await)?.into_owned();
    let until = times::both(answer.expires_unix_ms, out.now);
    out.note(format!("security key of generation {}, until {until}", answer.generation));
    let join = format!("{}\n", answer.join);
    let expires = times::rfc3339(answer.expires_unix_ms);
    out.show(&Key { join: answer.join, expires, generation: answer.generation }, join)
}

async fn rotate(overlap: bool, reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let request =
        wire::RotateSecurityKeyRequest { overlap, ..wire::RotateSecurityKeyRequest::default() };
    let answer = reach.answer(reach.cluster.admin.rotate_security_key(request).await)?.into_owned();
    let old = if overlap { "good for another 15 min" } else { "refused from now on" };
    let generation = answer.generation;
    let text =
        format!("the security key is of generation {generation} now; the old one is {old}\n");
    out.show(&Rotated { generation }, text)
}
