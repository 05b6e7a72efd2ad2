//! One call to each service, again and again: how long it is answered by none.
use std::time::Duration;

use devspaces::Service;
use devspaces_proto::{
    billing::v1::GetBillingAccountRequest, marketplace::v1::GetVendorProfileRequest,
    membership::v1::ListMembersRequest, space::v1::GetSpaceRequest,
};
use devspaces_tests::Persona;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Request, Response, Status};

use crate::{
    calls::{GaveUp, Load},
    writers::{accounts, creates_space, members, vendors},
};

const GET_SPACE: &str = "devspaces.space.v1.SpaceService/GetSpace";

/// Between calls.
const PAUSE: Duration = Duration::from_millis(200);
/// A call that takes longer is given up, so that the next can succeed.
const GIVEN_UP: Duration = Duration::from_secs(3);

/// What is read.
#[derive(Clone)]
pub(crate) struct Probes {
    who: Persona,
    space: String,
    profile: String,
}

impl Probes {
    pub(crate) async fn new(load: &Load) -> Result<Self, GaveUp> {
        let who = load.somebody();
        let space = creates_space(load, &who).await?.name;
        accounts::consents(load, &who, &space).await?;
        let terms = vendors::current_terms(load, &who).await?;
        let profile = vendors::accepts(load, &who, &space, &terms).await?.name;
        Ok(Self { who, space, profile })
    }

    /// Calls a service until the load is to stop.
    pub(crate) async fn run(self, load: Load, service: Service) {
        while !load.stopping() {
            let (who, name) = (&self.who, self.space.clone());
            match service {
                Service::Space => {
                    let request = GetSpaceRequest { name };
                    let call = async |request| who.spaces().get_space(request).await;
                    probe(&load, service, GET_SPACE, request, call).await;
                }
                Service::Membership => {
                    let request = ListMembersRequest { parent: name, ..ListMembersRequest::default() };
                    let call = async |request| who.members().list_members(request).await;
                    probe(&load, service, members::LIST, request, call).await;
                }
                Service::Billing => {
                    let request = GetBillingAccountRequest { name: format!("{name}/billingAccount") };
                    let call = async |request| who.accounts().get_billing_account(request).await;
                    probe(&load, service, accounts::GET, request, call).await;
                }
                Service::Marketplace => {
                    let request = GetVendorProfileRequest { name: self.profile.clone() };
                    let call = async |request| who.profiles().get_vendor_profile(request).await;
                    probe(&load, service, vendors::GET, request, call).await;
                }
            }
            sleep(PAUSE).await;
        }
    }
}

async fn probe<Q, R>(
    load: &Load,
    service: Service,
    method: &'static str,
    request: Q,
    call: impl AsyncFn(Request<Q>) -> Result<Response<R>, Status>,
) {
    let answer = timeout_at(Instant::now() + GIVEN_UP, load.attempt(method, request, &call)).await;
    let mut tally = load.tally();
    tally.probed(service, matches!(answer, Ok(Ok(_))));
    if let Ok(Err(status)) = answer {
        let _ = tally.refused(method, &status);
    }
}
