# Nomad on the first machine of the Vagrantfile: it places jobs and runs none.

data_dir = "/var/lib/nomad"

# Not on the network through which Vagrant reaches the machine.
advertise {
  http = "{{ GetPrivateInterfaces | include \"network\" \"192.168.57.0/24\" | attr \"address\" }}"
  rpc  = "{{ GetPrivateInterfaces | include \"network\" \"192.168.57.0/24\" | attr \"address\" }}"
  serf = "{{ GetPrivateInterfaces | include \"network\" \"192.168.57.0/24\" | attr \"address\" }}"
}

server {
  enabled          = true
  bootstrap_expect = 1
}
