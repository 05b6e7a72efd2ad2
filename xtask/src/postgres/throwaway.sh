# Runs a PostgreSQL server until the end of the standard input, then removes it with its folder.
#
# Whoever starts this holds the other end of the input, which the system closes however that process ends: so nothing
# is left behind, even by kill -9. The answer is one line, "ready PORT" or "failed REASON".
#
# Arguments: the folder of PostgreSQL's programs, the server's folder, its settings, and the ports to try.

# Ctrl-C is for whoever started this; the end of the input follows from it. Nobody may be left to read the answer.
trap '' INT TERM HUP PIPE

bin=$1 folder=$2 settings=$3
shift 3
cd "$folder" || exit

set_up() {
    "$bin/initdb" --pgdata data --username postgres --auth trust --locale C --encoding UTF8 --no-sync
}

start_on() {
    "$bin/pg_ctl" --pgdata data --log log --wait --options "$settings -c port=$1" start
}

# Another process may take a free port before the server does, hence more than one.
serve() {
    set_up || return
    for port; do
        if start_on "$port"; then
            echo "ready $port" >&3
            cat > /dev/null
            "$bin/pg_ctl" --pgdata data --mode immediate --wait stop
            return 0
        fi
    done
    return 1
}

if ! serve "$@" 3>&1 > steps 2>&1; then
    echo "failed $(cat steps log 2> /dev/null | grep -E 'FATAL|PANIC|error:' | tail -n 1)"
fi
cd / && rm -rf "$folder"
