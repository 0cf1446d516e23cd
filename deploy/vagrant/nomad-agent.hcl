# Nomad on the nodes of the Vagrantfile, beside nomad/client.hcl.

data_dir = "/var/lib/nomad"

# Not on the network through which Vagrant reaches the machine.
advertise {
  http = "{{ GetPrivateInterfaces | include \"network\" \"192.168.57.0/24\" | attr \"address\" }}"
  rpc  = "{{ GetPrivateInterfaces | include \"network\" \"192.168.57.0/24\" | attr \"address\" }}"
  serf = "{{ GetPrivateInterfaces | include \"network\" \"192.168.57.0/24\" | attr \"address\" }}"
}

client {
  servers = ["192.168.57.10"]
}
