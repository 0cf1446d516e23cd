# Two allocations that do nothing, on two clients: something to ping.

job "sleep" {
  type = "service"

  constraint {
    operator = "distinct_hosts"
    value    = "true"
  }

  group "sleep" {
    count = 2

    network {
      mode = "cni/wgnet"
    }

    task "sleep" {
      driver = "exec"

      config {
        command = "/bin/sleep"
        args    = ["infinity"]
      }

      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
