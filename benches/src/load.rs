//! Load: many calls at once for a while, or calls one after another.
use std::time::{Duration, Instant};

/// How long each measurement lasts.
pub(crate) const LASTS: Duration = Duration::from_secs(3);

/// Calls for a while, so many at once, and says how many were answered in a second.
pub(crate) async fn throughput<F: Future<Output = ()> + Send>(
    at_once: usize,
    call: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
) -> f64 {
    let end = Instant::now() + LASTS;
    let callers = (0..at_once).map(|caller| {
        let call = call.clone();
        tokio::spawn(async move {
            let mut answered = 0_u32;
            while Instant::now() < end {
                call(caller).await;
                answered += 1;
            }
            answered
        })
    });
    let answered = futures::future::join_all(callers.collect::<Vec<_>>()).await;
    let total: u32 = answered.into_iter().map(|caller| caller.expect("a caller that ends")).sum();
    f64::from(total) / LASTS.as_secs_f64()
}

/// The median and the 99th percentile of so many calls, one after another.
pub(crate) async fn latency<F: Future<Output = ()>>(
    calls: usize,
    call: impl Fn(usize) -> F,
) -> (Duration, Duration) {
    let mut times = Vec::with_capacity(calls);
    for number in 0..calls {
        let start = Instant::now();
        call(number).await;
        times.push(start.elapsed());
    }
    quantiles(times)
}

/// Calls of each case before those that count: PostgreSQL makes its lasting plan of a statement at the sixth.
const WARM_UP: usize = 20;

/// The median and the 99th percentile of so many calls for each case. The cases take turns, call by call, so that
/// whatever else the machine does disturbs all alike.
pub(crate) async fn in_turn<T>(
    calls: usize,
    cases: &[T],
    call: impl AsyncFn(&T),
) -> Vec<(Duration, Duration)> {
    let mut times = vec![Vec::with_capacity(calls); cases.len()];
    for round in 0..WARM_UP + calls {
        for step in 0..cases.len() {
            // Each is the first of its round as often as the others.
            let place = (round + step) % cases.len();
            let start = Instant::now();
            call(&cases[place]).await;
            if round >= WARM_UP {
                times[place].push(start.elapsed());
            }
        }
    }
    times.into_iter().map(quantiles).collect()
}

fn quantiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}
