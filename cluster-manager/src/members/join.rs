//! Joining: three proofs, then one transaction.

use std::net::SocketAddr;
use std::time::Duration;

use wgcni_api::Claim;
use wgcni_identity::{
    CertificateRequest, CredentialKind, CredentialProof, Error as ProofError, Exporter, IdentityId,
    Issued, MeshProof, Opened, Pin, Role, SecurityKeyPeriod, TicketId, Transcript,
};
use wgcni_model::{Lease, NodeName, Prefixes, PublicKey};
use wgcni_store::Transaction;

use super::rows::{
    Credential, IdentityRow, NameRow, SecurityRow, identity_key, name_key, security_key,
    ticket_key, whitelist_key,
};
use super::{Actor, Doing, Entry, Members, certificate_life, millis};
use crate::Refusal;
use crate::keys::Keys;
use crate::records::Row;
use crate::registry::{Plan, Registry, State, Stored};

/// How much earlier a joiner's clock may see the end of its certificate.
const SKEW: Duration = Duration::from_mins(10);

/// Somebody wants to join, with proofs that were not checked yet.
#[derive(Debug, Clone)]
pub struct JoinRequest {
    /// Where from.
    pub source: SocketAddr,
    /// The connection.
    pub connection: Exporter,
    /// The server's key in it.
    pub server: Pin,
    /// The challenge as it came back.
    pub challenge: Vec<u8>,
    /// The joiner's nonce.
    pub client_nonce: [u8; 32],
    /// The name that it wants.
    pub name: NodeName,
    /// What entitles it.
    pub credential: CredentialKind,
    /// Its control key.
    pub request: CertificateRequest,
    /// Its mesh key; none for an operator.
    pub mesh_key: Option<PublicKey>,
    /// Proof of the credential's secret, where it has one.
    pub credential_proof: Option<CredentialProof>,
    /// Proof of the mesh key.
    pub mesh_proof: Option<MeshProof>,
    /// What it held before.
    pub held: Option<Prefixes>,
}

/// Who joined.
#[derive(Debug, Clone)]
pub struct Joined {
    /// Its identity.
    pub id: IdentityId,
    /// What the credential made of it.
    pub role: Role,
    /// Its name.
    pub name: NodeName,
    /// Its certificate.
    pub certificate: Issued,
    /// To be sent with the first renewal.
    pub counter: u64,
    /// A node's lease.
    pub lease: Option<Lease>,
}

