#!/bin/sh
# Installs what `cargo xtask bench checks` measures beside devspaces: public versions of Cerbos (by npm) and of OpenFGA
# (by Go), into the folder that is named. Then DEVSPACES_BENCH_PEERS=FOLDER tells the benchmark of them.
set -eu

CERBOS=0.51.0
OPENFGA=v1.22.1

[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)

# The package's own program is a script that starts this binary, which the benchmark starts itself.
npm install --silent --no-audit --no-fund --prefix "$folder/npm" "cerbos@$CERBOS"
binary=$(find "$folder/npm/node_modules/@cerbos" -type f -name "cerbos-*" -perm -u+x | head -n 1)
[ -n "$binary" ] || { echo "$0: cerbos@$CERBOS has no binary for this machine" >&2; exit 1; }
ln -sf "$binary" "$folder/cerbos"

GOBIN=$folder go install "github.com/openfga/openfga/cmd/openfga@$OPENFGA"
ls -l "$folder/cerbos" "$folder/openfga"
