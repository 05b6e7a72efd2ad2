#!/usr/bin/env bash
# Starts the compose files for real and tries what docs/operations.md promises of them: secrets that stay, an order by
# health, calls, isolation, the scenarios, a restart, an end in order. Needs a running Docker engine (with-engine.sh),
# Compose, and buf (BUF). Base images that can't be pulled are made on the spot.
#
#   deploy/ci/check.sh [COMMAND…]
#
# The command runs the tests that want a composed suite; it is told where that is. Names, ports and the profile of the
# build can be set as for Compose. An image that DEVSPACES_IMAGE names is tried as it is. Else one is made: of the program
# that DEVSPACES_BINARY names, if it runs there, by the last stage of the Dockerfile; or by all of the Dockerfile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Not the name that Compose may have been told: what is started here is taken down with its volumes.
export COMPOSE_PROJECT_NAME=${DEVSPACES_CHECK_PROJECT:-devspaces-check}
build=${DEVSPACES_IMAGE:-yes}
export DEVSPACES_IMAGE=${DEVSPACES_IMAGE:-devspaces:check} BUILD_PROFILE=${BUILD_PROFILE:-trial}
export SPACE_PORT=${SPACE_PORT:-7001} MEMBERSHIP_PORT=${MEMBERSHIP_PORT:-7002} BILLING_PORT=${BILLING_PORT:-7003}
export MARKETPLACE_PORT=${MARKETPLACE_PORT:-7004} PROMETHEUS_PORT=${PROMETHEUS_PORT:-9090}
# What the services beside the suite may do that the scenarios speak of.
export DEVSPACES_SERVICE_PERMISSIONS=auditor=authz.check_others,importer=import.apps,metering=usage.report,\
billing-run=billing.run,payments=payments.report,accounting=billing.credit,migrator=import.vendor_profiles,\
reviewer=listings.approve,offboarding=people.deactivate,catalogue=meters.update
export DEVSPACES_JOURNAL_WATCHERS=observer
buf=${BUF:-buf}
services=(space membership billing marketplace)
if docker compose version > /dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
compose+=(-f deploy/compose.yaml -f deploy/compose.prometheus.yaml)

say() { echo "containers: $*"; }
# Says how long the part before took.
part() {
    say "… after $((SECONDS - ${begun:-0})) s"
    begun=$SECONDS
    say "$*"
}
fail() {
    echo "containers: FAILED: $*" >&2
    "${compose[@]}" logs --tail 30 >&2 || true
    exit 1
}
log=$(mktemp)
trap 'rm -f "$log"; "${compose[@]}" down --volumes --remove-orphans --timeout 40 > /dev/null 2>&1' EXIT

# eventually SECONDS COMMAND…: until it succeeds.
eventually() {
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 1
    done
}

container() { "${compose[@]}" ps -q "$1"; }
is_healthy() { [[ $(docker inspect -f '{{.State.Health.Status}}' "$1") == healthy ]]; }
healthy() { is_healthy "$(container "$1")"; }
replica_is_healthy() { is_healthy "$("${replicated[@]}" ps -q "$1")"; }

docker info > /dev/null 2>&1 || fail "no Docker engine answers here"

