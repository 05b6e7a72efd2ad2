#!/usr/bin/env bash
# Makes images under the names that the Dockerfile and the compose files expect, on machines that can't pull any: from
# Debian's packages, and the Rust toolchain of this machine. Stand-ins for tests, not for production. Needs root,
# debootstrap, and a running Docker engine.
#
#   deploy/ci/base-images.sh [runtime] [build] [postgres] [prometheus]
#
# What is made is kept for a week, for an engine that knows nothing of the one before: in a folder of its own below the one
# that DEVSPACES_BASE_IMAGES names, or below the user's folder for caches.
set -euo pipefail

suite=bookworm
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/base-images.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

# Under another name as soon as they would be made otherwise.
kept=${DEVSPACES_BASE_IMAGES:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}}/devspaces-base-images/$(
    { echo "$suite $mirror" && cat "${BASH_SOURCE[0]}" "$(dirname "${BASH_SOURCE[0]}")/postgres-entrypoint.sh"; } \
        | sha256sum | head -c 16
)
[[ ! -d ${kept%/*} ]] || find "${kept%/*}" -mindepth 1 -maxdepth 1 -type d -mtime +7 \
    -name '[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]' \
    -exec rm -rf {} +
# Where nothing can be kept, it is made anew each time.
mkdir -p "$kept" 2> /dev/null || { kept=$work/kept && mkdir "$kept"; }

# bootstrap FOLDER PACKAGES: a small Debian.
bootstrap() {
    echo "base-images: a Debian with $2"
    debootstrap --variant=minbase --include="$2" "$suite" "$1" "$mirror" > "$1.log" \
        || { tail -n 20 "$1.log" >&2; exit 1; }
    rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/usr/share/{doc,man,locale}/*
    # The authorities that this machine trusts: packages may come through a proxy of one's own.
    cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"
}

# import FOLDER NAME CHANGES…: an image of it.
import() {
    local folder=$1 name=$2 change changes=()
    shift 2
    for change in "$@"; do changes+=(--change "$change"); done
    tar -C "$folder" -c . | docker import "${changes[@]}" - "$name" > /dev/null
    rm -rf --one-file-system "$folder"
    echo "base-images: made $name"
}

# keep WHAT NAME: makes an image of this name, or takes the one that is kept.
keep() {
    local what=$1 name=$2 file=$kept/$1.tar
    if [[ -s $file ]] && docker load --quiet --input "$file" > /dev/null && docker image inspect "$name" > /dev/null 2>&1; then
        echo "base-images: $name, as it was kept on $(date --reference "$file" +%F)"
        return
    fi
    "$what"
    # Whole or not at all. That it can't be kept is no reason to do without it.
    docker save --output "$work/$what.tar" "$name" && mv "$work/$what.tar" "$file" || rm -f "$work/$what.tar"
}

runtime() {
    bootstrap "$work/runtime" ca-certificates
    import "$work/runtime" "${RUNTIME_IMAGE:-debian:bookworm-slim}" 'CMD ["bash"]'
}

build() {
    local toolchain
    toolchain=$(rustc --print sysroot)
    bootstrap "$work/build" ca-certificates,gcc,libc6-dev
    mkdir -p "$work/build/usr/local/rust"
    tar -C "$toolchain" --exclude ./share -c . | tar -C "$work/build/usr/local/rust" -x
    import "$work/build" "${BUILD_IMAGE:-rust:1-bookworm}" \
        'ENV PATH=/usr/local/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        'ENV CARGO_HOME=/usr/local/cargo'
}

postgres() {
    bootstrap "$work/postgres" ca-certificates,postgresql-15
    # As in the image that this stands in for: a user of this number, to whom the folder for data belongs.
    chroot "$work/postgres" sh -c '
        groupmod --gid 999 postgres && usermod --uid 999 --gid 999 postgres
        rm -rf /var/lib/postgresql && mkdir -p /docker-entrypoint-initdb.d /var/lib/postgresql/data
        install -d -o 999 -g 999 -m 0700 /var/lib/postgresql /var/lib/postgresql/data
        install -d -o 999 -g 999 -m 0775 /var/run/postgresql'
    install -m 0755 "$(dirname "${BASH_SOURCE[0]}")/postgres-entrypoint.sh" \
        "$work/postgres/usr/local/bin/docker-entrypoint.sh"
    import "$work/postgres" "${POSTGRES_IMAGE:-postgres:15-bookworm}" \
        'ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin' 'ENV PGDATA=/var/lib/postgresql/data' \
        'VOLUME /var/lib/postgresql/data' \
        'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["postgres"]'
}

prometheus() {
    bootstrap "$work/prometheus" ca-certificates,prometheus
    install -d -o 65534 -g 65534 "$work/prometheus/prometheus"
    import "$work/prometheus" "${PROMETHEUS_IMAGE:-prom/prometheus:v2.55.1}" \
        'ENTRYPOINT ["/usr/bin/prometheus"]' 'VOLUME /prometheus'
}

[[ $# -gt 0 ]] || set -- runtime build postgres prometheus
for image in "$@"; do
    case $image in
        runtime | build | postgres | prometheus) ;;
        *) echo "base-images: no image is called $image" >&2; exit 2 ;;
    esac
done
# All at once: each waits for the disk most of the time.
making=()
for image in "$@"; do
    case $image in
        runtime) keep runtime "${RUNTIME_IMAGE:-debian:bookworm-slim}" & ;;
        # Of this machine's toolchain, and a gigabyte.
        build) build & ;;
        postgres) keep postgres "${POSTGRES_IMAGE:-postgres:15-bookworm}" & ;;
        prometheus) keep prometheus "${PROMETHEUS_IMAGE:-prom/prometheus:v2.55.1}" & ;;
    esac
    making+=($!)
done
# Of all, before any is told of: what goes on writing would outlive its folder.
failed=0
for one in "${making[@]}"; do wait "$one" || failed=1; done
exit "$failed"
