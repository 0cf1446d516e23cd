//! Tests of the lab and of the data plane once more, and some more, on the kernel's WireGuard:
//! in a virtual machine that is booted once for all of them.
#![allow(clippy::unwrap_used)]

mod devices;
mod module;

use std::sync::LazyLock;

use wgcni_lab::vm::suite::{self, Report, Test};

/// How the tests ended in the machine.
static GUEST: LazyLock<Result<Report, String>> =
    LazyLock::new(|| suite::run(TESTS).map_err(|error| format!("{error:#}")));

/// Repeats what became of a test in the machine.
fn passed(name: &str) {
    let report = GUEST.as_ref().unwrap();
    match report.outcomes.get(name) {
        Some(Ok(seconds)) => eprintln!("{name}: {seconds} s in the machine"),
        Some(Err(said)) => panic!("in the machine:\n{said}"),
        None => panic!("did not end in the machine, whose console ends so:\n{}", report.tail),
    }
}

/// `own { file: tests }`: tests of files beside this one. `file { tests }`: those of the
/// directory above. `alone`: nothing may run beside it.
macro_rules! on_the_kernels_wireguard {
    (
        own { $($own_file:ident: $($(#[$own_alone:ident])? $own:ident)*;)* }
        $($file:ident { $($(#[$alone:ident])? $test:ident)* })*
    ) => {
        const TESTS: &[Test] = &[
            $($(test!("kernel", concat!("own::", stringify!($own)) $(, $own_alone)?),)*)*
            $($(test!(stringify!($file), stringify!($test) $(, $alone)?),)*)*
        ];

        mod own {
            $($(
                #[test]
                fn $own() {
                    if wgcni_lab::vm::suite::guest::is_here() {
                        super::$own_file::$own();
                    } else {
                        super::passed(concat!("own::", stringify!($own)));
                    }
                }
            )*)*
        }

        $(
            mod $file {
                $(
                    #[test]
                    fn $test() {
                        super::passed(stringify!($test));
                    }
                )*
            }
        )*
    };
}

macro_rules! test {
    ($executable:expr, $name:expr) => {
        Test { executable: $executable, name: $name, alone: false }
    };
    ($executable:expr, $name:expr, alone) => {
        Test { executable: $executable, name: $name, alone: true }
    };
}

on_the_kernels_wireguard! {
    own {
        devices:
            a_containers_socket_stays_with_its_host
            a_deleted_peer_and_a_deleted_route_come_back;
        module:
            #[alone] the_kind_of_devices_is_chosen_at_the_first_start_and_stays;
    }
    traffic {
        containers_of_one_node_see_true_sources
        containers_of_two_nodes_see_true_sources_and_the_underlay_sees_nothing
        a_node_reaches_its_own_and_other_containers_from_its_node_address
        egress_has_the_nodes_address_outside_of_the_overlay
        full_size_packets_pass_between_nodes
    }
    restart {
        #[alone] no_packet_is_lost_while_node_managers_restart
    }
    attachments {
        del_takes_interface_and_peer_and_may_be_repeated
        a_second_add_is_refused_and_touches_nothing
        an_interface_of_somebody_else_is_not_touched
        a_del_while_the_daemon_is_down_is_made_good
    }
    reclaim {
        a_namespace_with_the_number_of_a_dead_one_is_another
        a_del_after_the_reclaim_succeeds_and_the_container_can_come_back
    }
    cleanup {
        cleanup_leaves_the_host_as_it_was
    }
    container {
        a_container_that_only_listens_is_reached_at_once
        removing_takes_only_what_is_ours
        what_is_not_kept_is_undone
        a_way_out_that_is_there_already_stays_the_first
        what_a_dead_attempt_left_is_in_nobodys_way
        each_thing_that_is_wrong_is_named
    }
    host {
        a_node_comes_up_and_goes_without_a_trace
        drift_is_repaired_and_nothing_else_is_touched
        links_that_have_gone_are_made_anew
        what_changes_in_the_kernel_is_told
    }
    converge {
        from_any_state_of_a_kernel_one_pass_reaches_the_wish
    }
    isolation {
        spoofed_sources_are_dropped
    }
}
