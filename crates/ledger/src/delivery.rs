//! Both ends of the way of effects. [`Delivery`] is the sender's: it calls `FactsService/ApplyEffects` of the service that they
//! are for. [`Receiver`] is the other's: it applies what arrived through that service's [`Inbox`](crate::inbox::Inbox), in a
//! task that outlives the call.
use std::{collections::BTreeMap, sync::Arc};

use devspaces_kit::{
    clock::Clock, connections::Connections, identity::ServiceSigner, peer_clock::PeerClock, server::Tasks,
    status::Fault, trace::Traced,
};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, Owner, facts_service_client::FactsServiceClient};
use futures::{FutureExt as _, future::BoxFuture};
use tonic::Request;

use crate::{
    inbox::{Receive, not_the_senders},
    outbox::Deliver,
};

/// A service that effects are brought to.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its name.
    pub name: &'static str,
    /// What it is on the wire.
    pub owner: Owner,
    /// Where it is.
    pub connections: Connections,
}

/// Brings effects to other services, as the service of the suite that the signer speaks for.
pub struct Delivery {
    peers: Vec<(Peer, PeerClock)>,
    signer: Arc<ServiceSigner>,
    clock: Arc<dyn Clock>,
}

impl Delivery {
    /// To these services.
    #[must_use]
    pub fn new(peers: Vec<Peer>, signer: Arc<ServiceSigner>, clock: Arc<dyn Clock>) -> Self {
        let with_clock = |peer: Peer| {
            let clock = PeerClock::new(peer.name);
            (peer, clock)
        };
        Self { peers: peers.into_iter().map(with_clock).collect(), signer, clock }
    }

    async fn bring(
        &self,
        (peer, clock_there): &(Peer, PeerClock),
        effects: ApplyEffectsRequest,
    ) -> Result<(), Fault> {
        let mut request = Request::new(ApplyEffectsRequest { owner: peer.owner.into(), ..effects });
        self.signer.token_for(peer.name).authorize(request.metadata_mut());
        let over = async |channel| {
            FactsServiceClient::new(Traced::new(peer.name, channel)).apply_effects(request).await
        };
        let sent = self.clock.now();
        // What the peer said goes to the log and no further.
        peer.connections.call(over).await.map(drop).map_err(|status| {
            clock_there.read_refusal(sent, &status, self.clock.now());
            tracing::debug!(peer = peer.name, code = ?status.code(), message = status.message(), "a peer failed");
            Fault::facts_unavailable(&[peer.name])
        })
    }
}

impl Deliver for Delivery {
    fn deliver<'a>(
        &'a self,
        peer: &'a str,
        effects: ApplyEffectsRequest,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        match self.peers.iter().find(|(known, _)| known.name == peer) {
            Some(peer) => self.bring(peer, effects).boxed(),
            None => async move { Err(Fault::effect_pending(peer)) }.boxed(),
        }
    }
}

/// Takes effects for the services of this process. Clones share all.
#[derive(Clone)]
pub struct Receiver {
    inboxes: BTreeMap<&'static str, Arc<dyn Receive>>,
    tasks: Tasks,
}

impl Receiver {
    /// For no service yet.
    #[must_use]
    pub fn new(tasks: Tasks) -> Self {
        Self { inboxes: BTreeMap::new(), tasks }
    }

    /// For this service as well. Effects for a service that was not added are refused: no change has any on it.
    #[must_use]
    pub fn with(mut self, service: &'static str, inbox: Arc<dyn Receive>) -> Self {
        self.inboxes.insert(service, inbox);
        self
    }

    /// Applies what a change of the service `sender` brings about in this one. What waits for a lock for longer than the
    /// sender waits for the reply is applied all the same.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` for what is not the sender's to bring about; what the effects or the database answer.
    pub async fn receive(
        &self,
        service: &str,
        sender: &str,
        effects: ApplyEffectsRequest,
    ) -> Result<(), Fault> {
        let inbox = self.inboxes.get(service).cloned().ok_or_else(not_the_senders)?;
        let sender = sender.to_owned();
        self.tasks.run(async move { inbox.receive(&sender, &effects).await }.boxed()).await
    }
}
