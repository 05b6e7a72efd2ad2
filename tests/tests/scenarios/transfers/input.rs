//! What is wrong with a request, repetitions, previews and pages.
use devspaces_proto::space::v1::{
    AcceptTransferRequest, CancelTransferRequest, DeclineTransferRequest, InitiateTransferRequest,
    ListTransfersRequest, transfer::State,
};
use devspaces_tests::{Suite, refused};
use tonic::Code;

use crate::acts::{
    apps::gets_app,
    members::{ADMIN, adds_members, removes_member},
    transfers::{
        TwoSpaces, accepts_transfer, cancels_transfer, gets_transfer, initiates, initiates_transfer,
        initiation, lists_transfers, previews_transfer,
    },
};

scenarios! {
    both engines:
        bad_input_to_transfers_is_named_by_its_field,
        a_stale_etag_is_aborted,
        a_preview_of_a_transfer_changes_nothing,
        the_same_request_id_answers_with_the_first_transfer,
        transfers_are_listed_page_by_page;
}

fn bad<'a>(fields: &[&'a str]) -> (Code, &'static str, Vec<&'a str>) {
    (Code::InvalidArgument, "INVALID_FIELD", fields.to_vec())
}

// R-A7: source and destination differ.
async fn bad_input_to_transfers_is_named_by_its_field(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let request = InitiateTransferRequest { request_id: "x".into(), ..initiation("apps/1", "spaces/1") };
    let refusal = refused(initiates(&it.alice, request).await);
    assert_eq!(refusal.bad_fields(), bad(&["name", "destination", "request_id"]));
    let refusal = refused(initiates_transfer(&it.alice, &it.app, &it.source).await);
    assert_eq!(refusal.bad_fields(), bad(&["destination"]));
    let refusal = refused(initiates_transfer(&it.bob, &it.app, &it.source).await);
    assert_eq!(refusal.code, Code::PermissionDenied, "the permission comes first");
    assert_eq!(refused(gets_transfer(&it.alice, "transfers/1").await).bad_fields(), bad(&["name"]));
    assert_eq!(refused(accepts_transfer(&it.alice, &it.app).await).bad_fields(), bad(&["name"]));
    let cancellation =
        CancelTransferRequest { name: "x".into(), request_id: "x".into(), ..Default::default() };
    let refusal = refused(it.alice.apps().cancel_transfer(cancellation).await);
    assert_eq!(refusal.bad_fields(), bad(&["name", "request_id"]));
    for (page_size, page_token, field) in [(-1, "", "page_size"), (0, "x", "page_token")] {
        let request = ListTransfersRequest {
            space: it.source.clone(),
            page_size,
            page_token: page_token.into(),
            ..Default::default()
        };
        assert_eq!(refused(it.alice.apps().list_transfers(request).await).fields, [field]);
    }
}

async fn a_stale_etag_is_aborted(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let stale = || "0000000000000000".to_owned();
    let kind = (Code::Aborted, "ETAG_STALE");
    let request = InitiateTransferRequest { etag: stale(), ..initiation(&it.app, &it.destination) };
    assert_eq!(refused(initiates(&it.alice, request).await).kind(), kind);
    let etag = gets_app(&it.alice, &it.app).await.expect("the app").etag;
    let request = InitiateTransferRequest { etag, ..initiation(&it.app, &it.destination) };
    let transfer = initiates(&it.alice, request).await.expect("the app's own");
    let name = transfer.name;
    let accept = AcceptTransferRequest { name: name.clone(), etag: stale(), ..Default::default() };
    assert_eq!(refused(it.dan.apps().accept_transfer(accept).await).kind(), kind);
    let decline = DeclineTransferRequest { name: name.clone(), etag: stale(), ..Default::default() };
    assert_eq!(refused(it.dan.apps().decline_transfer(decline).await).kind(), kind);
    let cancel = CancelTransferRequest { name: name.clone(), etag: stale(), ..Default::default() };
    assert_eq!(refused(it.alice.apps().cancel_transfer(cancel).await).kind(), kind);
    let accept = AcceptTransferRequest { name, etag: transfer.etag.clone(), ..Default::default() };
    let accepted = it.dan.apps().accept_transfer(accept).await.expect("accepted").into_inner();
    assert_ne!(accepted.etag, transfer.etag);
}

