//! Spans on their way to a collector (OTLP over gRPC). It costs calls nothing that the collector is slow or gone: spans
//! wait in a queue that has an end, and what does not fit is counted and forgotten.
use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{RetryPolicy, SpanExporter as Otlp, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData, SpanExporter, SpanProcessor as _},
};
use tokio::{task::spawn_blocking, time::Instant};
use tonic::transport::{Endpoint, Uri};

use crate::{
    clock::{Clock, SystemClock},
    metrics,
    telemetry::error::TelemetryError,
    tls::{ClientTls, connect_lazy},
    version::VERSION,
};

/// How many spans may wait for the collector: those of some thousand calls.
const QUEUE: usize = 16_384;
/// How many it is sent at once, and how long they wait for one another.
const BATCH: (usize, Duration) = (512, Duration::from_secs(2));
/// How long it may take to take them, and to be connected to.
const DEADLINE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(1));
/// How long a process that ends waits until the last spans are taken.
const LAST: Duration = Duration::from_secs(3);
/// How often it is said that the collector takes none.
const PAUSE: Duration = Duration::from_mins(1);

/// One collector for the process, as there is one log.
static SPANS: OnceLock<Spans> = OnceLock::new();

/// What is exported, and where to.
#[derive(Clone, Debug)]
pub struct Export {
    /// Where the collector takes OTLP over gRPC.
    pub collector: Uri,
    /// By what it is connected to if its address begins with `https://`.
    pub tls: ClientTls,
    /// Which share of the traces that begin here is recorded, from 0 to 1. Of others, whoever began them decides.
    pub share: f64,
    /// What the process is called: `service.name`.
    pub service: String,
}

/// The way to the collector.
#[derive(Debug)]
pub(super) struct Spans {
    processor: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    share: f64,
    scope: InstrumentationScope,
}

/// Exports spans from now on.
///
/// # Errors
/// If no way to the collector can be set up, or if this is called twice. That it does not answer is no error.
pub fn export(to: Export) -> Result<(), TelemetryError> {
    let (deadline, connect) = DEADLINE;
    let endpoint = Endpoint::from(to.collector).timeout(deadline).connect_timeout(connect);
    let channel = connect_lazy(&endpoint, &to.tls);
    let inner = Otlp::builder()
        .with_tonic()
        .with_channel(channel)
        .with_timeout(deadline)
        .with_retry_policy(RetryPolicy::disabled())
        .build()
        .map_err(|error| TelemetryError::Export(error.to_string()))?;
    let waiting = Arc::new(AtomicUsize::new(0));
    let sender = Sender { inner, waiting: Arc::clone(&waiting), warned: Mutex::new(None) };
    let (size, delay) = BATCH;
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(QUEUE)
        .with_max_export_batch_size(size)
        .with_scheduled_delay(delay)
        .build();
    let mut processor = BatchSpanProcessor::new(sender, batches);
    processor.set_resource(&resource(to.service));
    let scope = InstrumentationScope::builder("devspaces").with_version(VERSION).build();
    let spans = Spans { processor, waiting, share: to.share, scope };
    SPANS.set(spans).map_err(|_| TelemetryError::Export("it is exported already".to_owned()))
}

/// What all spans of the process say of it.
fn resource(service: String) -> Resource {
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.namespace", "devspaces"),
            KeyValue::new("service.name", service),
            KeyValue::new("service.version", VERSION),
            KeyValue::new("service.instance.id", SystemClock.new_id().to_string()),
        ])
        .build()
}

/// Waits until the last spans are taken, or for three seconds: then the process may end.
pub async fn flush() {
    let Some(spans) = SPANS.get() else { return };
    let flushed = spawn_blocking(|| spans.processor.shutdown_with_timeout(LAST)).await;
    if !matches!(flushed, Ok(Ok(()))) {
        let spans = spans.waiting.load(Ordering::Relaxed);
        tracing::warn!(spans, "the collector did not take the last spans");
    }
}

/// Whether spans are exported.
pub(super) fn is_on() -> bool {
    SPANS.get().is_some()
}

impl Spans {
    pub(super) fn get() -> Option<&'static Self> {
        SPANS.get()
    }

    /// Whether a trace that begins here is to be recorded.
    pub(super) fn sample(&self) -> bool {
        self.share > 0.0 && rand::random::<f64>() < self.share
    }

    pub(super) fn now() -> SystemTime {
        let micros = u64::try_from(SystemClock.now().micros()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
    }

    pub(super) fn scope(&self) -> InstrumentationScope {
        self.scope.clone()
    }

    pub(super) fn send(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < QUEUE {
            self.processor.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            metrics::spans_lost(1);
        }
    }
}

/// Sends spans, and says when it can't.
#[derive(Debug)]
struct Sender {
    inner: Otlp,
    waiting: Arc<AtomicUsize>,
    warned: Mutex<Option<Instant>>,
}

impl SpanExporter for Sender {
    async fn export(&self, spans: Vec<SpanData>) -> OTelSdkResult {
        let count = spans.len();
        let result = self.inner.export(spans).await;
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        if let Err(error) = &result {
            metrics::spans_lost(count);
            if self.may_warn() {
                tracing::warn!(%error, "the collector did not take spans");
            }
        }
        result
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl Sender {
    /// Once in a while.
    fn may_warn(&self) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        let due = warned.is_none_or(|last| last.elapsed() >= PAUSE);
        if due {
            *warned = Some(Instant::now());
        }
        due
    }
}
