//! The control channel.