say "base images"
missing=()
# image NAME WHAT: is here, or can be pulled, or is made on the spot.
image() {
    docker image inspect "$1" > /dev/null 2>&1 || timeout 300 docker pull --quiet "$1" > /dev/null 2>&1 || missing+=("$2")
}
image "${RUNTIME_IMAGE:-debian:bookworm-slim}" runtime
[[ $build != yes || -n ${DEVSPACES_BINARY:-} ]] || image "${BUILD_IMAGE:-rust:1-bookworm}" build
image "${POSTGRES_IMAGE:-postgres:15-bookworm}" postgres
image "${PROMETHEUS_IMAGE:-prom/prometheus:v2.55.1}" prometheus
root=()
[[ $(id -u) == 0 ]] || root=(sudo -n env "PATH=$PATH" "HOME=$HOME" ${DOCKER_HOST:+"DOCKER_HOST=$DOCKER_HOST"})
[[ ${#missing[@]} == 0 ]] || "${root[@]}" deploy/ci/base-images.sh "${missing[@]}" || fail "no base images: ${missing[*]}"

part "the image"
# By all of the Dockerfile. Not by Compose, whose versions print what fails in ways of their own.
compiled() {
    docker build --file deploy/Dockerfile --tag "$DEVSPACES_IMAGE" --build-arg "PROFILE=$BUILD_PROFILE" \
        ${BUILD_IMAGE:+--build-arg "BUILD_IMAGE=$BUILD_IMAGE"} ${RUNTIME_IMAGE:+--build-arg "RUNTIME_IMAGE=$RUNTIME_IMAGE"} \
        ${BUILD_JOBS:+--build-arg "JOBS=$BUILD_JOBS"} . > "$log" 2>&1
}
# By its last stage alone, around a program that is compiled already.
wrapped() {
    local context
    context=$(mktemp -d)
    mkdir -p "$context/image/usr/local/bin"
    strip -o "$context/image/usr/local/bin/devspaces" "$DEVSPACES_BINARY" && chmod 0755 "$context/image/usr/local/bin/devspaces"
    {
        echo 'ARG RUNTIME_IMAGE=debian:bookworm-slim'
        sed -n '/^FROM ${RUNTIME_IMAGE}/,$p' deploy/Dockerfile | sed 's/^COPY --from=build /COPY /'
    } > "$context/Dockerfile"
    docker build --tag "$DEVSPACES_IMAGE" ${RUNTIME_IMAGE:+--build-arg "RUNTIME_IMAGE=$RUNTIME_IMAGE"} "$context" > "$log" 2>&1
    local done=$?
    rm -rf "$context"
    return $done
}
if [[ $build == yes && -n ${DEVSPACES_BINARY:-} ]]; then
    say "around $DEVSPACES_BINARY"
    wrapped || { tail -n 60 "$log" >&2; fail "it can't be made"; }
    # A program of another system's libraries does not run there.
    docker run --rm --network none "$DEVSPACES_IMAGE" --version > "$log" 2>&1 || { tail -n 5 "$log" >&2; fail "$DEVSPACES_BINARY does not run in it; unset DEVSPACES_BINARY"; }
elif [[ $build == yes ]]; then
    compiled || { tail -n 60 "$log" >&2; fail "it can't be built"; }
fi

part "secrets"
deploy/make-secrets.sh
sums() { (cd deploy/secrets && find . -type f -exec sha256sum {} + | sort); }
before=$(sums)
deploy/make-secrets.sh > /dev/null
[[ $before == "$(sums)" ]] || fail "the second run of make-secrets.sh changed something"

# The example of an issuer that compose.yaml gives, beside the installation's own: it must keep nothing from starting.
DEVSPACES_ISSUERS=$(sed -n 's/^# *\(kind=.*\)$/\1/p' deploy/compose.yaml)
[[ -n $DEVSPACES_ISSUERS ]] || fail "compose.yaml gives no example of an issuer"
export DEVSPACES_ISSUERS
users=deploy/secrets/issuers/users.json
[[ ! -e $users ]] || cmp -s deploy/secrets/keys/issuer.jwks.json "$users" || fail "$users is an installation's: it is not replaced"
install -m 0444 deploy/secrets/keys/issuer.jwks.json "$users"

part "start"
started=$SECONDS
"${compose[@]}" up --detach
for service in "${services[@]}"; do eventually 120 healthy "$service" || fail "$service does not get healthy"; done
say "all healthy after $((SECONDS - started)) s"

part "calls"
# The function by which docs/operations.md has the image do as the command.
eval "$(sed -n '/^devspaces() {$/,/^}$/p' docs/operations.md)"
alice=$(devspaces token users/alice --data-dir deploy/secrets/keys)
bob=$(devspaces token users/bob --data-dir deploy/secrets/keys)
authority=deploy/secrets/certificates/ca.pem
devspaces health --address "https://127.0.0.1:$SPACE_PORT" --ca "$authority" || fail "space is healthy and not well"
# call TOKEN PORT METHOD REQUEST
call() {
    "$buf" curl --protocol grpc --cacert "$authority" --header "authorization: Bearer $1" --data "$4" \
        "https://127.0.0.1:$2/devspaces.$3" 2>&1
}
created=$(call "$alice" "$SPACE_PORT" space.v1.SpaceService/CreateSpace '{"space": {"display_name": "My team"}}') || fail "$created"
space=$(grep -o 'spaces/[0-9a-f-]*' <<< "$created" | head -n 1)
members() { call "$1" "$MEMBERSHIP_PORT" membership.v1.MembershipService/"$2" "$3"; }
added=$(members "$alice" AddMembers "{\"parent\": \"$space\", \"members\": [{\"user\": \"users/bob\", \"role\": \"CONSOLE_ROLE_DEVELOPER\"}]}") || fail "$added"
listed=$(members "$bob" ListMembers "{\"parent\": \"$space\"}") || fail "$listed"
grep -q users/bob <<< "$listed" || fail "bob is not listed: $listed"
# bob's app, which he is to lose with his membership.
app=$(call "$bob" "$SPACE_PORT" space.v1.AppService/CreateApp "{\"app\": {\"space\": \"$space\", \"display_name\": \"App\"}}") || fail "$app"
app=$(grep -o 'apps/[0-9a-f-]*' <<< "$app" | head -n 1)

part "isolation"
# Compose takes a second to find out which container it is.
postgres=$(container postgres)
for own in "${services[@]}"; do
    url=$(< "deploy/secrets/urls/$own.url")
    id=$(container "$own")
    for other in "${services[@]}" postgres template1; do
        opened=$(docker exec "$postgres" psql "${url%/*}/$other" -Atqc 'SELECT current_user' 2>&1) && opens=yes || opens=no
        expected=no
        [[ $other != "$own" ]] || expected=yes
        [[ $opens == "$expected" ]] || fail "$own on the database $other: $opens ($opened)"
    done
    # And from where its container is, with the one program that is there.
    for other in "${services[@]}"; do
        [[ $other != "$own" ]] || continue
        opened=$(docker run --rm --read-only --network "container:$id" --env PGSSLMODE=require "$DEVSPACES_IMAGE" \
            journal verify --services "$other" --database-url "${url%/*}/$other" 2>&1) && fail "the container of $own opens the database $other"
        grep -q 'permission denied' <<< "$opened" || fail "$own on the database $other: $opened"
    done
done
asked=$(call "$alice" "$SPACE_PORT" facts.v1.FactsService/Revalidate '{"owner": "OWNER_SPACE"}') && fail "a user asks for facts: $asked"
grep -q permission_denied <<< "$asked" || fail "a user asks for facts: $asked"
for service in "${services[@]}"; do
    id=$(container "$service")
    [[ $(docker inspect -f '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.Config.User}}' "$id") \
        == 'true [ALL] [no-new-privileges:true] 10001:10001' ]] || fail "$service has rights that it must not have"
    foreign=$(docker inspect -f '{{range .Mounts}}{{.Source}} {{end}}' "$id" | tr ' ' '\n' | grep -E '/(space|membership|billing|marketplace|issuer)\.(pem|url)' | grep -v "/$service\." || true)
    [[ -z $foreign ]] || fail "$service sees $foreign"
done
published=$(docker ps --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME" --format '{{.Ports}}' | grep -o '[0-9.]*:[0-9]*->' | sort -u | tr -d '\n>')
expected=$(printf '127.0.0.1:%s-\n' "$SPACE_PORT" "$MEMBERSHIP_PORT" "$BILLING_PORT" "$MARKETPLACE_PORT" "$PROMETHEUS_PORT" | sort -u | tr -d '\n')
[[ $published == "$expected" ]] || fail "published: $published"

if [[ $# -gt 0 ]]; then
    part "a second replica of every service"
    replicas=("${services[@]/%/-2}")
    replicated=("${compose[@]}" -f deploy/compose.replicas.yaml)
    "${replicated[@]}" up --detach > /dev/null 2>&1 || fail "the replicas do not start"
    settings() { docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$("${replicated[@]}" ps -q "$1")" | sort; }
    [[ $(settings space) == "$(settings space-2)" ]] || fail "compose.replicas.yaml sets other variables than compose.yaml"
    for replica in "${replicas[@]}"; do eventually 120 replica_is_healthy "$replica" || fail "$replica does not get healthy"; done

    part "the scenarios that need no more than ports, and the questions of docs/inspection.md, on both replicas by turns"
    suite=()
    for service in "${services[@]}"; do
        for replica in "$service" "$service-2"; do
            suite+=("$service=https://$("${replicated[@]}" port "$replica" 7000)")
        done
    done
    DEVSPACES_TEST_CA=$PWD/$authority DEVSPACES_TEST_KEYS=$PWD/deploy/secrets/keys DEVSPACES_TEST_SUITE=$(IFS=,; echo "${suite[*]}") "$@" \
        || fail "not as the scenarios have it"
    "${replicated[@]}" rm --stop --force "${replicas[@]}" > /dev/null 2>&1
fi

part "encryption"
plain=$(docker run --rm --read-only --network "container:$(container space)" "$DEVSPACES_IMAGE" \
    health --address http://membership:7000 2>&1) && fail "membership speaks plain text: $plain"
# What it says of the reason is chance: the server may have hung up before all was sent.
grep -qE 'an address with TLS begins with https://|does not answer' <<< "$plain" || fail "plain text: $plain"
for own in "${services[@]}"; do
    open=$(docker exec "$postgres" psql --username postgres --dbname "$own" -Atqc \
        "SELECT count(*) FILTER (WHERE NOT ssl) || ' of ' || count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = '$own'")
    [[ $open == '0 of '[1-9]* ]] || fail "connections of $own in plain text: $open"
done

part "a service is killed while it is needed"
docker kill "$(container space)" > /dev/null
removed=$(members "$alice" RemoveMember "{\"name\": \"$space/members/bob\"}") && fail "acknowledged without space: $removed"
grep -qi unavailable <<< "$removed" || fail "not UNAVAILABLE: $removed"
"${compose[@]}" up --detach space > /dev/null 2>&1
restarted=$SECONDS
eventually 60 healthy space || fail "space does not come back"
say "healthy again after $((SECONDS - restarted)) s"
gone() { ! call "$bob" "$SPACE_PORT" space.v1.AppService/GetApp "{\"name\": \"$app\"}" && call "$alice" "$SPACE_PORT" space.v1.AppService/GetApp "{\"name\": \"$app\"}"; }
eventually 30 gone || fail "bob still reads the app"

part "metrics"
prometheus() { curl -sSg "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/query?query=$1"; }
all_up() { [[ $(prometheus 'count(up{job="devspaces"}==1)') == *'"4"]'* ]]; }
eventually 60 all_up || fail "Prometheus does not see four services: $(prometheus up)"
delivered() { [[ $(prometheus 'sum(devspaces_outbox_undelivered_effects)') == *'"0"]'* ]]; }
eventually 60 delivered || fail "effects are left: $(prometheus devspaces_outbox_undelivered_effects)"
[[ $(curl -sS "http://127.0.0.1:$PROMETHEUS_PORT/api/v1/rules") == *DevspacesEffectsUndelivered* ]] || fail "the alerts are not loaded"

part "alerts"
alerts=$PWD/deploy/prometheus
docker run --rm --network none --read-only --tmpfs /tmp --entrypoint promtool -v "$alerts:/alerts:ro" \
    "${PROMETHEUS_IMAGE:-prom/prometheus:v2.55.1}" test rules /alerts/alerts.test.yaml || fail "not as alerts.test.yaml has it"
for alert in $(sed -n 's/^ *- alert: //p' "$alerts/alerts.yaml"); do
    grep -q "alertname: $alert$" "$alerts/alerts.test.yaml" || fail "no test has $alert fire"
done

part "journals"
"${compose[@]}" run --rm migrate journal verify --services "$(IFS=,; echo "${services[*]}")" || fail "the journals are not whole"

part "a dump, and its restore on a new server"
dumps=$(mktemp -d)/dumps
deploy/dump.sh "$dumps" > "$log" 2>&1 || { cat "$log" >&2; fail "no dump"; }
"${compose[@]}" down --volumes --timeout 40 > /dev/null 2>&1
mv "$dumps/billing.dump" "$dumps/aside"
deploy/restore.sh "$dumps" > "$log" 2>&1 && fail "restored without billing"
grep -q 'billing.dump is missing' "$log" || fail "without billing: $(cat "$log")"
mv "$dumps/aside" "$dumps/billing.dump"
deploy/restore.sh "$dumps" > "$log" 2>&1 || { cat "$log" >&2; fail "the dump can't be restored"; }
grep -q 'space: .* 0 wrong; compared with 1 checkpoints' "$log" || fail "not compared: $(cat "$log")"
for service in "${services[@]}"; do eventually 120 healthy "$service" || fail "$service does not get healthy"; done
listed=$(members "$alice" ListMembers "{\"parent\": \"$space\"}") || fail "$listed"
grep -q users/alice <<< "$listed" || fail "what was dumped is not there: $listed"
rm -rf "${dumps%/*}"

part "an end in order"
stopping=$SECONDS
"${compose[@]}" stop "${services[@]}" > /dev/null 2>&1
for service in "${services[@]}"; do
    id=$("${compose[@]}" ps -a -q "$service" 2> /dev/null || container "$service")
    [[ $(docker inspect -f '{{.State.ExitCode}}' "$id") == 0 ]] || fail "$service did not end in order"
done
say "ended after $((SECONDS - stopping)) s; everything holds"
