//! What a service and a peer find out of each other before they rely on it: whether the peer is the service that it should
//! be, takes this service's key, and goes by the same time.
use std::time::Duration;

use devspaces_authz::Service;
use devspaces_kit::{
    clock::{Clock, Timestamp},
    connections::Connections,
    identity::ServiceSigner,
    peer_clock::ahead,
    trace::Traced,
};
use devspaces_proto::facts::v1::{RevalidateRequest, facts_service_client::FactsServiceClient};
use tokio::time::timeout;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::wire;

/// How long a peer may take to answer.
const DEADLINE: Duration = Duration::from_secs(2);

/// By how much the clocks of two services may differ.
const SKEW: Duration = Duration::from_secs(30);

/// What keeps a service from working with a peer. As text it is a sentence for the operator, without a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing can be told: there is no answer, or none that means anything.
    #[error("{peer} gives no answer: {said}")]
    Silent {
        /// The peer's name.
        peer: &'static str,
        /// What there is instead.
        said: String,
    },
    /// The peer does not take this service for what it is, or is not what it should be.
    #[error("{peer} refuses the token of {service} (cause {cause}): {}", hint(cause))]
    Refused {
        /// The service that called.
        service: String,
        /// The peer's name.
        peer: &'static str,
        /// As the log of the peer calls it.
        cause: String,
    },
    /// The peer goes by another time.
    #[error("the clock of {peer} is {} s {}: keep the clocks in time (NTP)", ahead_by.abs(), side(*ahead_by))]
    Clock {
        /// The peer's name.
        peer: &'static str,
        /// By how many seconds it is ahead; behind, if it is negative.
        ahead_by: i64,
    },
}

impl Unfit {
    /// Whether it passes by itself, when the peer has come up.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Silent { .. })
    }

    /// In the few words that anybody may hear.
    #[must_use]
    pub fn in_short(&self) -> String {
        match self {
            Self::Silent { peer, .. } => (*peer).to_owned(),
            Self::Refused { peer, cause, .. } => format!("{peer} (which refuses its token: {cause})"),
            Self::Clock { peer, .. } => format!("{peer} (whose clock differs)"),
        }
    }
}

fn side(ahead_by: i64) -> &'static str {
    if ahead_by < 0 { "behind" } else { "ahead" }
}

/// What is wrong most often, where a peer refuses for this cause.
fn hint(cause: &str) -> &'static str {
    match cause {
        "key" | "issuer" => {
            "its --suite-jwks has no such key of this service, so that one of both has old files, or it is of another suite"
        }
        "audience" | "not_hosted" => "at the address of its --peer there is another service",
        "expired" | "not_yet_valid" => "the clocks differ; keep them in time (NTP)",
        _ => "its log says why",
    }
}

/// Calls a peer as the signer's service, and holds what it answers against what it should be.
///
/// # Errors
/// [`Unfit`].
pub async fn introduce(
    peer: Service,
    connections: &Connections,
    signer: &ServiceSigner,
    clock: &dyn Clock,
) -> Result<(), Unfit> {
    let owner = wire::owner_to_wire(peer);
    let mut request = Request::new(RevalidateRequest { owner: owner.into(), questions: Vec::new() });
    signer.token_for(peer.name()).authorize(request.metadata_mut());
    let over =
        async |channel| FactsServiceClient::new(Traced::new(peer.name(), channel)).revalidate(request).await;
    let silent = |said: &str| Unfit::Silent { peer: peer.name(), said: said.to_owned() };
    let sent = clock.now();
    let answered = timeout(DEADLINE, connections.call(over)).await;
    let received = clock.now();
    let read = match answered {
        Err(_) => return Err(silent("it takes too long")),
        Ok(Err(status)) => return Err(refused(peer, signer, (sent, received), &status)),
        Ok(Ok(answer)) => answer.into_inner().read_time.and_then(|time| wire::time_from_wire(time).ok()),
    };
    let read = read.ok_or_else(|| silent("what it answers can't be read"))?;
    in_time(peer, sent, read, received)
}

fn in_time(peer: Service, sent: Timestamp, read: Timestamp, received: Timestamp) -> Result<(), Unfit> {
    let ahead = ahead(sent, read, received);
    if Duration::from_micros(ahead.unsigned_abs()) <= SKEW {
        return Ok(());
    }
    Err(Unfit::Clock { peer: peer.name(), ahead_by: ahead / 1_000_000 })
}

fn refused(
    peer: Service,
    signer: &ServiceSigner,
    (sent, received): (Timestamp, Timestamp),
    status: &Status,
) -> Unfit {
    let details = status.get_error_details();
    let info = details.error_info();
    let of_token = |name: &str| info.and_then(|info| info.metadata.get(name)).map(String::as_str);
    let cause = match status.code() {
        Code::Unauthenticated => of_token("cause").unwrap_or("unknown"),
        // The token is good, and this owner is none of those that answer there.
        Code::PermissionDenied | Code::InvalidArgument => "not_hosted",
        _ => {
            return Unfit::Silent {
                peer: peer.name(),
                said: format!("{:?}: {}", status.code(), status.message()),
            };
        }
    };
    let time = of_token("time").and_then(|time| time.parse().ok());
    let clock = time.and_then(|read| in_time(peer, sent, read, received).err());
    clock.unwrap_or_else(|| Unfit::Refused {
        service: signer.name().to_owned(),
        peer: peer.name(),
        cause: cause
            .chars()
            .filter(|letter| letter.is_ascii_lowercase() || *letter == '_')
            .take(32)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn clocks_may_differ_by_half_a_minute() {
        let differ = |by: i64| in_time(Service::Billing, at(100), at(100 + by), at(100));
        assert_eq!((differ(30), differ(-30)), (Ok(()), Ok(())));
        assert_eq!(differ(31), Err(Unfit::Clock { peer: "billing", ahead_by: 31 }));
        let said = differ(-90).expect_err("behind").to_string();
        assert_eq!(said, "the clock of billing is 90 s behind: keep the clocks in time (NTP)");
    }
}
