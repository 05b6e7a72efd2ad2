# How dump.sh and restore.sh reach the databases: by Compose, or directly where DEVSPACES_DATABASE_URL is set.
# shellcheck shell=bash disable=SC2034
services=(space membership billing marketplace)
# How long a server that has just been started may take to have the databases made.
patience=${DEVSPACES_PATIENCE:-120}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# wait_for SERVICE: until its database answers.
wait_for() {
    local end=$((SECONDS + patience))
    until [[ $(query "$1" 'SELECT 1' 2> /dev/null) == 1 ]]; do
        ((SECONDS < end)) || return 1
        sleep 1
    done
}

# alone SERVICE: fails if anybody else is connected to its database. A server takes a moment to notice who has left.
alone() {
    local others end=$((SECONDS + 5))
    while :; do
        others=$(query "$1" "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND usesysid IS NOT NULL AND pid <> pg_backend_pid()") \
            || fail "the database of $1 does not answer"
        [[ $others != 0 ]] || return 0
        ((SECONDS < end)) || fail "the database of $1 has $others other sessions: stop whoever has them, second replicas, too"
        sleep 1
    done
}

if [[ -n ${DEVSPACES_DATABASE_URL:-} ]]; then
    devspaces=${DEVSPACES_BIN:-devspaces}
    url() { echo "${DEVSPACES_DATABASE_URL//'{service}'/$1}"; }
    all=$(IFS=, && echo "${services[*]}")
    # shellcheck disable=SC2016
    emptying='for service in '${services[*]}'; do psql "${DEVSPACES_DATABASE_URL//'"'{service}'"'/$service}" --command "DROP SCHEMA public CASCADE; CREATE SCHEMA public"; done'
    start_postgres() { :; }
    start_services() { :; }
    stop_services() { :; }
    query() { psql "$(url "$1")" --no-psqlrc --tuples-only --no-align --quiet --command "$2"; }
    dump() { pg_dump --format=custom --dbname "$(url "$1")"; }
    restore() { pg_restore --no-owner --exit-on-error --single-transaction --dbname "$(url "$1")"; }
    migrate() { "$devspaces" migrate --services "$all"; }
    checkpoint() { "$devspaces" journal checkpoint --services "$1"; }
    verify() { "$devspaces" journal verify --services "$all" --checkpoint /dev/stdin; }
else
    deploy=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    if docker compose version > /dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
    compose+=(-f "$deploy/compose.yaml")
    all=$(IFS=, && echo "${services[*]}")
    emptying="${compose[*]} down --volumes"
    start_postgres() { "${compose[@]}" up --detach postgres; }
    start_services() { "${compose[@]}" up --detach "${services[@]}"; }
    stop_services() { "${compose[@]}" stop "${services[@]}"; }
    # Over TCP: while the databases are being made, the server listens on a socket alone, and ends once more after that.
    in_postgres() { "${compose[@]}" exec -T postgres "$@"; }
    query() {
        in_postgres pg_isready --quiet --host=127.0.0.1 --username=postgres < /dev/null \
            && in_postgres psql --username postgres --dbname "$1" --no-psqlrc --tuples-only --no-align --quiet --command "$2" < /dev/null
    }
    dump() { in_postgres pg_dump --username postgres --format=custom "$1" < /dev/null; }
    restore() { in_postgres pg_restore --username postgres --exit-on-error --single-transaction --dbname "$1"; }
    migrate() { "${compose[@]}" run --rm -T migrate migrate --services "$all" < /dev/null; }
    checkpoint() { "${compose[@]}" run --rm --no-deps -T "$1" journal checkpoint --services "$1" < /dev/null; }
    verify() {
        "${compose[@]}" run --rm -T --volume "$deploy/secrets/keys/suite.jwks.json:/run/suite.jwks.json:ro" migrate \
            journal verify --services "$all" --checkpoint /dev/stdin --suite-jwks /run/suite.jwks.json
    }
fi
