//! The unix socket that the plugin calls: for root and for the node-manager's own user.

pub use wgcni_daemon::socket::{RootSocket as NodeSocket, prepare};
