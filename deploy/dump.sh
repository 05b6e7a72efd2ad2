#!/usr/bin/env bash
# Dumps the four databases as of one moment, with a checkpoint of their journals, into a folder that is not there yet.
#
#   deploy/dump.sh FOLDER
#
# The containers of deploy/compose.yaml are stopped for as long as it takes and started again. Without containers: with
# DEVSPACES_DATABASE_URL (postgres://…/{service}) and DEVSPACES_SERVICE_KEY_FILE set, it uses pg_dump and DEVSPACES_BIN
# (devspaces), and whoever calls it has stopped the services. Whoever else is connected to the databases, such as second
# replicas, has to be stopped before: the dumps would not be of one moment.
set -euo pipefail
umask 077
# shellcheck source=deploy/databases.sh
source "$(dirname "${BASH_SOURCE[0]}")/databases.sh"
[[ $# == 1 ]] || { echo "usage: $0 FOLDER" >&2; exit 2; }
folder=${1%/}
[[ ! -e $folder ]] || fail "$folder is there already"

# What is half done is not to be taken for a back-up.
draft=$folder.unfinished
rm -rf "$draft"
mkdir -p "$draft"
trap 'start_services' EXIT
stop_services
for service in "${services[@]}"; do alone "$service"; done
for service in "${services[@]}"; do
    # Before the dump, which then has all that the checkpoint knows, whatever happens in between.
    checkpoint "$service" >> "$draft/checkpoint" || fail "the journal of $service has no checkpoint"
    dump "$service" > "$draft/$service.dump" || fail "the database of $service can't be dumped"
    echo "$service: dumped"
done
[[ $(wc -l < "$draft/checkpoint") == "${#services[@]}" ]] || fail "a checkpoint is missing"
for service in "${services[@]}"; do alone "$service"; done
mv "$draft" "$folder"
echo "the dumps are in $folder; keep a copy of its checkpoint where nobody who can write the databases can write"
