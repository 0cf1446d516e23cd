# A counter on one client, and on another one a page that shows it, published to the
# outside: http://ADDRESS-OF-THAT-CLIENT:9002. The page asks the counter over the network
# of the cluster; the counter is published nowhere.

job "countdash" {
  type = "service"

  constraint {
    operator = "distinct_hosts"
    value    = "true"
  }

  group "api" {
    network {
      mode = "cni/wgnet"
    }

    # Its address in the cluster's network.
    service {
      name         = "count-api"
      provider     = "nomad"
      port         = "9001"
      address_mode = "alloc"

      check {
        type         = "tcp"
        address_mode = "alloc"
        port         = "9001"
        interval     = "10s"
        timeout      = "2s"
      }
    }

    task "api" {
      driver = "docker"

      config {
        image = "hashicorpdev/counter-api:v3"
      }

      resources {
        cpu    = 100
        memory = 64
      }
    }
  }

  group "dashboard" {
    network {
      mode = "cni/wgnet"

      # portmap brings it from the host's port to the container's.
      port "http" {
        static = 9002
        to     = 9002
      }
    }

    service {
      name     = "count-dashboard"
      provider = "nomad"
      port     = "http"
    }

    task "dashboard" {
      driver = "docker"

      config {
        image = "hashicorpdev/counter-dashboard:v3"
      }

      template {
        destination = "${NOMAD_TASK_DIR}/counter.env"
        env         = true
        change_mode = "restart"
        data        = <<-TEMPLATE
          {{ with nomadService "count-api" }}{{ with index . 0 }}
          COUNTING_SERVICE_URL=http://{{ .Address }}:{{ .Port }}
          {{ end }}{{ end }}
        TEMPLATE
      }

      resources {
        cpu    = 100
        memory = 64
      }
    }
  }
}
