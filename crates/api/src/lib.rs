//! The wire contract.
//!
//! Owns: the generated messages and services (`proto/` is their source), the conversions
//! between them and the model, and the clients. Foreign bytes become model types here:
//! `TryFrom` on the way in, naming the refused field; `From` on the way out.
//! Never imports: dataplane, store, ipam.

pub mod client;
mod convert;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod node;
pub mod view;
pub mod watch;

/// Generated messages.
#[allow(missing_docs, clippy::all, clippy::pedantic, clippy::restriction)]
#[rustfmt::skip]
#[path = "generated/buffa/mod.rs"]
pub mod proto;

/// Generated services and clients.
#[allow(missing_docs, clippy::all, clippy::pedantic, clippy::restriction)]
#[rustfmt::skip]
#[path = "generated/connect/mod.rs"]
pub mod services;

/// Encoded `google.protobuf.FileDescriptorSet` of `proto/`, for the reflection service.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/descriptors.binpb");

pub use convert::{Allocated, Claim, Registration};
pub use proto::wgcni::admin::v1 as admin_v1;
pub use proto::wgcni::identity::v1 as identity_v1;
pub use proto::wgcni::ipam::v1 as ipam_v1;
pub use proto::wgcni::node::v1 as node_v1;
pub use proto::wgcni::view::v1 as view_v1;
pub use proto::wgcni::wireguard::v1 as wireguard_v1;
pub use services::wgcni::admin::v1 as admin_service;
pub use services::wgcni::identity::v1 as identity_service;
pub use services::wgcni::ipam::v1 as ipam_service;
pub use services::wgcni::node::v1 as node_service;
pub use services::wgcni::view::v1 as view_service;
pub use services::wgcni::wireguard::v1 as wireguard_service;

use connectrpc::ConnectError;
use wgcni_model::FieldError;

/// The Connect error for a refused field: `INVALID_ARGUMENT` with the field's name.
pub fn invalid(error: &FieldError) -> ConnectError {
    ConnectError::invalid_argument(error.to_string())
}
