//! What every process counts and measures.
use crate::declare_metrics;

declare_metrics! {
    BUILD Gauge "devspaces_build_info" ["version" "commit"]
        "Which version this is, of which commit if whoever built it said so; always 1";
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
    TOKENS_REFUSED Counter "devspaces_tokens_refused_total" ["cause" "issuer"]
        "Tokens that were refused, by cause and issuer; unknown where the issuer is not a configured one";
    CERTIFICATE_END Gauge "devspaces_tls_certificate_end_timestamp_seconds" ["flag"]
        "When the certificate that this process shows ends, in seconds since 1970, by the flag that gives it";
    TLS_RELOADS Counter "devspaces_tls_reloads_total" ["outcome"]
        "Times that changed files of certificates were read again: taken, or refused, so that those before go on";
    TLS_FAILED Counter "devspaces_tls_handshake_failures_total" ["cause"]
        "Connections on which clients set up no TLS, by cause";
    KEYS Gauge "devspaces_issuer_keys" ["issuer"]
        "Usable keys of an issuer that are known; suite stands for those of the suite's services";
    KEYS_CONFIRMED Gauge "devspaces_issuer_keys_confirmed_timestamp_seconds" ["issuer"]
        "When an issuer was last heard to have these keys, in seconds since 1970; 0 if never";
    KEYS_FAILED Counter "devspaces_issuer_keys_failures_total" ["issuer"]
        "Times that the keys of an issuer could not be had: its server, or the file, gave none";
    SPANS_LOST Counter "devspaces_trace_spans_lost_total" []
        "Spans that were not exported: the collector did not take them, or too many waited for it";
    LINES_DROPPED Counter "devspaces_log_lines_dropped_total" []
        "Lines of the log that were not written: whoever reads it was too slow, or gone";
    CLOCKS Gauge "devspaces_clock_difference_seconds" ["owner"]
        "How far the clock of the service that answered last was ahead of this one's; negative if it was behind, 0 if it was neither for certain";
    CPU Counter "process_cpu_seconds_total" []
        "What the process has taken of the processors. As all that begins with process_, told on Linux alone";
    RESIDENT Gauge "process_resident_memory_bytes" []
        "What the process has in memory";
    START Gauge "process_start_time_seconds" []
        "When the process began, in seconds since 1970";
    FILES Gauge "process_open_fds" []
        "Files that the process has open, connections among them";
    MOST_FILES Gauge "process_max_fds" []
        "How many files it may have open; not told if there is no limit";
    THREADS Gauge "process_threads" []
        "Threads of the process";
}
