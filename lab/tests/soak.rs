//! Containers come and go, and nothing grows: the short form of `make soak`.
#![allow(clippy::unwrap_used)]

use wgcni_lab::soak::{Figure, Plan, soak};

#[test]
fn nothing_grows_while_containers_come_and_go() {
    let figures = soak(Plan { cycles: 200, parallel: 4 }).unwrap();
    let grown: Vec<&Figure> = figures.iter().filter(|figure| !figure.is_fine()).collect();
    assert!(grown.is_empty(), "{grown:#?}");
    assert!(figures.iter().any(|figure| figure.after > 0), "nothing was counted");
}
