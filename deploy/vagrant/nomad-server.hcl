# Nomad on the first machine of the Vagrantfile, beside nomad-agent.hcl.

server {
  enabled          = true
  bootstrap_expect = 1
}
