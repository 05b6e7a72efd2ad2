//! One fault, with load before, during and after it, and everything that must hold then.
use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};

use devspaces::Service;
use devspaces_kit::server::{Told, health};
use futures::future::{join, join_all};
use tokio::{
    task::{JoinHandle, spawn_local},
    time::sleep,
};

use crate::{
    Outcome,
    calls::{GaveUp, Load},
    journal::Seen,
    ports::Ports,
    probes::Probes,
    report::Row,
    revocations::Revocations,
    stack::{Fault, Stack},
    tally::Refusal,
    writers::Writer,
};

/// How long services may take to be ready, effects to be delivered, and followers to have seen all entries.
const SETTLED: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);
/// How many calls to each service are repeated: one may wait while the next succeeds.
const PROBES: usize = 4;
/// How many revokers there are at once.
const REVOKERS: usize = 2;

/// How long the parts of a trial last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Load before the fault.
    pub(crate) before: Duration,
    /// How long networks are cut and processes frozen.
    pub(crate) cut: Duration,
    /// How long what was killed or stopped is left so.
    pub(crate) down: Duration,
    /// Load after the fault was mended.
    pub(crate) after: Duration,
}

/// What all trials share.
pub(crate) struct Course<S> {
    pub(crate) stack: S,
    pub(crate) ports: Ports,
    pub(crate) load: Load,
    pub(crate) probes: Probes,
    pub(crate) seen: Rc<RefCell<Seen>>,
    pub(crate) times: Times,
}

impl<S: Stack> Course<S> {
    /// Tries one fault. The writers are given back, to be read once more at the end of all.
    pub(crate) async fn trial(&self, fault: &S::Fault) -> Outcome<(Row, Vec<Writer>)> {
        let Self { load, stack, times, .. } = self;
        let gave_up = |GaveUp| format!("before '{fault}' the suite does not work");
        load.begin();
        let mut writers = Writer::all(load).await.map_err(gave_up)?;
        let mut revocations = Vec::new();
        for _ in 0..REVOKERS {
            revocations.push(Revocations::new(load).await.map_err(gave_up)?);
        }
        // What it took to set the scene is no part of the figures.
        load.begin();
        let mut running: Vec<JoinHandle<()>> = Vec::new();
        for service in Service::ALL {
            let probe = || spawn_local(self.probes.clone().run(load.clone(), service));
            running.extend(std::iter::repeat_with(probe).take(PROBES));
        }
        running.extend(revocations.iter().map(|one| spawn_local(one.clone().run(load.clone()))));
        let writing = join_all(writers.iter_mut().map(|writer| writer.run(load)));
        let happening = async {
            sleep(times.before).await;
            load.breaks();
            fault.goes().into_iter().for_each(|service| self.ports.forget(service));
            let happened = stack.happen(fault, *times).await;
            load.mended();
            // Whatever goes wrong, the load must end.
            let addresses = stack.addresses().await.map(|addresses| self.ports.set(addresses));
            let ready = self.until_ready().await;
            self.until_over().await;
            sleep(times.after).await;
            load.stop();
            happened.and(addresses).map(|()| ready)
        };
        let (_, ready) = join(writing, happening).await;
        for task in running {
            task.await.map_err(|error| error.to_string())?;
        }
        let row = self.judge(fault, ready?, &writers, &revocations).await?;
        Ok((row, writers))
    }

    async fn until_ready(&self) -> BTreeMap<Service, Duration> {
        let start = Instant::now();
        let each = self.load.channels().into_iter().map(async |(service, channel)| {
            while start.elapsed() < SETTLED {
                if matches!(health(channel.clone()).await, Ok(Told::Serving)) {
                    return Some((service, start.elapsed()));
                }
                sleep(LOOK).await;
            }
            self.load
                .tally()
                .found(format!("{service} was not ready {SETTLED:?} after the fault was mended"));
            None
        });
        join_all(each).await.into_iter().flatten().collect()
    }

    /// Waits until each service has answered again.
    async fn until_over(&self) {
        let start = Instant::now();
        while !self.load.tally().over() {
            if start.elapsed() > SETTLED {
                let what = format!("calls did not succeed {SETTLED:?} after all services were ready");
                self.load.tally().found(what);
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// Everything that must hold once the fault is over.
    async fn judge(
        &self,
        fault: &S::Fault,
        ready: BTreeMap<Service, Duration>,
        writers: &[Writer],
        revocations: &[Rc<Revocations>],
    ) -> Outcome<Row> {
        let load = &self.load;
        self.stack.until_queried().await?;
        let undelivered = self.until_delivered().await?;
        let (entries, all_seen) = self.until_seen().await?;
        let verified = self.stack.verify_journals().await;
        let gaps = self.seen.borrow_mut().gaps();
        let whole = verified.is_ok() && gaps.is_empty() && all_seen;
        verified.unwrap_or_else(|error| load.tally().found(error));
        for gap in gaps {
            load.tally().found(format!("a gap in the journal of {gap}"));
        }
        for revocations in revocations {
            revocations.check_again(load).await;
        }
        let (lost, surplus) = self.compare(writers).await;
        if !fault.breaks_calls() && load.tally().count(Refusal::Broken) > 0 {
            load.tally().found("calls that had been taken on were not answered".to_owned());
        }
        let tally = load.begin();
        Ok(Row { fault: fault.to_string(), tally, ready, lost, surplus, undelivered, entries, whole })
    }

    /// Reads back what writers had acknowledged, and holds the journals against all that was acknowledged in the run.
    pub(crate) async fn compare(&self, writers: &[Writer]) -> (usize, usize) {
        let load = &self.load;
        let comparison = self.seen.borrow().compare(&load.expected());
        let differences = join_all(writers.iter().map(|writer| writer.differences(load))).await;
        let differences: Vec<_> = differences.into_iter().flatten().collect();
        let found = (comparison.lost.len() + differences.len(), comparison.surplus.len());
        let lost = comparison.lost.into_iter().map(|lost| format!("no entry of {lost}"));
        let surplus =
            comparison.surplus.into_iter().map(|surplus| format!("made and not acknowledged: {surplus}"));
        lost.chain(surplus).chain(differences).for_each(|finding| load.tally().found(finding));
        found
    }

    async fn until_delivered(&self) -> Outcome<u64> {
        let start = Instant::now();
        loop {
            let mut left = 0;
            for service in Service::ALL {
                left += self.stack.number(service, "SELECT count(*) FROM outbox").await?;
            }
            if left == 0 || start.elapsed() > SETTLED {
                if left > 0 {
                    self.load.tally().found(format!("{left} effects are not delivered"));
                }
                return Ok(left);
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until the followers have seen what the databases hold; gives how much that is, and whether they have.
    async fn until_seen(&self) -> Outcome<(u64, bool)> {
        let start = Instant::now();
        loop {
            let (mut entries, mut missing) = (0, Vec::new());
            for service in Service::ALL {
                let stored = self.stack.number(service, "SELECT count(*) FROM journal").await?;
                let seen = u64::try_from(self.seen.borrow().of(service)).unwrap_or(u64::MAX);
                entries += stored;
                if seen < stored {
                    missing.push(format!("{} of {service}", stored - seen));
                }
            }
            if missing.is_empty() {
                return Ok((entries, true));
            }
            if start.elapsed() > SETTLED {
                let missing = missing.join(", ");
                self.load
                    .tally()
                    .found(format!("entries that who follows the journals never saw: {missing}"));
                return Ok((entries, false));
            }
            sleep(LOOK).await;
        }
    }
}
