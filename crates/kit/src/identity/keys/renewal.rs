//! Keys that are looked at again and again, so that what their issuer adds is known before it is used, and what it takes
//! away is not used for long.
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Keys, Source, SourceError, source::Found};
use crate::{
    clock::Clock,
    identity::{Jwks, refusals::shown},
    metrics,
};

/// Sooner than this an issuer is not asked again for being due, whatever it says of its keys.
const SOONEST: Duration = Duration::from_mins(1);
/// How often a file is looked at.
const FILE: Duration = Duration::from_secs(2);
/// How long to wait after a look that came to nothing: doubled each time, from the first to the last.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How long the log keeps silent on looks that come to nothing, after a line on one.
const SILENCE: Duration = Duration::from_mins(1);

/// Keeps the keys of one issuer up to date.
#[derive(Debug)]
pub struct Renewal {
    /// What the issuer is called in the log and in metrics.
    name: String,
    source: Source,
    keys: Keys,
    every: Duration,
}

impl Renewal {
    /// Keys from a source, which are looked at `every` so often, or sooner if the issuer says that they do not stay so. Those
    /// in a file are there at once, and looked at every 2 s. What has not been confirmed for `max_age` is used no more.
    ///
    /// # Errors
    /// A file that can't be read, or is no key set.
    pub fn new(
        name: impl Into<String>,
        source: Source,
        every: Duration,
        max_age: Option<Duration>,
    ) -> Result<(Keys, Self), SourceError> {
        let keys = Keys::renewed(source.read_now()?, max_age);
        let every = if source.is_file() { FILE } else { every };
        Ok((keys.clone(), Self { name: name.into(), source, keys, every }))
    }

    /// What the issuer is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Looks once, and changes nothing.
    ///
    /// # Errors
    /// [`SourceError`].
    pub async fn look(&self) -> Result<Jwks, SourceError> {
        self.source.look().await.map(|found| found.keys)
    }

    /// Looks at the keys for as long as the process runs. `clock` dates what is found, for the metrics.
    pub async fn run(self, clock: &dyn Clock) {
        metrics::keys_awaited(&self.name);
        if let Some(keys) = self.keys.known() {
            metrics::keys_confirmed(&self.name, keys.len(), clock.now());
        }
        let mut pause = PAUSE.0;
        let mut told: Option<Instant> = None;
        // Keys from a file are there; all others have yet to be looked for.
        let mut due = Instant::now() + if self.source.is_file() { self.every } else { Duration::ZERO };
        loop {
            tokio::select! {
                () = sleep_until(due) => {}
                () = self.keys.wanted() => {}
            }
            self.keys.begin();
            let after = match self.source.look().await {
                Ok(found) => {
                    (pause, told) = (PAUSE.0, None);
                    self.found(found, clock)
                }
                Err(error) => {
                    self.failed(&error, &mut told);
                    let after = pause;
                    pause = (pause * 2).min(PAUSE.1);
                    after.min(self.every)
                }
            };
            due = Instant::now() + after;
        }
    }

    /// Gives after how long to look again.
    fn found(&self, Found { keys, fresh_for }: Found, clock: &dyn Clock) -> Duration {
        metrics::keys_confirmed(&self.name, keys.len(), clock.now());
        let (used, left_aside) = (keys.used(), keys.left_aside());
        let issuer = shown(&self.name);
        if self.keys.confirm(keys) {
            if used.is_empty() {
                tracing::error!(
                    issuer,
                    left_aside,
                    "an issuer has no key that can be used: all its tokens are refused"
                );
            } else {
                tracing::info!(issuer, used, left_aside, "keys of an issuer");
            }
        }
        if self.source.is_file() {
            return self.every;
        }
        let every = self.every.min(fresh_for.map_or(self.every, |fresh| fresh.max(SOONEST)));
        // Many processes that started together do not ask together for ever.
        every.mul_f64(1.0 - rand::random::<f64>() / 10.0)
    }

    fn failed(&self, error: &SourceError, told: &mut Option<Instant>) {
        metrics::keys_failed(&self.name);
        let age = self.keys.fail();
        if told.is_some_and(|told| told.elapsed() < SILENCE) {
            return;
        }
        *told = Some(Instant::now());
        let issuer = shown(&self.name);
        match age.map(|age| age.as_secs()) {
            Some(age_seconds) => {
                tracing::error!(issuer, age_seconds, %error, "keys could not be renewed; those of before are used on");
            }
            None => {
                tracing::error!(issuer, %error, "an issuer's keys are not there: its tokens can't be verified");
            }
        }
    }
}
