#!/usr/bin/env bash
# Two PostgreSQL servers under Patroni with etcd, and two replicas of every service, each in a network of its own as if on
# five machines: for faults in which another server takes the primary's place (docs/reliability.md). Needs root, and Debian's
# packages postgresql, patroni, etcd-server and haproxy.
#
# All of it is in namespaces of this script: what is started here ends with it, however it ends, and nobody outside sees
# its network.
#
#   deploy/ci/failover.sh DEVSPACES PROGRAM [ARGS]
#
# PROGRAM finds in $DEVSPACES_CLUSTER, for each machine, its process (NAME.machine, whose network is the machine's), and what is
# run on it (NAME.SERVICE, to be started again). The logs are left in $DEVSPACES_FAILOVER_LOGS, if that is set.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
    echo "failover: $*" >&2
    exit 1
}

# This script ends with who started it.
if [[ ${DEVSPACES_FAILOVER:-} == "" ]]; then
    DEVSPACES_FAILOVER=begun exec setpriv --pdeathsig TERM "$0" "$@"
fi
if [[ ${DEVSPACES_CLUSTER:-} == "" ]]; then
    [[ $(id -u) == 0 ]] || fail "needs root, to make namespaces"
    PATH=$PATH:/usr/sbin
    for program in patroni patronictl etcd haproxy unshare nsenter setpriv ip iptables psql; do
        command -v "$program" > /dev/null || fail "$program is not installed: apt-get install postgresql patroni etcd-server haproxy util-linux iproute2 iptables"
    done
    # In memory if there is room, which spares the disk of the machine some GiB.
    DEVSPACES_CLUSTER=$(mktemp -d -p "$([[ -d /dev/shm ]] && echo /dev/shm || echo /tmp)" devspaces-failover-XXXXXX)
    export DEVSPACES_CLUSTER PATH
    trap '[[ -z ${DEVSPACES_FAILOVER_LOGS:-} ]] || cp "$DEVSPACES_CLUSTER"/*.log "$DEVSPACES_FAILOVER_LOGS" || true; rm -rf "$DEVSPACES_CLUSTER"' EXIT
    trap 'exit 143' TERM INT HUP
    setpriv --pdeathsig KILL unshare --net --pid --fork --kill-child --mount --mount-proc "$0" "$@" &
    wait $!
    exit
fi

folder=$DEVSPACES_CLUSTER devspaces=$1
shift
services=(space membership billing marketplace)
declare -A address=([one]=10.77.0.1 [two]=10.77.0.2 [arbiter]=10.77.0.3 [near]=10.77.0.11 [far]=10.77.0.12)
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin | sort -V | tail -n 1)
[[ -x $bin/initdb ]] || fail "the programs of PostgreSQL are not below /usr/lib/postgresql"
chmod 755 "$folder"

ip link set lo up
ip link add suite type bridge
ip address add 10.77.0.254/24 dev suite
ip link set suite up

# machine NAME: a network of its own, on the bridge.
machine() {
    unshare --net sleep infinity &
    local process=$!
    echo "$process" > "$folder/$1.machine"
    until [[ $(readlink "/proc/$process/ns/net") != $(readlink /proc/self/ns/net) ]]; do :; done
    ip link add "$1" type veth peer name eth0 netns "$process"
    ip link set "$1" master suite up
    nsenter -t "$process" -n sh -c "ip link set lo up && ip address add ${address[$1]}/24 dev eth0 && ip link set eth0 up"
}

# runs MACHINE NAME USER COMMAND…: writes down how a program is run on a machine, and starts it.
runs() {
    local machine=$1 name=$2 user=$3 program="$folder/$1.$2"
    shift 3
    {
        echo "#!/bin/sh"
        # A session of its own: it must not end with who starts it again.
        printf 'exec setsid nsenter -t %s -n setpriv --reuid %s --regid %s --init-groups env HOME=%s' \
            "$(< "$folder/$machine.machine")" "$user" "$user" "$folder"
        printf ' %q' "$@"
        printf ' >> %q.log 2>&1 < /dev/null\n' "$program"
    } > "$program"
    chmod 755 "$program"
    "$program" &
    disown
}

