#!/usr/bin/env bash
# Runs a command where a Docker engine answers: the one that runs here, or else one that is started for the command
# alone, with a folder of its own, and is stopped after it. Installs the Debian packages that are missing.
#
#   deploy/ci/with-engine.sh COMMAND…
set -euo pipefail

say() { echo "engine: $*"; }
fail() {
    echo "engine: FAILED: $*" >&2
    exit 1
}

# Runs a command as root.
as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

answers() { docker info > /dev/null 2>&1; }
composes() { docker compose version > /dev/null 2>&1 || docker-compose version > /dev/null 2>&1; }

missing=()
answers || command -v dockerd > /dev/null || missing+=(docker.io iptables)
composes || missing+=(docker-compose)
command -v debootstrap > /dev/null || missing+=(debootstrap)
command -v curl > /dev/null || missing+=(curl)
if [[ ${#missing[@]} != 0 ]]; then
    command -v apt-get > /dev/null || fail "missing here, and this is not a Debian-like machine: ${missing[*]}"
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq < /dev/null
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
        < /dev/null > /dev/null
fi

# The engine tells processes apart by control groups, which an init system mounts where there is one.
mount_control_groups() {
    grep -q ' /sys/fs/cgroup' /proc/mounts && return
    say "mounting control groups"
    if grep -qw cgroup2 /proc/filesystems && [[ $(awk '!/^#/ && $2 != 0' /proc/cgroups | wc -l) == 0 ]]; then
        as_root mount -t cgroup2 cgroup2 /sys/fs/cgroup
        return
    fi
    as_root mount -t tmpfs -o uid=0,gid=0,mode=0755 cgroup /sys/fs/cgroup
    local controller
    for controller in $(awk '!/^#/ && $4 == 1 { print $1 }' /proc/cgroups); do
        as_root mkdir -p "/sys/fs/cgroup/$controller"
        as_root mount -n -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" \
            || as_root rmdir "/sys/fs/cgroup/$controller"
    done
}

stop_engine() {
    local engine second
    engine=$(cat "$work/docker.pid" 2> /dev/null || true)
    if [[ -n $engine ]]; then
        as_root kill "$engine" 2> /dev/null || true
        for ((second = 0; second < 60; second++)); do
            [[ -d /proc/$engine ]] || break
            sleep 1
        done
    fi
    as_root rm -rf --one-file-system "$work" || true
}

start_engine() {
    work=$(mktemp -d "${TMPDIR:-/var/tmp}/devspaces-docker.XXXXXX")
    trap stop_engine EXIT
    mount_control_groups
    export DOCKER_HOST=unix://$work/docker.sock
    say "starting one in $work"
    as_root dockerd --host "$DOCKER_HOST" --group "$(id -g)" --data-root "$work/data" --exec-root "$work/exec" \
        --pidfile "$work/docker.pid" > "$work/log" 2>&1 &
    local started=$! second
    for ((second = 0; second < 60; second++)); do
        answers && return
        kill -0 "$started" 2> /dev/null || break
        sleep 1
    done
    tail -n 20 "$work/log" >&2
    fail "no Docker engine can be started here"
}

# Where there is an init system, the package has started one.
answers || start_engine
say "version $(docker info --format '{{.ServerVersion}}, {{.Driver}}')"
"$@"
