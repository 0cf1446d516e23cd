# The process of userspace WireGuard devices, for clients whose kernel has no WireGuard.
#
# node-manager would start it by itself, but within its own allocation, which ends with
# every upgrade, and with the process all containers' links would. Run this job before
# node-manager.hcl, and leave it alone.

variable "bin" {
  type        = string
  description = "Where the programs are."
  default     = "/usr/bin"
}

job "wgcni-tunnels" {
  type     = "system"
  priority = 95

  constraint {
    attribute = "${meta.wgcni_userspace}"
    value     = "true"
  }

  group "tunnels" {
    restart {
      interval = "1m"
      attempts = 10
      delay    = "1s"
      mode     = "delay"
    }

    task "tunnels" {
      driver       = "raw_exec"
      kill_signal  = "SIGTERM"
      kill_timeout = "15s"

      config {
        command = "${var.bin}/node-manager"
        args    = ["tunnels", "--run-dir", "/run/wgcni"]
      }

      # Packets are encrypted here.
      resources {
        cpu    = 500
        memory = 256
      }
    }
  }
}
