//! What was acknowledged survives the power's going.
#![allow(clippy::unwrap_used)]

use wgcni_lab::vm::power_cut;

#[test]
fn no_acknowledged_lease_is_gone_after_eight_power_cuts() {
    let report = power_cut::run(8).unwrap();
    eprintln!("{} leases over {} cuts", report.acknowledged, report.cuts);
    assert_eq!(report.lost, [""; 0], "of {}", report.acknowledged);
    // A handful would prove nothing.
    assert!(report.acknowledged > 200, "only {} leases", report.acknowledged);
}
