//! The connections of a port: counted, bounded in all and for each address, and ended in order.
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Limit, Limits, leftover::LEFTOVERS, pace::Pace, window::UNREAD_REQUESTS};
use crate::{metrics, tls::ServerTls};

/// All connections of a port.
pub(super) struct Connections {
    pub(super) limits: Limits,
    /// By what the port speaks TLS, if it does.
    pub(super) tls: Option<ServerTls>,
    open: Arc<Semaphore>,
    addresses: Mutex<HashMap<IpAddr, Arc<Address>>>,
    leftovers: Arc<Semaphore>,
    pub(super) tasks: TaskTracker,
    /// Has connections end once their calls have.
    pub(super) ending: CancellationToken,
    /// Ends them whatever they do.
    pub(super) closing: CancellationToken,
}

/// What the connections from one address share.
pub(super) struct Address {
    /// How many connections there are.
    places: AtomicUsize,
    open: Arc<Semaphore>,
    /// One permit for each call without credentials.
    pub(super) open_calls: Arc<Semaphore>,
    /// How many connections are not read from, since they have too many calls that are refused.
    pub(super) pausing: Arc<AtomicUsize>,
}

/// The place of one connection. Calls find it among their request's extensions.
pub(super) struct Place {
    connections: Arc<Connections>,
    key: IpAddr,
    pub(super) address: Arc<Address>,
    /// One permit for each call without credentials.
    pub(super) open_calls: Arc<Semaphore>,
    /// One permit for each request that was answered before all of it had come.
    pub(super) leftovers: Arc<Semaphore>,
    /// One permit for each request that nothing is read of for now.
    pub(super) unread: Arc<Semaphore>,
    pub(super) pace: Pace,
    permits: Option<[OwnedSemaphorePermit; 2]>,
}

impl Connections {
    pub(super) fn new(limits: Limits, tls: Option<ServerTls>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            tls,
            open: Arc::new(Semaphore::new(limits.connections)),
            addresses: Mutex::default(),
            leftovers: Arc::new(Semaphore::new(LEFTOVERS)),
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            closing: CancellationToken::new(),
        })
    }

    /// A place for a connection from this address, unless there are as many as may be.
    pub(super) fn place(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let Ok(one) = self.open.clone().try_acquire_owned() else {
            metrics::limited(Limit::Connections);
            return None;
        };
        let key = network(from);
        let mut addresses = self.addresses();
        let address = addresses.entry(key).or_insert_with(|| Arc::new(Address::new(&self.limits)));
        let Ok(here) = address.open.clone().try_acquire_owned() else {
            metrics::limited(Limit::AddressConnections);
            return None;
        };
        // Counted, and taken back, under the lock: see `drop`.
        address.places.fetch_add(1, Ordering::Relaxed);
        let address = Arc::clone(address);
        drop(addresses);
        metrics::connections(1);
        Some(Place {
            connections: Arc::clone(self),
            key,
            address,
            open_calls: Arc::new(Semaphore::new(self.limits.open_calls_per_connection)),
            leftovers: Arc::clone(&self.leftovers),
            unread: Arc::new(Semaphore::new(UNREAD_REQUESTS)),
            pace: Pace::new(),
            permits: Some([one, here]),
        })
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<Address>>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the clients to open no more calls on their connections, which end with the last call.
    pub(super) fn end(&self) {
        self.tasks.close();
        self.ending.cancel();
    }

    /// Gives what is still to be sent so long to go out, and closes what is left then.
    pub(super) async fn close(&self, patience: Duration) {
        self.end();
        let _ = timeout(patience, self.tasks.wait()).await;
        self.closing.cancel();
        self.tasks.wait().await;
    }
}

impl Address {
    fn new(limits: &Limits) -> Self {
        Self {
            places: AtomicUsize::new(0),
            open: Arc::new(Semaphore::new(limits.connections_per_address)),
            open_calls: Arc::new(Semaphore::new(limits.open_calls_per_address)),
            pausing: Arc::default(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::connections(-1);
        // First the permits: whoever finds the address in the map must find room in it.
        self.permits = None;
        let mut addresses = self.connections.addresses();
        if self.address.places.fetch_sub(1, Ordering::Relaxed) == 1 {
            addresses.remove(&self.key);
        }
    }
}

/// What counts as one address: whoever has an IPv6 address has a network of 64 bits.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_ipv6_network_of_64_bits_counts_as_one_address() {
        assert_eq!(network(address("2001:db8:1:2:3:4:5:6")), address("2001:db8:1:2::"));
        assert_ne!(network(address("2001:db8:1:3::1")), network(address("2001:db8:1:2::1")));
        assert_eq!(network(address("::ffff:192.0.2.1")), address("192.0.2.1"));
        assert_ne!(network(address("192.0.2.1")), network(address("192.0.2.2")));
    }

    #[tokio::test]
    async fn places_are_bounded_for_each_address_and_in_all_and_are_given_back() {
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let connections = Connections::new(limits, None);
        let place = |from| connections.place(address(from));
        let (first, second) = (place("192.0.2.1"), place("192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(place("192.0.2.1").is_none(), "as many as may come from there");
        let other = place("192.0.2.2");
        assert!(other.is_some() && place("192.0.2.3").is_none(), "as many as there may be");
        drop(first);
        assert!(place("192.0.2.1").is_some() && place("192.0.2.1").is_some(), "each was dropped at once");
        drop((second, other));
        assert!(connections.addresses().keys().all(|key| *key == address("192.0.2.3")));
        assert_eq!(connections.open.available_permits(), 3);
    }
}