# patroni NAME: the settings of a server. docs/operations.md says why they are so.
patroni() {
    cat << YAML
scope: suite
name: $1
restapi: { listen: "${address[$1]}:8008", connect_address: "${address[$1]}:8008" }
etcd: { hosts: ["${address[arbiter]}:2379"] }
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 5
    retry_timeout: 5
    synchronous_mode: true
    postgresql:
      use_pg_rewind: true
      parameters: { max_connections: 300, wal_keep_size: 256MB, shared_buffers: 128MB }
  initdb: [{ encoding: UTF8 }, { locale: C }, data-checksums]
postgresql:
  listen: "${address[$1]}:5432"
  connect_address: "${address[$1]}:5432"
  data_dir: $folder/$1/data
  bin_dir: $bin
  pgpass: $folder/$1/pgpass
  pg_hba: ["host all all all trust", "host replication all all trust", "local all all trust"]
  parameters: { unix_socket_directories: "$folder/$1" }
  authentication:
    superuser: { username: postgres }
    replication: { username: postgres }
    rewind: { username: postgres }
YAML
}

# The way of the replicas on the second machine: a balancer that asks Patroni who the primary is.
balancer() {
    cat << CFG
global
    maxconn 1000
defaults
    mode tcp
    timeout connect 3s
    timeout client 30m
    timeout server 30m
listen postgres
    bind 127.0.0.1:5432
    option httpchk GET /primary
    http-check expect status 200
    default-server inter 2s fall 2 rise 1 on-marked-down shutdown-sessions
    server one ${address[one]}:5432 check port 8008
    server two ${address[two]}:5432 check port 8008
CFG
}

for name in one two arbiter near far; do machine "$name"; done
install -d -o postgres -m 700 "$folder/one" "$folder/two" "$folder/arbiter"
runs arbiter etcd postgres "$(command -v etcd)" --enable-v2 --data-dir "$folder/arbiter/data" \
    --listen-client-urls "http://${address[arbiter]}:2379" --advertise-client-urls "http://${address[arbiter]}:2379" \
    --listen-peer-urls "http://${address[arbiter]}:2380"
for name in one two; do
    patroni "$name" > "$folder/$name.yaml"
    runs "$name" patroni postgres patroni "$folder/$name.yaml"
done
balancer > "$folder/haproxy.cfg"
runs far haproxy postgres "$(command -v haproxy)" -db -f "$folder/haproxy.cfg"

# whole: whether there is a primary with a synchronous standby.
whole() { patronictl -c "$folder/one.yaml" list -f json 2> /dev/null | tr -d '\n' | grep -q '"Leader".*"Sync Standby"\|"Sync Standby".*"Leader"'; }
for ((tries = 0; ; tries++)); do
    ! whole || break
    ((tries < 90)) || fail "no primary with a synchronous standby: $(tail -n 3 "$folder"/{arbiter.etcd,one.patroni,two.patroni}.log)"
    sleep 1
done

both=${address[one]}:5432,${address[two]}:5432
administer() { psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 "postgres://postgres@$both/postgres?target_session_attrs=read-write" --command "$1"; }
administer "CREATE ROLE suite LOGIN"
for service in "${services[@]}"; do
    administer "CREATE DATABASE $service OWNER suite TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
done
export DEVSPACES_SERVICE_PERMISSIONS=metering=usage.report,operator=billing.run,operator=billing.credit
export DEVSPACES_SPACES_PER_PERSON=1000000
# The machines are namespaces of this one.
export DEVSPACES_PLAINTEXT=listen,peers,database
export DEVSPACES_JOURNAL_WATCHERS=observer DEVSPACES_BIN=$devspaces
"$devspaces" keys "$folder/keys" > "$folder/keys.log" 2>&1 || fail "$(< "$folder/keys.log")"
"$devspaces" migrate --services "$(IFS=, && echo "${services[*]}")" --database-url "postgres://suite@$both/{service}" > "$folder/migrate.log" 2>&1 \
    || fail "$(< "$folder/migrate.log")"
peers=()
for at in "${!services[@]}"; do
    for name in near far; do peers+=(--peer "${services[at]}=http://${address[$name]}:$((7001 + at))"); done
done
declare -A database=([near]=$both [far]=127.0.0.1:5432)
for name in near far; do
    for at in "${!services[@]}"; do
        runs "$name" "${services[at]}" root "$devspaces" serve --services "${services[at]}" --listen "${address[$name]}:$((7001 + at))" \
            --database-url "postgres://suite@${database[$name]}/{service}" --jwks "$folder/keys/issuer.jwks.json" \
            --suite-jwks "$folder/keys/suite.jwks.json" --service-key-file "$folder/keys/{service}.pem" "${peers[@]}"
    done
done
for name in near far; do
    for at in "${!services[@]}"; do
        for ((tries = 0; ; tries++)); do
            ! "$devspaces" health --address "http://${address[$name]}:$((7001 + at))" > /dev/null 2>&1 || break
            ((tries < 60)) || fail "${services[at]} does not get ready: $(tail -n 3 "$folder/$name.${services[at]}.log")"
            sleep 1
        done
    done
done
"$@"
