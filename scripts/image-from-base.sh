#!/usr/bin/env bash
# Makes the image without a registry: its base is a directory that debootstrap made, its
# programs are those that are built. buildah puts it where `podman` finds it; where
# BUILDAH_ROOT is set, into that directory.
# Usage: image-from-base.sh ROOT release|dev IMAGE
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/have.sh

[ $# = 3 ] || die "usage: image-from-base.sh ROOT release|dev IMAGE"
root=$1 profile=$2 image=$3
built=${CARGO_TARGET_DIR:-target}/${profile/#dev/debug}
base=localhost/wgcni-base:$$

buildah=(buildah)
if [ -n "${BUILDAH_ROOT:-}" ]; then
    buildah+=(--root "$BUILDAH_ROOT/storage" --runroot "$BUILDAH_ROOT/run")
fi
context=$(mktemp -d)
container=
trap 'rm -rf "$context"; [ -z "$container" ] || "${buildah[@]}" rm "$container" >/dev/null' EXIT

mkdir -p "$context/programs" "$context/deploy/docker"
cp deploy/docker/install-cni "$context/deploy/docker/"
for program in cluster-manager node-manager wgcni wireguard-cni; do
    strip --strip-unneeded -o "$context/programs/$program" "$built/$program"
done

container=$("${buildah[@]}" from scratch)
"${buildah[@]}" add --quiet "$container" "$root" / >/dev/null
"${buildah[@]}" commit --quiet --rm "$container" "$base" >/dev/null
container=
"${buildah[@]}" build --quiet --isolation chroot --build-arg BASE="$base" --target prebuilt \
    --file deploy/docker/Dockerfile --tag "$image" "$context" >/dev/null
"${buildah[@]}" untag "$base" "$base" >/dev/null 2>&1 || true
echo "built $image"
