//! What the process takes of the machine, by the names that clients of Prometheus give it everywhere. Read when it is asked
//! for. Where the system does not tell, nothing is told.
use std::fmt;

use procfs::{ProcResult, WithCurrentSystemInfo as _, boot_time_secs, process::Process, ticks_per_second};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};

use super::{Metric, list};

/// Tells of this process.
#[derive(Debug)]
pub(super) struct Usage;

/// What the system knows of the process at one moment.
struct Told {
    cpu_seconds: f64,
    resident_bytes: u64,
    start: u64,
    files: u64,
    /// `None` if the system sets no limit.
    most_files: Option<u64>,
    threads: i64,
}

impl Told {
    fn now() -> ProcResult<Self> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let ticks = ticks_per_second();
        #[expect(clippy::cast_precision_loss, reason = "2^53 ticks are millions of years")]
        let cpu_seconds = (stat.utime + stat.stime) as f64 / ticks as f64;
        Ok(Self {
            cpu_seconds,
            resident_bytes: stat.rss_bytes().get(),
            start: boot_time_secs()? + stat.starttime / ticks,
            files: process.fd_count()? as u64,
            most_files: match process.limits()?.max_open_files.soft_limit {
                procfs::process::LimitValue::Value(limit) => Some(limit),
                procfs::process::LimitValue::Unlimited => None,
            },
            threads: stat.num_threads,
        })
    }
}

impl Collector for Usage {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Ok(told) = Told::now() else { return Ok(()) };
        let mut tell = |metric: Metric, value: &dyn Encode| value.encode_as(&mut encoder, metric);
        tell(list::CPU, &ConstCounter::new(told.cpu_seconds))?;
        tell(list::RESIDENT, &ConstGauge::new(told.resident_bytes))?;
        tell(list::START, &ConstGauge::new(told.start))?;
        tell(list::FILES, &ConstGauge::new(told.files))?;
        tell(list::THREADS, &ConstGauge::new(told.threads))?;
        told.most_files.map_or(Ok(()), |most| tell(list::MOST_FILES, &ConstGauge::new(most)))
    }
}

/// A number that can be told under a metric's name.
trait Encode {
    fn encode_as(&self, encoder: &mut DescriptorEncoder<'_>, metric: Metric) -> fmt::Result;
}

impl<M: EncodeMetric> Encode for M {
    fn encode_as(&self, encoder: &mut DescriptorEncoder<'_>, metric: Metric) -> fmt::Result {
        // The encoder adds a counter's suffix; a full stop the registry adds alone.
        let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
        let help = format!("{}.", metric.help);
        self.encode(encoder.encode_descriptor(name, &help, None, self.metric_type())?)
    }
}
