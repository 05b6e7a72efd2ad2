//! What an operator sees and does: commands, databases, logs, metrics, documentation.
mod command_line;
mod databases;
mod documentation;
mod dumps;
mod inspection;
mod metrics;
mod quickstart;
mod readiness;
mod schema_upgrade;
mod self_proof;
mod silent_database;
mod sqlite_files;
mod telemetry;
mod tls;
