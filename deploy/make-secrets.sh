#!/usr/bin/env bash
# Makes the secrets of a first start in deploy/secrets: passwords of the databases, the keys of the services and of a token
# issuer, and an authority with a certificate for each container. What is there already is never changed, but for
# certificates that end within 60 days, which are made anew: so it can be run again at any time, and is, once a month.
#
# Keys and certificates are made by `devspaces keys` and `devspaces certificates`: by DEVSPACES_BIN, the devspaces on the PATH or in target/release, or else by the
# image, which is built if there is none.
set -euo pipefail
umask 077
deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
secrets=$deploy/secrets
services=(space membership billing marketplace)

# Only its owner can enter the folder. What is in it can be read by any user, since a container mounts single files of
# it, for a user of its own who is nobody on this machine.
mkdir -p "$secrets"/{postgres,urls,keys,issuers,certificates}
chmod 0700 "$secrets"
chmod 0755 "$secrets"/{postgres,urls,keys,issuers,certificates}

# write FILE TEXT: whole or not at all, and only if there is no such file.
write() {
    [[ ! -e $1 ]] || return 0
    printf '%s\n' "$2" > "$1.new"
    mv -n "$1.new" "$1"
    echo "made ${1#"$deploy"/}"
}

random() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

write "$secrets/postgres/postgres.password" "$(random)"
for service in "${services[@]}"; do
    if [[ -e $secrets/urls/$service.url && ! -e $secrets/postgres/$service.password ]]; then
        echo "make-secrets: urls/$service.url is there and postgres/$service.password is not" >&2
        exit 1
    fi
    write "$secrets/postgres/$service.password" "$(random)"
    password=$(< "$secrets/postgres/$service.password")
    write "$secrets/urls/$service.url" "postgres://$service:$password@postgres:5432/$service"
done

# make COMMAND FOLDER [ARGUMENT…]: has devspaces make what belongs in the folder of the secrets.
make() {
    local command=$1 folder=$2
    shift 2
    local binary image=${DEVSPACES_IMAGE:-devspaces:latest}
    for binary in "${DEVSPACES_BIN:-}" "$(command -v devspaces || true)" "$deploy/../target/release/devspaces"; do
        if [[ -n $binary && -x $binary ]]; then
            "$binary" "$command" "$secrets/$folder" "$@"
            return
        fi
    done
    if ! docker image inspect "$image" > /dev/null 2>&1; then
        docker build --file "$deploy/Dockerfile" --tag "$image" \
            ${BUILD_IMAGE:+--build-arg "BUILD_IMAGE=$BUILD_IMAGE"} \
            ${RUNTIME_IMAGE:+--build-arg "RUNTIME_IMAGE=$RUNTIME_IMAGE"} \
            ${BUILD_JOBS:+--build-arg "JOBS=$BUILD_JOBS"} \
            ${BUILD_PROFILE:+--build-arg "PROFILE=$BUILD_PROFILE"} "$deploy/.."
    fi
    docker run --rm --network none --read-only --cap-drop ALL --user "$(id -u):$(id -g)" \
        --volume "$secrets/$folder:/$folder" "$image" "$command" "/$folder" "$@"
}

# What it finds stays.
make keys keys
make certificates certificates "${services[@]}" postgres
chmod 0444 "$secrets"/{postgres,urls,keys}/* "$secrets"/certificates/{ca.pem,*/*}
chmod 0755 "$secrets"/certificates/*/
echo "the secrets are in $secrets"