// R-A8
async fn a_preview_of_a_transfer_changes_nothing(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let preview = previews_transfer(&it.alice, &it.app, &it.destination).await.expect("a preview");
    assert_eq!((preview.state(), preview.name.as_str()), (State::Pending, ""));
    assert_eq!(lists_transfers(&it.alice, &it.source, false).await.expect("a list"), []);
    let name = it.proposed().await;
    let accept = AcceptTransferRequest { name: name.clone(), validate_only: true, ..Default::default() };
    let preview = it.dan.apps().accept_transfer(accept).await.expect("a preview").into_inner();
    assert_eq!((preview.state(), preview.contributors.len()), (State::Accepted, 1));
    assert_eq!(gets_transfer(&it.dan, &name).await.expect("the transfer").state(), State::Pending);
    assert_eq!(gets_app(&it.alice, &it.app).await.expect("the app").space, it.source);
    cancels_transfer(&it.alice, &name).await.expect("cancelled");
    adds_members(&it.dan, &it.destination, &[(&it.alice, ADMIN)]).await.expect("added");
    let preview = previews_transfer(&it.alice, &it.app, &it.destination).await.expect("a preview");
    assert_eq!((preview.state(), preview.contributors.len()), (State::Accepted, 1), "at once");
    assert_eq!(gets_app(&it.alice, &it.app).await.expect("the app").space, it.source);
}

// R-J5: also to who has no part in it any more.
async fn the_same_request_id_answers_with_the_first_transfer(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let amy = suite.user("amy");
    adds_members(&it.alice, &it.source, &[(&amy, ADMIN)]).await.expect("added");
    let request_id = suite.request_id();
    let request =
        || InitiateTransferRequest { request_id: request_id.clone(), ..initiation(&it.app, &it.destination) };
    let first = initiates(&it.alice, request()).await.expect("proposed");
    assert_eq!(initiates(&it.alice, request()).await.expect("repeated"), first);
    let other = InitiateTransferRequest { destination: it.source.clone(), ..request() };
    assert_eq!(refused(initiates(&it.alice, other).await).reason, "REQUEST_ID_REUSED");
    let accept = || AcceptTransferRequest {
        name: first.name.clone(),
        request_id: request_id.clone(),
        ..AcceptTransferRequest::default()
    };
    let accepted = it.dan.apps().accept_transfer(accept()).await.expect("accepted").into_inner();
    assert_eq!(it.dan.apps().accept_transfer(accept()).await.expect("repeated").into_inner(), accepted);
    removes_member(&amy, &it.source, &it.alice).await.expect("removed");
    assert_eq!(initiates(&it.alice, request()).await.expect("repeated"), first);
}

// R-A7
async fn transfers_are_listed_page_by_page(suite: Suite) {
    let it = TwoSpaces::new(&suite).await;
    let mut proposed = Vec::new();
    for _ in 0..5 {
        let app = it.bob.creates_app(&it.source).await;
        proposed.push(initiates_transfer(&it.alice, &app, &it.destination).await.expect("proposed").name);
    }
    // One that comes in among those that go out.
    let other = it.dan.creates_app(&it.destination).await;
    proposed.push(initiates_transfer(&it.dan, &other, &it.source).await.expect("proposed").name);
    cancels_transfer(&it.alice, &proposed[2]).await.expect("cancelled");
    for (who, space) in [(&it.alice, &it.source), (&it.dan, &it.destination)] {
        let names = async |pending_only| -> Vec<String> {
            let listed = lists_transfers(who, space, pending_only).await.expect("a list");
            listed.into_iter().map(|transfer| transfer.name).collect()
        };
        assert_eq!(names(false).await, proposed);
        assert_eq!(names(true).await, [&proposed[..2], &proposed[3..]].concat());
    }
}
