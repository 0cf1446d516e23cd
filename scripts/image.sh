#!/usr/bin/env bash
# Builds the image with whichever of docker, podman and buildah is here. BASE and BUILDER,
# where they are set, name the images that it is built from.
# Usage: image.sh IMAGE
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/have.sh

arguments=(--file deploy/docker/Dockerfile --tag "$1")
[ -z "${BASE:-}" ] || arguments+=(--build-arg "BASE=$BASE")
[ -z "${BUILDER:-}" ] || arguments+=(--build-arg "BUILDER=$BUILDER")
for tool in docker podman buildah; do
    have "$tool" || continue
    exec "$tool" build "${arguments[@]}" .
done
die "no docker, podman or buildah here"
