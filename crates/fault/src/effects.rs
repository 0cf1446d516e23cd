//! The list.

/// Every effect that a program of ours has beyond itself. The crash matrix
/// (`lab/tests/crash.rs`) kills a program before and after each, and fails for one that no
/// test comes by.
pub const EFFECTS: &[&str] = &[
    // Files of the daemons (crates/daemon).
    "file.temporary",
    "file.replace",
    "file.sync-directory",
    // Records of the daemons (crates/store).
    "store.create",
    "store.mark-new",
    "store.batch",
    "store.flush",
    "store.sync",
    "store.mark",
    // cluster-manager.
    "cluster.settings",
    "cluster.history",
    "cluster.lease",
    "cluster.release",
    "cluster.register",
    "cluster.deregister",
    // node-manager: its place in the cluster.
    "node.keys",
    "node.public-keys",
    "node.allocate",
    "node.register",
    "node.lease-file",
    "node.peers-file",
    "node.sysctls-file",
    "node.tunnels",
    "node.listen",
    // node-manager: containers.
    "node.end-unfinished",
    "node.end-device",
    "node.sweep-device",
    "attach.pending",
    "attach.peer",
    "attach.complete",
    "detach.gone",
    "detach.peer",
    "tombstone.settle",
    "tombstone.forget",
    // The host's kernel (crates/dataplane).
    "host.create-device",
    "host.mark-device",
    "host.delete-device",
    "host.set-mtu",
    "host.raise",
    "host.add-address",
    "host.remove-address",
    "host.set-device",
    "host.set-peer",
    "host.remove-peer",
    "host.routes",
    "host.firewall",
    "host.sysctl",
    // The plugin.
    "add.attach",
    "add.make-way",
    "add.confirm",
    "add.answer",
    "del.detach",
    "del.remove",
    "tombstone.temporary",
    "tombstone.place",
    "tombstone.remove",
    // The container's namespace (crates/dataplane).
    "container.create-device",
    "container.set-device",
    "container.christen",
    "container.connect",
    "container.delete-device",
];