/// Why a join was refused: for the audit log, never for the joiner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The challenge.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A proof is missing.
    #[error("there is no proof of {0}")]
    NoProof(&'static str),
    /// The ticket.
    #[error("ticket {0} {1}")]
    Ticket(TicketId, &'static str),
    /// The name.
    #[error("the name {0}")]
    Name(&'static str),
    /// A key.
    #[error("the mesh key {0}")]
    MeshKey(&'static str),
    /// The control key.
    #[error("the control key is another member's")]
    ControlKey,
    /// Nobody needs to come back by the mesh key alone.
    #[error("the certificate of {0} is still good, and this is another control key")]
    StillGood(IdentityId),
}

/// What the credential entitles to.
struct Entitled {
    role: Role,
    groups: Vec<NodeName>,
    /// What is written down; none for a member that is known.
    with: Option<Credential>,
}

impl Registry {
    /// Makes an identity, when all proofs hold; the same again for the same credential and
    /// keys.
    ///
    /// # Errors
    /// [`Refusal::NotAdmitted`], whose reason is in the audit log; or the address space is
    /// used up, the joiner does that too often, or the store fails.
    pub async fn join(
        &self,
        keys: &Keys,
        request: &JoinRequest,
        now: Duration,
    ) -> Result<Joined, Refusal> {
        let made = IdentityId::from_random(rand::random());
        let plan = |state: &mut State| {
            let doing = state.plan_join(request, made, now)?;
            if let Doing::Commit(_, _, (_, row)) = &doing {
                self.pace((row.role, &row.name), now)?;
            }
            Ok(doing)
        };
        let planned = match self.prove(keys, request, now) {
            Err(refused) => Err(refused.into()),
            Ok(()) => self.audited(now, plan).await,
        };
        match planned {
            Ok(((id, row), _)) => self.joined(keys, request, (id, row), now),
            Err(refusal) => {
                self.state().drop_plan(&request.name);
                if let Refusal::NotAdmitted(Refused::StillGood(id)) = &refusal {
                    self.raise_alarm(*id, now).await?;
                }
                self.note_refused(request, &refusal, now).await?;
                Err(refusal)
            }
        }
    }

    /// Checks what needs secrets: none of it changes anything.
    fn prove(&self, keys: &Keys, request: &JoinRequest, now: Duration) -> Result<(), Refused> {
        let opened = keys.sealer.open(&request.challenge, &request.connection, now)?;
        let cluster = self.cluster().id;
        let transcript = Transcript {
            cluster: &cluster,
            server: request.server,
            connection: request.connection,
            challenge: &request.challenge,
            server_nonce: opened.nonce,
            server_ephemeral: opened.ephemeral.public_key(),
            client_nonce: request.client_nonce,
            name: &request.name,
            credential: request.credential,
            request: &request.request,
            mesh_key: request.mesh_key,
        };
        self.prove_credential(keys, request, &transcript, now)?;
        prove_mesh_key(request, &opened, &transcript)
    }

    fn prove_credential(
        &self,
        keys: &Keys,
        request: &JoinRequest,
        transcript: &Transcript<'_>,
        now: Duration,
    ) -> Result<(), Refused> {
        let proof = request.credential_proof.as_ref().ok_or(Refused::NoProof("the credential"));
        match request.credential {
            CredentialKind::Ticket(id) => {
                let state = self.state();
                let ticket = state.members.tickets.get(&id);
                let ticket = ticket.ok_or(Refused::Ticket(id, "does not exist"))?;
                Ok(ticket.row.verifier.check(transcript, proof?)?)
            }
            CredentialKind::SecurityKey => {
                let SecurityRow { generation, former_until, .. } = self.state().members.security();
                let former_until = former_until.map(Duration::from_millis);
                let mut periods = SecurityKeyPeriod::accepted(now, generation, former_until);
                let proof = proof?;
                let holds = |period| {
                    let key = keys.master.key(transcript.cluster, period);
                    key.verifier().is_ok_and(|v| v.check(transcript, proof).is_ok())
                };
                let found = periods.any(holds);
                found.then_some(()).ok_or(ProofError::Proof("the security key").into())
            }
            // The mesh key's proof is all there is.
            CredentialKind::Whitelist | CredentialKind::KnownKey => Ok(()),
        }
    }

    fn joined(
        &self,
        keys: &Keys,
        request: &JoinRequest,
        (id, row): (IdentityId, IdentityRow),
        now: Duration,
    ) -> Result<Joined, Refusal> {
        let certificate = keys.issue(&request.request, (row.role, id), now)?;
        tracing::info!(role = %row.role, name = %row.name, %id, with = %row.joined_with, "joined");
        let lease = self.state().lease(&row.name).filter(|_| row.role == Role::Node);
        let IdentityRow { role, name, counter, .. } = row;
        Ok(Joined { id, role, name, certificate, counter, lease })
    }

    /// Writes down why somebody did not join; so many of them a minute that nobody fills
    /// the disk.
    async fn note_refused(
        &self,
        request: &JoinRequest,
        refusal: &Refusal,
        now: Duration,
    ) -> Result<(), Refusal> {
        let why = match refusal {
            Refusal::NotAdmitted(refused) => refused.to_string(),
            Refusal::Exhausted { source, .. } => source.to_string(),
            _ => return Ok(()),
        };
        let (source, name) = (request.source, &request.name);
        tracing::warn!(%source, %name, %why, "refused to let in");
        let Some(missed) = self.refusals().take(now) else { return Ok(()) };
        let entry = Entry::new(&Actor::Anonymous(source), "join", name).refused(why);
        let note = (missed > 0).then(|| format!("{missed} more refusals before were not noted"));
        self.audit(entry.note(note.unwrap_or_default()), now).await
    }
}

fn prove_mesh_key(
    request: &JoinRequest,
    opened: &Opened,
    transcript: &Transcript<'_>,
) -> Result<(), Refused> {
    let Some(key) = &request.mesh_key else { return Ok(()) };
    let proof = request.mesh_proof.as_ref().ok_or(Refused::NoProof("the mesh key"))?;
    Ok(proof.check(&opened.ephemeral, key, transcript)?)
}

impl State {
    /// The identity of a joiner whose proofs hold, and all that belongs to it.
    pub(super) fn plan_join(
        &mut self,
        request: &JoinRequest,
        made: IdentityId,
        now: Duration,
    ) -> Result<Doing<(IdentityId, IdentityRow)>, Refusal> {
        let entitled = self.members.entitled(request, now)?;
        if entitled.role == Role::Node && request.mesh_key.is_none() {
            return Err(Refused::NoProof("the mesh key").into());
        }
        if entitled.role == Role::Operator && request.mesh_key.is_some() {
            return Err(Refused::MeshKey("is of no use to an operator").into());
        }
        if let Some((id, stored)) = self.members.same_again(request, &entitled) {
            check_again(request, id, &stored.row, now)?;
            let transaction = self.members.use_other_ticket(request, &stored.row);
            return Ok(again(request, id, stored, transaction, now));
        }
        // Only after a look for the same joiner: its own use may have been the last.
        self.members.check_left(request.credential)?;
        self.check_free(request, entitled.role)?;
        let row = IdentityRow {
            role: entitled.role,
            name: request.name.clone(),
            key: request.request.pin(),
            former: None,
            mesh_key: request.mesh_key,
            counter: 1,
            not_after: millis(now + certificate_life(entitled.role)),
            joined: millis(now),
            joined_with: entitled.with.ok_or(Refused::MeshKey("is no member's"))?,
            groups: entitled.groups,
            alarm: None,
            revoked: None,
        };
        let transaction = self.join_transaction(request, made, &row, now)?;
        let source = Actor::Anonymous(request.source);
        let of = format!("{} {}", row.role, row.name);
        let note = format!("{made} with {}", row.joined_with);
        let entry = Entry::new(&source, "join", of).note(note);
        Ok(Doing::Commit(transaction, entry, (made, row)))
    }

    fn join_transaction(
        &mut self,
        request: &JoinRequest,
        id: IdentityId,
        row: &IdentityRow,
        now: Duration,
    ) -> Result<Transaction, Refusal> {
        let mut transaction = Transaction::new();
        if row.role == Role::Node {
            let claim = Claim { node: request.name.clone(), held: request.held };
            if let Plan::Commit(lease, _) = self.plan_allocate(&claim, now)? {
                transaction = lease;
            }
        }
        let members = &self.members;
        if let CredentialKind::Ticket(ticket) = request.credential {
            transaction = members.use_ticket(ticket, transaction);
        }
        if request.credential == CredentialKind::Whitelist
            && let Some(stored) = members.whitelist.get(&request.name)
        {
            let key = whitelist_key(&request.name);
            transaction = transaction.replace(&key, stored.revision, stored.row.encode());
        }
        if !members.security().safe {
            let row = SecurityRow { safe: true, ..members.security() };
            transaction = match &members.security {
                Some(stored) => transaction.replace(&security_key(), stored.revision, row.encode()),
                None => transaction.create(&security_key(), row.encode()),
            };
        }
        let name = NameRow { identity: id };
        Ok(transaction
            .create(&name_key(row.role, &row.name), name.encode())
            .create(&identity_key(id), row.encode()))
    }

    fn check_free(&self, request: &JoinRequest, role: Role) -> Result<(), Refused> {
        let members = &self.members;
        if let Some((_, has)) = members.by_name(role, &request.name) {
            let why = if has.row.is_active() { "is taken" } else { "is a revoked member's" };
            return Err(Refused::Name(why));
        }
        let pin = request.request.pin();
        if members.identities.values().any(|stored| stored.row.key == pin) {
            return Err(Refused::ControlKey);
        }
        let Some(key) = request.mesh_key else { return Ok(()) };
        if members.burnt.contains(&key) {
            return Err(Refused::MeshKey("was revoked"));
        }
        let others = self.keys.get(&key).is_some_and(|owner| owner.row.node != request.name);
        if others || members.by_mesh_key(&key).is_some() {
            return Err(Refused::MeshKey("is another member's"));
        }
        Ok(())
    }
}

impl Members {
    /// What the credential entitles the joiner to, used up or not.
    fn entitled(&self, request: &JoinRequest, now: Duration) -> Result<Entitled, Refused> {
        let node = |with| Entitled { role: Role::Node, groups: Vec::new(), with };
        match request.credential {
            CredentialKind::Ticket(id) => self.entitled_by_ticket(id, request, now),
            CredentialKind::SecurityKey => Ok(node(Some(Credential::SecurityKey))),
            CredentialKind::Whitelist => match self.whitelist.get(&request.name) {
                Some(listed) if Some(listed.row.mesh_key) == request.mesh_key => {
                    Ok(node(Some(Credential::Whitelist)))
                }
                Some(_) => Err(Refused::MeshKey("is not the one on the whitelist")),
                None => Err(Refused::Name("is not on the whitelist")),
            },
            CredentialKind::KnownKey => Ok(node(None)),
        }
    }

    fn entitled_by_ticket(
        &self,
        id: TicketId,
        request: &JoinRequest,
        now: Duration,
    ) -> Result<Entitled, Refused> {
        let refused = |why| Err(Refused::Ticket(id, why));
        let Some(Stored { row, .. }) = self.tickets.get(&id) else {
            return refused("does not exist");
        };
        let source = request.source.ip().to_canonical();
        if row.revoked {
            refused("was revoked")
        } else if now >= Duration::from_millis(row.expires) {
            refused("has expired")
        } else if row.name.as_ref().is_some_and(|name| *name != request.name) {
            refused("is for another name")
        } else if !row.source_cidrs.is_empty()
            && !row.source_cidrs.iter().any(|cidr| cidr.contains(source))
        {
            refused("is for other addresses")
        } else {
            let with = Some(Credential::Ticket(id));
            Ok(Entitled { role: row.role, groups: row.groups.clone(), with })
        }
    }

    fn check_left(&self, credential: CredentialKind) -> Result<(), Refused> {
        match credential {
            CredentialKind::Ticket(id) => match self.tickets.get(&id) {
                Some(stored) if stored.row.uses_left > 0 => Ok(()),
                _ => Err(Refused::Ticket(id, "is used up")),
            },
            _ => Ok(()),
        }
    }

    /// The use of a ticket by a member that joined with something else.
    fn use_other_ticket(&self, request: &JoinRequest, row: &IdentityRow) -> Transaction {
        match request.credential {
            CredentialKind::Ticket(id)
                if row.joined_with != Credential::Ticket(id)
                    && row.key != request.request.pin() =>
            {
                self.use_ticket(id, Transaction::new())
            }
            _ => Transaction::new(),
        }
    }

    /// Adds that a ticket is used once.
    fn use_ticket(&self, id: TicketId, transaction: Transaction) -> Transaction {
        let Some(stored) = self.tickets.get(&id) else { return transaction };
        let mut used = stored.row.clone();
        used.uses_left = used.uses_left.saturating_sub(1);
        transaction.replace(&ticket_key(id), stored.revision, used.encode())
    }

    /// The member that the joiner is already: a node by its proven mesh key, an operator by
    /// the very same control key.
    fn same_again(
        &self,
        request: &JoinRequest,
        entitled: &Entitled,
    ) -> Option<(IdentityId, &Stored<IdentityRow>)> {
        let (id, stored) = match &request.mesh_key {
            Some(key) => self.by_mesh_key(key)?,
            None => self.by_name(entitled.role, &request.name)?,
        };
        let row = &stored.row;
        let same = row.is_active() && row.role == entitled.role && row.name == request.name;
        // What it joined with; nothing but its key; another ticket, which is used up by that;
        // or whatever led to the certificate that it has.
        let fresh = matches!(request.credential, CredentialKind::Ticket(_))
            && self.check_left(request.credential).is_ok();
        let with = entitled.with.is_none_or(|with| with == row.joined_with)
            || fresh
            || row.key == request.request.pin();
        let key = request.mesh_key.is_some() || row.key == request.request.pin();
        (same && with && key).then_some((id, stored))
    }
}

/// Whoever has the mesh key alone comes back only once the certificate is over: until then
/// the member has another way, and this may be a copy of its state directory.
fn check_again(
    request: &JoinRequest,
    id: IdentityId,
    row: &IdentityRow,
    now: Duration,
) -> Result<(), Refused> {
    let alone = !matches!(request.credential, CredentialKind::Ticket(_));
    let good = now + SKEW < Duration::from_millis(row.not_after);
    if alone && good && row.key != request.request.pin() {
        return Err(Refused::StillGood(id));
    }
    Ok(())
}

/// A member joins again: its certificate is for the control key that it has now.
fn again(
    request: &JoinRequest,
    id: IdentityId,
    stored: &Stored<IdentityRow>,
    transaction: Transaction,
    now: Duration,
) -> Doing<(IdentityId, IdentityRow)> {
    let mut row = stored.row.clone();
    if row.key != request.request.pin() {
        row.key = request.request.pin();
        row.former = None;
        row.counter += 1;
    }
    row.not_after = millis(now + certificate_life(row.role));
    let transaction = transaction.replace(&identity_key(id), stored.revision, row.encode());
    let of = format!("{} {}", row.role, row.name);
    let entry = Entry::new(&Actor::Anonymous(request.source), "join-again", of).note(id);
    Doing::Commit(transaction, entry, (id, row))
}
