//! Calls to the other services for what they know that no permission depends on, and the door on the other side.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use devspaces_authz::Owner;
use devspaces_kit::{
    connections::Connections,
    identity::{Caller, ServiceSigner},
    status::{Fault, Reason},
    trace::Traced,
};
use tokio::time::timeout;
use tonic::{Code, Request, Response, Status};

/// How long a peer may take to answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// The other services of the suite, as one of them calls them. Clones share the connections.
#[derive(Clone)]
pub struct Peers(Arc<Shared>);

struct Shared {
    connections: BTreeMap<&'static str, Connections>,
    signer: Arc<ServiceSigner>,
}

impl Peers {
    /// Peers at the ends of these connections, each of which knows the signer's service by its key.
    #[must_use]
    pub fn new(
        connections: impl IntoIterator<Item = (Owner, Connections)>,
        signer: Arc<ServiceSigner>,
    ) -> Self {
        let connections = connections.into_iter().map(|(owner, to)| (owner.name(), to)).collect();
        Self(Arc::new(Shared { connections, signer }))
    }

    /// Asks a peer. `call` makes the call on the channel with the request, which says who asks.
    ///
    /// # Errors
    /// `UNAVAILABLE` / `FACTS_UNAVAILABLE` if there is no answer, for whatever reason. What the peer said goes to the log.
    pub async fn ask<Q, R, F>(
        &self,
        peer: Owner,
        message: Q,
        call: impl FnOnce(Traced, Request<Q>) -> F,
    ) -> Result<R, Fault>
    where
        F: Future<Output = Result<Response<R>, Status>>,
    {
        let missing = || Fault::facts_unavailable(&[peer.name()]);
        let connections = self.0.connections.get(peer.name()).ok_or_else(missing)?;
        let mut request = Request::new(message);
        self.0.signer.token_for(peer.name()).authorize(request.metadata_mut());
        let over = async |channel| call(Traced::new(peer.name(), channel), request).await;
        match timeout(DEADLINE, connections.call(over)).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => {
                tracing::warn!(peer = peer.name(), code = ?status.code(), message = status.message(), "a peer failed");
                Err(missing())
            }
            Err(_) => {
                tracing::warn!(peer = peer.name(), "a peer did not answer within {DEADLINE:?}");
                Err(missing())
            }
        }
    }

    /// What a peer answered can't be read: it counts as not answered.
    #[must_use]
    pub fn unreadable(peer: Owner) -> Fault {
        tracing::error!(peer = peer.name(), "a peer's answer could not be read");
        Fault::facts_unavailable(&[peer.name()])
    }
}

/// Goes on if the caller is one of these services of the suite and means to call this one (R-P7).
///
/// # Errors
/// `PERMISSION_DENIED`.
pub fn admit(caller: &Caller, this: Owner, admitted: &[Owner]) -> Result<(), Fault> {
    let suite = caller.suite.as_ref().filter(|suite| suite.audience == this.name());
    if suite.is_some_and(|suite| admitted.iter().any(|owner| owner.name() == suite.name)) {
        return Ok(());
    }
    let message =
        "Only certain services of the suite call this method, each with a token for the service it calls";
    Err(Fault::new(Code::PermissionDenied, Reason::PermissionDenied, message))
}
