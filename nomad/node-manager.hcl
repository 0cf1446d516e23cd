# A node-manager on every client.
#
# Before: a join string that is good for all nodes, in a variable of Nomad's:
#   wgcni ticket create --uses 10 | nomad var put nomad/jobs/node-manager join=-
# and, where the kernel has no WireGuard, tunnels.hcl. See docs/nomad.md.

variable "bin" {
  type        = string
  description = "Where the programs are."
  default     = "/usr/bin"
}

job "node-manager" {
  type     = "system"
  priority = 90

  constraint {
    attribute = "${attr.kernel.name}"
    value     = "linux"
  }

  # While one is new, the others have proved that theirs works.
  update {
    max_parallel = 1
    stagger      = "30s"
  }

  group "node-manager" {
    # The host's network: no mode. So that nothing else on the host is given the ports.
    network {
      # From other nodes, UDP: open it in the firewall between them.
      port "mesh" {
        static = 51820
      }
      # From containers, over loopback only.
      port "hub" {
        static = 51819
      }
    }

    # It tries again until there is a cluster-manager, or room on the disk.
    restart {
      interval = "1m"
      attempts = 10
      delay    = "5s"
      mode     = "delay"
    }

    # Makes this host a member of the cluster. A member need not ask again: it starts
    # without a cluster-manager, too. The join string is read from standard input, and
    # stands in no command line.
    task "join" {
      driver = "raw_exec"

      lifecycle {
        hook = "prestart"
      }

      config {
        command = "/bin/sh"
        args = [
          "-euc",
          "exec ${var.bin}/node-manager join --unless-joined < ${NOMAD_SECRETS_DIR}/join",
        ]
      }

      # A used-up ticket is worth nothing: the variable may stay.
      template {
        destination = "${NOMAD_SECRETS_DIR}/join"
        perms       = "0600"
        change_mode = "noop"
        data        = <<-TEMPLATE
          {{ with nomadVar "nomad/jobs/node-manager" }}{{ .join }}{{ end }}
        TEMPLATE
      }

      resources {
        cpu    = 50
        memory = 32
      }
    }

    # The network stays when it ends. It must see all processes of the host, and change
    # the host's network: raw_exec, as root.
    task "serve" {
      driver       = "raw_exec"
      kill_signal  = "SIGTERM"
      kill_timeout = "15s"

      config {
        command = "${var.bin}/node-manager"
        args    = ["serve"]
      }

      # Where the cluster-manager is now. Without an answer it is where it was at the join.
      template {
        destination = "${NOMAD_TASK_DIR}/cluster-manager.env"
        env         = true
        change_mode = "restart"
        data        = <<-TEMPLATE
          {{ with nomadService "cluster-manager" }}{{ with index . 0 }}
          WGCNI_CLUSTER_MANAGER={{ if regexMatch ":" .Address }}[{{ .Address }}]{{ else }}{{ .Address }}{{ end }}:{{ .Port }}
          {{ end }}{{ end }}
        TEMPLATE
      }

      env {
        WGCNI_LOG_FORMAT = "json"
      }

      resources {
        cpu    = 200
        memory = 96
      }
    }
  }
}
