use devspaces_proto::billing::v1 as proto;

/// What is measured (R-B6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Metric {
    FunctionGbSeconds,
    KvsReadGb,
    KvsWriteGb,
    LogsGb,
    SqlComputeHours,
    SqlRequests,
    SqlGbHours,
}

impl Metric {
    pub(crate) const ALL: [Self; 7] = [
        Self::FunctionGbSeconds,
        Self::KvsReadGb,
        Self::KvsWriteGb,
        Self::LogsGb,
        Self::SqlComputeHours,
        Self::SqlRequests,
        Self::SqlGbHours,
    ];

    /// The name by which it is stored and told: `"KVS_READ_GB"`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FunctionGbSeconds => "FUNCTION_GB_SECONDS",
            Self::KvsReadGb => "KVS_READ_GB",
            Self::KvsWriteGb => "KVS_WRITE_GB",
            Self::LogsGb => "LOGS_GB",
            Self::SqlComputeHours => "SQL_COMPUTE_HOURS",
            Self::SqlRequests => "SQL_REQUESTS",
            Self::SqlGbHours => "SQL_GB_HOURS",
        }
    }

    /// The metric that is stored by this name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    pub(crate) fn to_wire(self) -> proto::Metric {
        match self {
            Self::FunctionGbSeconds => proto::Metric::FunctionGbSeconds,
            Self::KvsReadGb => proto::Metric::KvsReadGb,
            Self::KvsWriteGb => proto::Metric::KvsWriteGb,
            Self::LogsGb => proto::Metric::LogsGb,
            Self::SqlComputeHours => proto::Metric::SqlComputeHours,
            Self::SqlRequests => proto::Metric::SqlRequests,
            Self::SqlGbHours => proto::Metric::SqlGbHours,
        }
    }

    /// The metric that a message names.
    pub(crate) fn from_wire(number: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.to_wire() as i32 == number)
    }
}
