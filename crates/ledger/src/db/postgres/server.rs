//! Connections to whichever server is the primary.
use std::sync::Arc;

use devspaces_kit::clock::{Clock as _, SystemClock};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    ACQUIRE_TIMEOUT, CONNECTIONS, RELEASE_TIMEOUT, is_at_rest,
    lease::{LEASE, Lease, RENEWAL, Standing, Timeline},
    primary::{self, Primary},
};
use crate::db::within;

/// A PostgreSQL database, on whichever of its servers is the primary. Clones are handles to the same.
#[derive(Clone, Debug)]
pub struct Server(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: watch::Sender<State>,
    /// Keeps the lease; none for who takes the server as it is.
    keeper: Option<JoinHandle<()>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.keeper.iter().for_each(JoinHandle::abort);
    }
}

/// The connections to one primary.
#[derive(Clone, Debug)]
pub(in crate::db) struct Pools {
    /// Handlers' reads and writes.
    pub(in crate::db) main: PgPool,
    /// Reads of facts, so that no handler keeps a check waiting.
    pub(in crate::db) facts: PgPool,
}

#[derive(Clone, Debug)]
struct State {
    pools: Pools,
    /// None for who takes the server as it is.
    lease: Option<Lease>,
}

impl State {
    fn standing(&self) -> Standing {
        self.lease.map_or(Standing::Valid, |lease| lease.at(SystemClock.uptime()))
    }
}

impl Pools {
    /// Connections that are made as they are needed, each to a server that takes writes on this timeline. Where a lease says
    /// whether it may be believed, each has a commit confirmed first: a server that has crashed and come back within the lease shows what
    /// no standby may have.
    fn to(options: &PgConnectOptions, timeline: Timeline, leased: bool) -> Self {
        let connect = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .after_connect(move |conn, _| {
                    Box::pin(within(ACQUIRE_TIMEOUT, async move {
                        primary::must_be_on(conn, timeline).await?;
                        if leased { primary::confirm(conn).await } else { Ok(()) }
                    }))
                })
                // Tried with a limit before sqlx tries it without: a connection that was given up because the server said
                // nothing would keep its place among the connections for as long as TCP keeps hoping.
                .after_release(|conn, _| Box::pin(within(RELEASE_TIMEOUT, is_at_rest(conn))))
                .connect_lazy_with(options.clone())
        };
        Self { main: connect(CONNECTIONS.0), facts: connect(CONNECTIONS.1) }
    }

    async fn close(&self) {
        self.facts.close().await;
        self.main.close().await;
    }
}

impl Server {
    /// The server that is found, as it is.
    pub(super) fn as_it_is(found: &Primary) -> Self {
        let pools = Pools::to(&found.options, found.timeline, false);
        Self(Arc::new(Shared { state: watch::Sender::new(State { pools, lease: None }), keeper: None }))
    }

    /// The server that is found, for as long as it is the primary, and then the one that takes its place.
    pub(super) async fn kept(hosts: Vec<PgConnectOptions>, mut found: Primary) -> Result<Self, sqlx::Error> {
        let mut lease = Lease::first(found.timeline, SystemClock.uptime());
        let sent = SystemClock.uptime();
        within(ACQUIRE_TIMEOUT, primary::confirm(&mut found.conn)).await?;
        lease.renew(sent);
        let pools = Pools::to(&found.options, found.timeline, true);
        let state = watch::Sender::new(State { pools, lease: Some(lease) });
        let keeper = tokio::spawn(keep(hosts, found, state.clone()));
        Ok(Self(Arc::new(Shared { state, keeper: Some(keeper) })))
    }

    /// The pools of the primary, once it may be believed.
    pub(in crate::db) async fn pools(&self) -> Result<Pools, sqlx::Error> {
        let mut state = self.0.state.subscribe();
        let valid = async {
            loop {
                let wait = {
                    let state = state.borrow_and_update();
                    match state.standing() {
                        Standing::Valid => return state.pools.clone(),
                        Standing::Early(left) => left,
                        Standing::Over => ACQUIRE_TIMEOUT,
                    }
                };
                let _ = timeout(wait, state.changed()).await;
            }
        };
        timeout(ACQUIRE_TIMEOUT, valid).await.map_err(|_| sqlx::Error::PoolTimedOut)
    }

