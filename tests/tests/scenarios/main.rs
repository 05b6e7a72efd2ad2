//! Scenarios over the public API, on both engines. Each test names the rule that it proves; the rules are in
//! `docs/rules.md`.
/// Declares tests that run a function on both engines: `on_both! { function(arguments) as name; }`.
macro_rules! on_both {
    ($($name:ident($($argument:expr),*) as $test:ident;)*) => {$(
        mod $test {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                $name(devspaces_tests::Engine::Sqlite $(, $argument)*).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                $name(devspaces_tests::Engine::Postgres $(, $argument)*).await;
            }
        }
    )*};
}

mod apps;
mod bad_input;
mod billing_accounts;
mod billing_addresses;
mod billing_budgets;
mod billing_costs;
mod billing_crossings;
mod billing_estimates;
mod billing_payment;
mod billing_races;
mod billing_runs;
mod bootstrap;
mod check;
mod command_line;
mod contributors;
mod coverage;
mod credit_notes;
mod databases;
mod departures;
mod documentation;
mod dumps;
mod effects;
mod erasure;
mod expiry;
mod identity;
mod imported_profiles;
mod inspection;
mod invoices;
mod issuers;
mod journal;
mod journal_export;
mod journal_list;
mod journal_of_apps;
mod journal_races;
mod journal_watch;
mod limits_of_callers;
mod listings;
mod marketplace_input;
mod marketplace_kills;
mod marketplace_races;
mod marketplace_records;
mod matrix;
mod members;
mod metrics;
mod model;
mod month_of_money;
mod owner_down;
mod page_bytes;
mod payments;
mod peers;
mod processes;
mod processes_of_apps;
mod quickstart;
mod races;
mod races_of_apps;
mod rate_cards;
mod readiness;
mod replay;
mod replicas;
mod schema_upgrade;
mod silent_database;
mod space_deletion;
mod spaces;
mod sqlite_files;
mod story;
mod switcher;
mod telemetry;
mod usage;
mod usage_sums;
mod vendor_profiles;
