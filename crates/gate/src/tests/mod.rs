//! The gate's rules, with owners in memory. No test sleeps to wait: tasks are let run until all of them wait.
mod acting;
mod authz_server;
mod connections;
mod enough;
mod facts_server;
mod gate;
mod gate_apps;
mod lists;
mod remote;
mod source;
mod window;
