//! What is counted and measured of databases, transactions and effects.
use devspaces_kit::declare_metrics;

declare_metrics! {
    EFFECTS Gauge "devspaces_outbox_undelivered_effects" ["service"]
        "Effects on other services that are committed and not yet delivered";
    OLDEST Gauge "devspaces_outbox_oldest_effect_age_seconds" ["service"]
        "Age of the oldest effect that is not yet delivered; 0 if there is none";
    DELIVERIES Gauge "devspaces_webhook_waiting_deliveries" ["service"]
        "Events that wait to be sent to webhooks that are enabled";
    OLDEST_DELIVERY Gauge "devspaces_webhook_oldest_delivery_age_seconds" ["service"]
        "Age of the oldest event that waits to be sent to a webhook that is enabled; 0 if there is none";
    ATTEMPTS Counter "devspaces_webhook_attempts_total" ["service" "outcome"]
        "Events that were sent to webhooks: delivered, or not confirmed and to be sent again (repeated) or not (failed)";
    CONNECTIONS Gauge "devspaces_database_connections" ["service" "pool" "state"]
        "Open connections of each pool to the service's database: idle, or used";
    LIMIT Gauge "devspaces_database_connections_limit" ["service" "pool"]
        "How many connections each pool may open to the service's database";
    ANSWERING Gauge "devspaces_database_up" ["service"]
        "Whether the service's database answered when these metrics were asked for: 1, else 0";
    TRANSACTIONS Counter "devspaces_transactions_total" ["method" "outcome"]
        "Transactions of changes, by the method that was called or what fell due: committed, ended (refused, a preview, or done before), or failed (the database's fault, or one that is run again)";
    TRANSACTION Histogram "devspaces_transaction_duration_seconds" ["method"]
        "Time that a transaction of a change took, from when it asks for its scopes until its end";
    TRANSACTION_WAIT Histogram "devspaces_transaction_wait_seconds" ["method"]
        "Time that a transaction of a change waited for others of the same scopes, for a connection, and for the scopes' locks";
    REPEATED Counter "devspaces_transactions_repeated_total" ["cause"]
        "Transactions that were run again: they gave way to others (contended) or needed other scopes (scopes)";
    RESTED Counter "devspaces_rests_total" ["method"]
        "Changes that may have taken a permission away and were answered 25 ms later, so that no window of a gate still allows by it";
}
