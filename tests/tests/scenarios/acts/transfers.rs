//! Transfers of apps between spaces.
use devspaces_proto::space::v1::{
    AcceptTransferRequest, CancelTransferRequest, DeclineTransferRequest, GetTransferRequest,
    InitiateTransferRequest, ListTransfersRequest, Transfer,
};
use devspaces_tests::{Persona, Suite};
use tonic::Status;

use crate::acts::{
    members::{DEVELOPER, adds_members},
    usage::begins_mid_month,
};

/// The request to move an app to a space.
pub(crate) fn initiation(app: &str, destination: &str) -> InitiateTransferRequest {
    InitiateTransferRequest {
        name: app.to_owned(),
        destination: destination.to_owned(),
        ..InitiateTransferRequest::default()
    }
}

pub(crate) async fn initiates(who: &Persona, request: InitiateTransferRequest) -> Result<Transfer, Status> {
    who.apps().initiate_transfer(request).await.map(tonic::Response::into_inner)
}

/// Moves an app to a space, or proposes it to the space's Admins.
pub(crate) async fn initiates_transfer(
    who: &Persona,
    app: &str,
    destination: &str,
) -> Result<Transfer, Status> {
    initiates(who, initiation(app, destination)).await
}

/// What would come of it.
pub(crate) async fn previews_transfer(
    who: &Persona,
    app: &str,
    destination: &str,
) -> Result<Transfer, Status> {
    initiates(who, InitiateTransferRequest { validate_only: true, ..initiation(app, destination) }).await
}

pub(crate) async fn gets_transfer(who: &Persona, name: &str) -> Result<Transfer, Status> {
    let request = GetTransferRequest { name: name.to_owned() };
    who.apps().get_transfer(request).await.map(tonic::Response::into_inner)
}

/// The kinds of what would stand in the way of a transfer now.
pub(crate) async fn blockers_of(who: &Persona, name: &str) -> Vec<String> {
    let transfer = gets_transfer(who, name).await.expect("the transfer");
    transfer.blockers.into_iter().map(|blocker| blocker.reason).collect()
}

/// The names of a space's transfers, page by page.
pub(crate) async fn lists_transfers(
    who: &Persona,
    space: &str,
    pending_only: bool,
) -> Result<Vec<Transfer>, Status> {
    let mut request = ListTransfersRequest {
        space: space.to_owned(),
        pending_only,
        page_size: 2,
        page_token: String::new(),
    };
    let mut transfers = Vec::new();
    loop {
        let page = who.apps().list_transfers(request.clone()).await?.into_inner();
        assert!(page.transfers.len() <= 2);
        transfers.extend(page.transfers);
        if page.next_page_token.is_empty() {
            return Ok(transfers);
        }
        request.page_token = page.next_page_token;
    }
}

pub(crate) async fn accepts_transfer(who: &Persona, name: &str) -> Result<Transfer, Status> {
    let request = AcceptTransferRequest { name: name.to_owned(), ..AcceptTransferRequest::default() };
    who.apps().accept_transfer(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn declines_transfer(who: &Persona, name: &str) -> Result<Transfer, Status> {
    let request = DeclineTransferRequest { name: name.to_owned(), ..DeclineTransferRequest::default() };
    who.apps().decline_transfer(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn cancels_transfer(who: &Persona, name: &str) -> Result<Transfer, Status> {
    let request = CancelTransferRequest { name: name.to_owned(), ..CancelTransferRequest::default() };
    who.apps().cancel_transfer(request).await.map(tonic::Response::into_inner)
}

/// Alice's space with an app that Bob, a Developer, owns, and Dan's space, in the midst of a month: on its first days no app
/// moves.
pub(crate) struct TwoSpaces {
    pub(crate) alice: Persona,
    pub(crate) bob: Persona,
    pub(crate) dan: Persona,
    pub(crate) source: String,
    pub(crate) destination: String,
    pub(crate) app: String,
}

impl TwoSpaces {
    pub(crate) async fn new(suite: &Suite) -> Self {
        begins_mid_month(suite);
        let [alice, bob, dan] = ["alice", "bob", "dan"].map(|id| suite.user(id));
        let source = alice.creates_space("Source").await;
        let destination = dan.creates_space("Destination").await;
        adds_members(&alice, &source, &[(&bob, DEVELOPER)]).await.expect("added");
        let app = bob.creates_app(&source).await;
        Self { alice, bob, dan, source, destination, app }
    }

    /// Alice proposes the app to Dan; the name of the transfer.
    pub(crate) async fn proposed(&self) -> String {
        initiates_transfer(&self.alice, &self.app, &self.destination).await.expect("proposed").name
    }
}
