//! What a metric is. The names of owners, services, pools and codes are few and fixed, methods come from the descriptors
//! and issuers from the operator: no label tells of anybody or anything, and none can grow without end.
use std::{
    fmt,
    sync::{LazyLock, Mutex, PoisonError, atomic::AtomicU64},
};

use prometheus_client::{
    collector::Collector,
    encoding::text::encode_registry,
    metrics::{gauge::Gauge, histogram::Histogram},
    registry::{Metric as Encode, Registry},
};

/// A label and its value.
pub type Label = (&'static str, &'static str);

/// A gauge of any number.
pub type Number = Gauge<f64, AtomicU64>;

/// From what a check costs to what no client waits for.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The numbers of the process, of whichever crate.
static REGISTRY: LazyLock<Mutex<Registry>> = LazyLock::new(Mutex::default);

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

impl Metric {
    /// Has a registry tell of it.
    pub fn register_in<M: Encode + Clone>(&self, registry: &mut Registry, value: M) -> M {
        // The encoder adds a counter's suffix.
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        registry.register(name, self.help, value.clone());
        value
    }

    /// Has the process tell of it. Once for each metric.
    pub fn register<M: Encode + Clone>(&self, value: M) -> M {
        self.register_in(&mut REGISTRY.lock().unwrap_or_else(PoisonError::into_inner), value)
    }
}

/// Has the process tell of what is read when it is asked for.
#[cfg(target_os = "linux")]
pub(super) fn register_collector(collector: impl Collector) {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner).register_collector(Box::new(collector));
}

/// A histogram of the seconds that something takes.
#[must_use]
pub fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// The numbers of the process so far, as `OpenMetrics` text without an end.
///
/// # Errors
/// If a number can't be told.
pub fn encode(text: &mut String) -> Result<(), fmt::Error> {
    encode_registry(text, &REGISTRY.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Declares the metrics of a crate, each as a constant, and `ALL` of them.
#[macro_export]
macro_rules! declare_metrics {
    ($($id:ident $kind:ident $name:literal [$($label:literal)*] $help:literal;)*) => {
        $(pub(super) const $id: $crate::metrics::Metric = $crate::metrics::Metric {
            name: $name,
            kind: $crate::metrics::Kind::$kind,
            labels: &[$($label),*],
            help: $help,
        };)*

        /// Every metric of this crate.
        pub const ALL: &[$crate::metrics::Metric] = &[$($id),*];
    };
}
