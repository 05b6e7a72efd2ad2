#!/usr/bin/env bash
# Makes a database and a role for each service, when the server is first started. Each role can open its own database
# and no other. `make-secrets.sh` makes the passwords.
set -euo pipefail

# A statement that fails is not to be logged with a password in it.
export PGOPTIONS='-c log_min_error_statement=panic'

administer() {
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres "$@"
}

# What everybody could open is for the administrator alone.
administer << 'SQL'
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
SQL

for service in space membership billing marketplace; do
    # Not as an argument, which anybody could see.
    PASSWORD=$(< "/run/secrets/$service.password") administer --set "service=$service" << 'SQL'
\getenv password PASSWORD
CREATE ROLE :"service" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
-- Names sort by their bytes.
CREATE DATABASE :"service" OWNER :"service" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
done
