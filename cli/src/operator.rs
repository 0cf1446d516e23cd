//! `wgcni operator`.

use clap::Subcommand;
use serde::Serialize;
use wgcni_api::identity_v1::Role;
use wgcni_model::NodeName;

use crate::member::{self, Member};
use crate::out::Out;
use crate::reach::Reach;
use crate::table::Table;
use crate::{Failure, times};

#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// List operators
    #[command(visible_alias = "ls")]
    List,
    /// Put an operator out of the cluster at once; the name stays taken
    Revoke {
        /// The name
        name: NodeName,
        /// Why, for the audit log
        #[arg(long)]
        reason: Option<String>,
    },
    /// Put an operator out of the cluster at once, and free the name
    Remove {
        /// The name
        name: NodeName,
    },
}

#[derive(Serialize)]
struct Operators {
    operators: Vec<Member>,
}

impl OperatorCommand {
    pub async fn run(self, reach: &Reach, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::List => list(reach, out).await,
            Self::Revoke { name, reason } => {
                let revision = member::revoke(reach, (Role::ROLE_OPERATOR, &name), reason).await?;
                member::ended(&name, "revoked", revision, out)
            }
            Self::Remove { name } => {
                let revision = member::remove(reach, (Role::ROLE_OPERATOR, &name)).await?;
                member::ended(&name, "removed", revision, out)
            }
        }
    }
}

async fn list(reach: &Reach, out: &mut Out) -> Result<(), Failure> {
    let operators = member::list(reach, Role::ROLE_OPERATOR).await?;
    let mut table = Table::new(&["NAME", "STATE", "JOINED", "SEEN", "CERTIFICATE", "ALARM"]);
    for operator in &operators {
        let relative = |unix_ms: u64| match unix_ms {
            0 => String::new(),
            some => times::relative(some, out.now),
        };
        table.row([
            operator.name.clone(),
            member::state(operator).to_owned(),
            times::both(operator.joined_unix_ms, out.now),
            member::seen(operator, out.now),
            relative(operator.certificate_expires_unix_ms),
            operator.alarm.clone(),
        ]);
    }
    if table.is_empty() {
        out.note("no operators; `wgcni ticket create --operator` lets one log in");
    }
    out.show(&Operators { operators: operators.iter().map(Member::from).collect() }, table)
}
