//! Everything that both sides of a join saw, as one hash.

use aws_lc_rs::digest;
use wgcni_model::{ClusterId, NodeName, PublicKey};

use crate::secret::length;
use crate::{CertificateRequest, Pin, TicketId};

/// Keying material of a TLS connection (RFC 9266, section 4.2): the same at both of its
/// ends, and at no other connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exporter([u8; 32]);

impl Exporter {
    /// Label for the TLS exporter (RFC 9266).
    pub const LABEL: &'static [u8] = b"EXPORTER-Channel-Binding";

    /// What TLS exported.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What entitles a joiner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A ticket.
    Ticket(TicketId),
    /// The cluster's security key of the day.
    SecurityKey,
    /// Its mesh key is on the whitelist.
    Whitelist,
    /// Its mesh key is a member's already.
    KnownKey,
}

/// What is hashed.
#[derive(Debug, Clone, Copy)]
pub struct Transcript<'a> {
    /// The cluster.
    pub cluster: &'a ClusterId,
    /// The server's key in this connection.
    pub server: Pin,
    /// The connection.
    pub connection: Exporter,
    /// The challenge as it was sent.
    pub challenge: &'a [u8],
    /// The challenge's nonce.
    pub server_nonce: [u8; 32],
    /// The challenge's key.
    pub server_ephemeral: PublicKey,
    /// The joiner's nonce.
    pub client_nonce: [u8; 32],
    /// The joiner's name.
    pub name: &'a NodeName,
    /// What entitles it.
    pub credential: CredentialKind,
    /// Its control key.
    pub request: &'a CertificateRequest,
    /// Its mesh key; none for an operator.
    pub mesh_key: Option<PublicKey>,
}

impl Transcript<'_> {
    /// The hash that proofs are over: SHA-256 of all parts, each behind its length.
    pub fn hash(&self) -> [u8; 32] {
        let (kind, ticket): (u8, &[u8]) = match &self.credential {
            CredentialKind::Ticket(id) => (1, id.as_bytes()),
            CredentialKind::SecurityKey => (2, &[]),
            CredentialKind::Whitelist => (3, &[]),
            CredentialKind::KnownKey => (4, &[]),
        };
        let mesh_key = self.mesh_key.as_ref().map_or(&[][..], |key| key.as_bytes());
        let parts: [&[u8]; 13] = [
            b"wgcni join v1",
            self.cluster.as_str().as_bytes(),
            self.server.as_bytes(),
            self.connection.as_bytes(),
            self.challenge,
            &self.server_nonce,
            self.server_ephemeral.as_bytes(),
            &self.client_nonce,
            self.name.as_str().as_bytes(),
            &[kind],
            ticket,
            self.request.der(),
            mesh_key,
        ];
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(&length(part));
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }
}