    /// Handlers' connections, whether or not the server may be believed.
    #[must_use]
    pub fn main(&self) -> PgPool {
        self.0.state.borrow().pools.main.clone()
    }

    /// The connections for facts, whether or not the server may be believed.
    #[must_use]
    pub fn facts(&self) -> PgPool {
        self.0.state.borrow().pools.facts.clone()
    }

    pub(in crate::db) async fn close(&self) {
        self.0.keeper.iter().for_each(JoinHandle::abort);
        let pools = self.0.state.borrow().pools.clone();
        pools.close().await;
    }
}

/// Renews the lease, and finds the primary again when it is lost or another takes its place.
async fn keep(hosts: Vec<PgConnectOptions>, mut found: Primary, state: watch::Sender<State>) {
    loop {
        let known = found.timeline;
        let newer = tokio::select! {
            error = renew(&mut found, &state) => {
                tracing::warn!(%error, "the primary of the database is lost");
                state.send_modify(|state| state.lease.iter_mut().for_each(Lease::end));
                None
            }
            newer = newer(&hosts, known, &state) => Some(newer),
        };
        found = match newer {
            Some(newer) => newer,
            None => again(&hosts, known).await,
        };
        let (host, port) = (found.options.get_host(), found.options.get_port());
        tracing::info!(host, port, timeline = found.timeline, "the primary of the database");
        take(&found, &state);
    }
}

/// Has one commit after the other confirmed; why it could not.
async fn renew(primary: &mut Primary, state: &watch::Sender<State>) -> sqlx::Error {
    loop {
        let sent = SystemClock.uptime();
        if let Err(error) = primary::confirm(&mut primary.conn).await {
            return error;
        }
        state.send_modify(|state| state.lease.iter_mut().for_each(|lease| lease.renew(sent)));
        sleep(RENEWAL).await;
    }
}

/// A primary that has taken the place of one that no longer has its commits confirmed. That one is kept until there is one:
/// it may only miss its standby, and each connection that is given up stays at the server until it has it back.
async fn newer(hosts: &[PgConnectOptions], known: Timeline, state: &watch::Sender<State>) -> Primary {
    let mut said = false;
    loop {
        sleep(LEASE).await;
        if state.borrow().standing() == Standing::Over {
            if !said {
                tracing::warn!(
                    "the primary of the database does not confirm commits, and is not used until it does"
                );
                said = true;
            }
            if let Ok(found) = primary::find(hosts, known).await
                && found.timeline > known
            {
                return found;
            }
        } else {
            said = false;
        }
    }
}

/// The primary after the connection to it was lost: the same, or one that has taken its place.
async fn again(hosts: &[PgConnectOptions], known: Timeline) -> Primary {
    let mut said = false;
    loop {
        match primary::find(hosts, known).await {
            Ok(found) if found.timeline >= known => return found,
            Ok(found) if !said => {
                let timeline = found.timeline;
                tracing::warn!(
                    timeline,
                    known,
                    "the database has a primary that was replaced, which is not used"
                );
                said = true;
            }
            _ => {}
        }
        sleep(RENEWAL).await;
    }
}

/// From now on the connections are to this primary, all of them new: those that are waited for in vain would keep the places of
/// others.
fn take(found: &Primary, state: &watch::Sender<State>) {
    let pools = Pools::to(&found.options, found.timeline, true);
    let mut replaced = None;
    state.send_modify(|state| {
        let now = SystemClock.uptime();
        state.lease = state.lease.and_then(|lease| lease.next(found.timeline, now));
        replaced = Some(std::mem::replace(&mut state.pools, pools));
    });
    if let Some(replaced) = replaced {
        tokio::spawn(async move { replaced.close().await });
    }
}
