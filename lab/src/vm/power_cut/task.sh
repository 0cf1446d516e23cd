# Mounts the disk, starts the cluster-manager, then does what the lab asked for on the
# kernel's command line (round=N).

modprobe virtio_pci
modprobe virtio_blk
mount -t ext4 /dev/vda /var/lib/wgcni || poweroff -f

export WGCNI_LEASE_LENGTH_V4=30 WGCNI_LEASE_LENGTH_V6=80 WGCNI_LOG=warn
# The clients that write all the time are nobody's members.
export WGCNI_INSECURE_PLAINTEXT=true
config=/var/lib/wgcni/cluster-manager.toml
[ -e "$config" ] || { cluster-manager init --config "$config" --non-interactive && sync; }
cluster-manager serve --config "$config" &

for word in $(cat /proc/cmdline); do
    case "$word" in round=*) round="${word#round=}" ;; esac
done
lab guest-list
lab guest-load "$round"
