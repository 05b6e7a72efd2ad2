#!/usr/bin/env bash
# Restores what dump.sh has made, into databases with nothing in them, and holds the journals against the checkpoint. The
# services are started only if all four databases are whole.
#
#   deploy/restore.sh FOLDER [CHECKPOINT]
#
# CHECKPOINT is a copy of the folder's checkpoint that was kept elsewhere. The databases are those of deploy/compose.yaml,
# with `docker compose down` and the volume removed before. Without containers: with DEVSPACES_DATABASE_URL
# (postgres://…/{service}) and DEVSPACES_SUITE_JWKS set, it uses psql, pg_restore and DEVSPACES_BIN (devspaces).
set -euo pipefail
# shellcheck source=deploy/databases.sh
source "$(dirname "${BASH_SOURCE[0]}")/databases.sh"
[[ $# == 1 || $# == 2 ]] || { echo "usage: $0 FOLDER [CHECKPOINT]" >&2; exit 2; }
folder=$1
checkpoint=${2:-$folder/checkpoint}

# Before anything is changed.
for file in "${services[@]/#/$folder/}"; do
    [[ -s $file.dump ]] || fail "$file.dump is missing or empty"
done
[[ -s $checkpoint ]] || fail "$checkpoint is missing or empty"

# once_begun REASON: fails, with what has to be done before the next try.
once_begun() { fail "$1. What was restored until then is there; this empties the databases for another try: $emptying"; }

start_postgres
for service in "${services[@]}"; do
    wait_for "$service" || fail "the database $service does not answer"
    # Tables, views and sequences, but for those of an extension, which the administrator may have put there.
    tables=$(query "$service" "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace
        AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND NOT EXISTS (SELECT FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')") \
        || fail "the database $service does not answer"
    [[ $tables == 0 ]] || fail "the database $service is not empty"
done
for service in "${services[@]}"; do
    restore "$service" < "$folder/$service.dump" || once_begun "the dump of $service can't be restored"
    echo "$service: restored"
done
migrate || once_begun "the databases can't be migrated"
verify < "$checkpoint" || once_begun "the journals are not those that the checkpoint knows"
start_services
echo "restored, and as the checkpoint knows it"
