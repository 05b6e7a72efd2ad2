use clap::{Args, ValueEnum};
use devspaces_kit::telemetry::{self, Format};

use super::Failure;
use crate::Service;

/// What a process that serves says while it runs.
#[derive(Debug, Args)]
pub(super) struct Log {
    // Not a comment of documentation, whose marks for code would be seen in the help.
    #[arg(
        long,
        env = "DEVSPACES_LOG",
        default_value = telemetry::DEFAULT_FILTER,
        global = true,
        help = "What is logged, as tracing-subscriber's directives: \"info\", \"warn,devspaces_gate=debug\". Calls that \
                went well are told at debug"
    )]
    log: String,
    /// What lines of the log look like: json, pretty, or auto, which is pretty on a terminal and json elsewhere
    #[arg(
        long,
        env = "DEVSPACES_LOG_FORMAT",
        value_enum,
        default_value_t = LogFormat::Auto,
        value_name = "FORMAT",
        global = true
    )]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// A JSON object for each line
    Json,
    /// Text for people, with colours on a terminal
    Pretty,
    /// Text on a terminal, JSON elsewhere
    Auto,
}

impl Log {
    /// Logs from now on, as a process that runs these services.
    pub(super) fn start(&self, services: &[Service]) -> Result<(), Failure> {
        let names: Vec<_> = services.iter().map(|service| service.name()).collect();
        let log = telemetry::Log {
            filter: self.log.clone(),
            format: match self.log_format {
                LogFormat::Json => Format::Json,
                LogFormat::Pretty => Format::Pretty,
                LogFormat::Auto => Format::Auto,
            },
            services: names.join("+"),
        };
        telemetry::init(&log).map_err(|error| format!("--log: {error}").into())
    }
}
