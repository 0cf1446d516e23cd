# Runs the tests that the lab asks for.

modprobe tun
lab guest-suite
