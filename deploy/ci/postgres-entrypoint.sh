#!/usr/bin/env bash
# What the entry point of the official PostgreSQL image does of which the compose file makes use: a first start makes
# the cluster and runs the scripts of /docker-entrypoint-initdb.d on a socket alone.
set -euo pipefail

if [[ ! -s $PGDATA/PG_VERSION ]]; then
    initdb --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    pg_ctl --wait --options="-c listen_addresses=''" start
    for script in /docker-entrypoint-initdb.d/*.sh; do
        echo "running $script"
        "$script"
    done
    pg_ctl --wait --mode=fast stop
fi
[[ ${1:-} != postgres ]] || set -- "$@" -c listen_addresses='*'
exec "$@"
