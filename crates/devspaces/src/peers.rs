//! What a process has to know of its peers before it says that it is ready.
use std::{borrow::Cow, sync::Arc, time::Duration};

use devspaces_gate::{Unfit, introduce};
use devspaces_kit::{
    clock::Clock,
    connections::Connections,
    identity::ServiceSigner,
    server::{WaitsFor, until_answering},
};
use futures::future::join_all;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::Service;

/// How long to wait before a peer is asked again: doubled each time, from the first to the last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How often the log says at most why a peer is no good.
const SILENCE: Duration = Duration::from_mins(1);
/// How long a peer may answer for its health and for nothing else, before it counts as there all the same: it may wait for
/// its database, and that keeps no other service from its start.
const STARTING: Duration = Duration::from_secs(30);

/// A peer in another process.
pub(crate) struct Peer {
    pub(crate) service: Service,
    pub(crate) connections: Connections,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Peer {
    /// What resolves when the peer answers for its services and has proven to each of these services of this process that it
    /// is what it should be, in whatever order the two are started; and what is waited for until then.
    pub(crate) fn fit_for(
        self,
        signers: Vec<Arc<ServiceSigner>>,
    ) -> (WaitsFor, impl Future<Output = ()> + Send) {
        let (telling, told) = watch::channel(Cow::Borrowed(self.service.name()));
        let ready = async move {
            until_answering(self.service.name(), || self.connections.channel()).await;
            join_all(signers.iter().map(|signer| self.until_fit(signer, &telling))).await;
        };
        (told, ready)
    }

    async fn until_fit(&self, signer: &ServiceSigner, telling: &watch::Sender<Cow<'static, str>>) {
        let (mut pause, begun) = (PAUSE.0, Instant::now());
        let mut told: Option<Instant> = None;
        while let Err(unfit) = introduce(self.service, &self.connections, signer, &*self.clock).await {
            if unfit.passes() && begun.elapsed() >= STARTING {
                tracing::warn!(peer = self.service.name(), why = %unfit, "the peer could not be proven");
                return;
            }
            self.tell(&unfit, telling, &mut told);
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn tell(&self, unfit: &Unfit, telling: &watch::Sender<Cow<'static, str>>, told: &mut Option<Instant>) {
        telling.send_if_modified(|words| {
            let (before, now) = (words.to_string(), unfit.in_short());
            *words = now.into();
            before != **words
        });
        if !unfit.passes() && told.is_none_or(|told| told.elapsed() >= SILENCE) {
            *told = Some(Instant::now());
            tracing::error!(peer = self.service.name(), why = %unfit, "not ready");
        }
    }
}
