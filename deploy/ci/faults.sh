#!/usr/bin/env bash
# Starts the compose file under a project name and on ports of its own, and tries faults on it: docs/reliability.md says
# which, and what must hold. Needs root and a running Docker engine. Base images that can't be pulled are made on the spot.
#
#   deploy/ci/faults.sh PROGRAM [ARGS]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Not the name that Compose may have been told: what is started here is taken down with its volumes.
export COMPOSE_PROJECT_NAME=${DEVSPACES_FAULTS_PROJECT:-devspaces-faults}
export SPACE_PORT=${SPACE_PORT:-7101} MEMBERSHIP_PORT=${MEMBERSHIP_PORT:-7102}
export BILLING_PORT=${BILLING_PORT:-7103} MARKETPLACE_PORT=${MARKETPLACE_PORT:-7104}
export DEVSPACES_SERVICE_PERMISSIONS=metering=usage.report,operator=billing.run,operator=billing.credit
export DEVSPACES_JOURNAL_WATCHERS=observer
services=(space membership billing marketplace)
if docker compose version > /dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
compose+=(-f deploy/compose.yaml)

fail() {
    echo "faults: $*" >&2
    exit 1
}
trap '"${compose[@]}" down --volumes --timeout 40 > /dev/null 2>&1' EXIT

[[ $(id -u) == 0 ]] || fail "needs root, to cut networks inside the containers' namespaces"
docker info > /dev/null 2>&1 || fail "no Docker engine answers here"
command -v nsenter iptables > /dev/null || fail "nsenter and iptables are needed to cut networks"

# image NAME WHAT: pulled, or made on the spot.
image() {
    docker image inspect "$1" > /dev/null 2>&1 || docker pull --quiet "$1" > /dev/null 2>&1 || deploy/ci/base-images.sh "$2"
}
image "${POSTGRES_IMAGE:-postgres:15-bookworm}" postgres
# What is tried is what is here, unless an image is named.
if [[ -z ${DEVSPACES_IMAGE:-} ]]; then
    export DEVSPACES_IMAGE=devspaces:faults BUILD_PROFILE=${BUILD_PROFILE:-release}
    image "${RUNTIME_IMAGE:-debian:bookworm-slim}" runtime
    image "${BUILD_IMAGE:-rust:1-bookworm}" build
    docker build --file deploy/Dockerfile --tag "$DEVSPACES_IMAGE" --build-arg "PROFILE=$BUILD_PROFILE" \
        ${BUILD_IMAGE:+--build-arg "BUILD_IMAGE=$BUILD_IMAGE"} ${RUNTIME_IMAGE:+--build-arg "RUNTIME_IMAGE=$RUNTIME_IMAGE"} \
        ${BUILD_JOBS:+--build-arg "JOBS=$BUILD_JOBS"} . > /dev/null || fail "the image can't be built"
fi
echo "faults: $DEVSPACES_IMAGE, $(docker image inspect -f '{{.Id}} of {{.Created}}' "$DEVSPACES_IMAGE")"

deploy/make-secrets.sh > /dev/null
"${compose[@]}" up --detach
healthy() { [[ $(docker inspect -f '{{.State.Health.Status}}' "$("${compose[@]}" ps -q "$1")") == healthy ]]; }
for service in "${services[@]}"; do
    for ((tries = 0; ; tries++)); do
        ! healthy "$service" || break
        ((tries < 120)) || fail "$service does not get healthy"
        sleep 1
    done
done
"$@"
