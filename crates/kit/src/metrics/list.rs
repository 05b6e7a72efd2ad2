//! Every metric, with what it tells. The names of owners, services, pools and codes are few and fixed, methods come
//! from the descriptors and issuers from the operator: no label tells of anybody or anything, and none can grow without end.

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only goes up, from nought at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets of up to so much.
    Histogram,
}

impl Kind {
    /// "counter", "gauge" or "histogram".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric as Prometheus sees it.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, as one asks for it: a counter's ends in `_total`.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($id:ident $kind:ident $name:literal [$($label:literal)*] $help:literal;)*) => {
        $(pub(super) const $id: Metric =
            Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*

        /// Every metric.
        pub const ALL: &[Metric] = &[$($id),*];
    };
}

metrics! {
    BUILD Gauge "devspaces_build_info" ["version"]
        "Which version this is; always 1";
    SERVICE Gauge "devspaces_service_info" ["service"]
        "Which services this process runs; always 1";
    READY Gauge "devspaces_ready" []
        "Whether the port tells who asks for its health that it serves: 1, else 0";
    CALLS Counter "devspaces_grpc_calls_total" ["method" "code"]
        "Calls that have ended, by the code that they ended with; CANCELLED if the client left first";
    DURATION Histogram "devspaces_grpc_call_duration_seconds" ["method"]
        "Time from the arrival of a call until its response begins";
    PORT_CONNECTIONS Gauge "devspaces_connections" []
        "Open connections of clients, and of the suite's other services";
    LIMITED Counter "devspaces_limited_total" ["limit"]
        "Connections and calls that a limit has refused, ended or kept waiting, by the name of its flag";
    NOT_ACCEPTED Counter "devspaces_accept_failures_total" []
        "Times that the system had no room for another connection: most often, the process has too few files";
    QUESTIONS Histogram "devspaces_gate_revalidate_questions" ["owner"]
        "Questions that share one Revalidate call to an owner of facts";
    REVALIDATE Histogram "devspaces_gate_revalidate_duration_seconds" ["owner"]
        "Time that an owner of facts took to answer a Revalidate call";
    ANSWERS Counter "devspaces_gate_answers_total" ["owner" "answer"]
        "Answers by an owner of facts: unchanged from what the gate remembered, or changed";
    MISSING Counter "devspaces_gate_facts_missing_total" ["owner"]
        "Questions that an owner of facts did not answer; whoever asked went without its facts";
    TOKENS_REFUSED Counter "devspaces_tokens_refused_total" ["cause" "issuer"]
        "Tokens that were refused, by cause and issuer; unknown where the issuer is not a configured one";
    CLOCKS Gauge "devspaces_clock_difference_seconds" ["owner"]
        "How far the clock of the service that answered last was ahead of this one's; negative if it was behind, 0 if it was neither for certain";
    EFFECTS Gauge "devspaces_outbox_undelivered_effects" ["service"]
        "Effects on other services that are committed and not yet delivered";
    OLDEST Gauge "devspaces_outbox_oldest_effect_age_seconds" ["service"]
        "Age of the oldest effect that is not yet delivered; 0 if there is none";
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
    SPANS_LOST Counter "devspaces_trace_spans_lost_total" []
        "Spans that were not exported: the collector did not take them, or too many waited for it";
    LINES_DROPPED Counter "devspaces_log_lines_dropped_total" []
        "Lines of the log that were not written: whoever reads it was too slow, or gone";
}
