# What a Nomad client needs to run allocations in the network `wgnet`, beside whatever
# else its configuration says. Copy it into the agent's directory, e.g. /etc/nomad.d.

client {
  enabled = true

  # Where wireguard-cni and portmap lie, and wgnet.conflist.
  cni_path       = "/opt/cni/bin"
  cni_config_dir = "/opt/cni/config"

  # For cluster-manager.hcl: true on the one client that keeps the cluster's state.
  # For tunnels.hcl: true where the kernel has no WireGuard.
  meta {
    wgcni_cluster_manager = "false"
    wgcni_userspace       = "false"
  }
}

# cluster-manager and node-manager run as root on the host: the network is the host's.
plugin "raw_exec" {
  config {
    enabled = true
  }
}
