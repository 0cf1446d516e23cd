# The cluster-manager, on the one client that has its state.
#
# Before: `cluster-manager init` on that client, and
# `wgcni_cluster_manager = "true"` in its `meta`. See docs/nomad.md.

variable "bin" {
  type        = string
  description = "Where the programs are."
  default     = "/usr/bin"
}

job "cluster-manager" {
  type     = "service"
  priority = 90

  # Its state is on that host's disk: /var/lib/wgcni/cluster-manager.
  constraint {
    attribute = "${meta.wgcni_cluster_manager}"
    value     = "true"
  }

  group "cluster-manager" {
    # Two would share a state directory, and the second would not start.
    count = 1

    network {
      # For members of the cluster.
      port "api" {
        static = 7400
      }
      # For those who want to become one.
      port "join" {
        static = 7401
      }
    }

    # Where node-manager.hcl finds it.
    service {
      name     = "cluster-manager"
      provider = "nomad"
      port     = "api"

      # The other port wants a certificate of the cluster, which Nomad has not.
      # tls_skip_verify needs Nomad 1.9.6: with an older one, name, port and
      # type = "tcp" are what there is.
      check {
        name            = "health"
        port            = "join"
        type            = "http"
        protocol        = "https"
        tls_skip_verify = true
        method          = "POST"
        path            = "/grpc.health.v1.Health/Check"
        body            = "{}"
        interval        = "10s"
        timeout         = "2s"

        header {
          Content-Type = ["application/json"]
        }
      }
    }

    # It ends when it cannot write its disk, and works on when it can.
    restart {
      interval = "1m"
      attempts = 10
      delay    = "2s"
      mode     = "delay"
    }

    # Nowhere else is its state.
    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "serve" {
      driver       = "raw_exec"
      kill_signal  = "SIGTERM"
      kill_timeout = "15s"

      config {
        command = "${var.bin}/cluster-manager"
        args = [
          "serve",
          "--listen", "0.0.0.0:${NOMAD_PORT_api}",
          "--join-listen", "0.0.0.0:${NOMAD_PORT_join}",
        ]
      }

      env {
        WGCNI_LOG_FORMAT = "json"
      }

      resources {
        cpu    = 200
        memory = 128
      }
    }
  }
}
