//! Packages and image, as operators use them: installed, upgraded, removed and purged in a
//! machine that systemd boots, and run by buildah. `make test-packages` runs these.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod capabilities;
mod documented;
mod image;
mod life;
mod machine;
mod quickstart;
