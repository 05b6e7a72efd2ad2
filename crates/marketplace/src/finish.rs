//! How a submission ends (R-K6): the space service decides, once, whether the listing has the app, and then the intent
//! becomes a listing or nothing. The call that submitted it sees to that, and for those that could not, a worker. Both
//! may, at once and again: what was decided stands.
use std::time::Duration;

use devspaces_authz::{Service, takes_away};
use devspaces_gate::Context;
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{AppName, ListingName, Principal, SpaceName},
    status::{Blockers, Fault, Reason, reason_named},
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx};
use devspaces_proto::{
    MethodRequest as _,
    facts::v1::ReserveListingRequest,
    marketplace::v1::{Listing as WireListing, SubmitListingRequest},
};
use futures::{StreamExt as _, stream};
use serde_json::Value;
use tonic::Code;
use uuid::Uuid;

use crate::{
    domain::{Listing, State},
    spaces, store,
};

/// How long the call that submitted a listing is left to finish it alone: longer than it waits for the space service.
const LEFT_ALONE: Duration = Duration::from_secs(6);
/// Intents that the worker reads at a time.
const PAGE: usize = 100;
/// How many it finishes at once: one that gets no answer keeps no other back.
const AT_ONCE: usize = 8;

/// What is to be decided about a submission.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) listing: ListingName,
    pub(crate) space: SpaceName,
    pub(crate) app: AppName,
    /// Who submitted it, for the journal of the app.
    pub(crate) submitter: Principal,
}

/// Has it decided, and makes the listing or takes the intent back. The answer is that of the call that submitted it.
///
/// # Errors
/// `FAILED_PRECONDITION` with everything that keeps the app from being listed; `UNAVAILABLE` / `EFFECT_PENDING` while the
/// space service does not answer.
pub(crate) async fn conclude(context: &Context, call: &Call, intent: Intent) -> Result<WireListing, Fault> {
    let question = ReserveListingRequest {
        listing: intent.listing.to_string(),
        app: intent.app.to_string(),
        space: intent.space.to_string(),
        actor: intent.submitter.to_string(),
    };
    let refused = spaces::reserve(context, question).await.map_err(|_| undecided())?;
    let scopes = vec![intent.space.into()];
    if refused.is_empty() {
        return context.mutations.run(call.clone().concluding(), scopes, Submission(intent.listing)).await;
    }
    let cancellation = Cancellation(intent.listing);
    context.mutations.run(call.clone().without_request_id().concluding(), scopes, cancellation).await?;
    let mut blockers = Blockers::new();
    for reason in refused {
        block(&mut blockers, &intent, &reason);
    }
    blockers.finish()?;
    Err(Fault::internal("a listing was refused for no reason"))
}

/// Nobody knows yet whether there will be a listing.
fn undecided() -> Fault {
    let peer = Service::Space.name();
    let message = format!(
        "The listing comes about, or is refused, as soon as '{peer}' answers; the same request_id then says which"
    );
    Fault::new(Code::Unavailable, Reason::EffectPending, message).metadata("peer", peer)
}

/// What is said of an app that has a listing, or is about to have one.
pub(crate) fn block_listed(blockers: &mut Blockers, app: AppName) {
    let sentence = "The app is on the Marketplace already, or on its way there";
    blockers.add(Reason::AppListed, app.to_string(), sentence);
}

/// What is said of an app that is not there to be listed.
pub(crate) fn block_absent(blockers: &mut Blockers, app: AppName) {
    let sentence = "The app is not in the space of the vendor profile, or is deleted";
    blockers.add(Reason::AppNotInSpace, app.to_string(), sentence);
}

fn block(blockers: &mut Blockers, intent: &Intent, reason: &str) {
    match reason_named(reason) {
        Some(Reason::AppListed) => block_listed(blockers, intent.app),
        Some(Reason::AppNotInSpace) => block_absent(blockers, intent.app),
        Some(kind @ Reason::SpaceArchived) => {
            blockers.add(kind, intent.space.to_string(), devspaces_kit::status::SPACE_ARCHIVED);
        }
        Some(kind @ Reason::TransferPending) => {
            let sentence = "A transfer of the app to another space is pending; it can be cancelled";
            blockers.add(kind, intent.app.to_string(), sentence);
        }
        // Of a newer space service, and a refusal all the same.
        other => {
            let kind = other.unwrap_or(Reason::AppListed);
            blockers.add(kind, intent.app.to_string(), "The app can't be listed as it is now");
        }
    }
}

/// The listing has its app.
struct Submission(ListingName);

impl Mutation for Submission {
    type Reply = WireListing;
    // It has no effects that could overtake others, and must not wait for them: the app is taken already.
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx) -> Result<WireListing, Abort> {
        let found = store::listing::find_even_if_reserving(tx, self.0).await?;
        let before = found.ok_or_else(|| Fault::internal("a listing is gone that has its app"))?;
        if before.state != State::Reserving {
            return Ok(before.into());
        }
        let after = change(tx, &before, State::Submitted).await?;
        Ok(after.into())
    }
}

/// The listing does not have the app, and never will.
struct Cancellation(ListingName);

impl Mutation for Cancellation {
    type Reply = ();
    const REVOKES: bool = true;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let found = store::listing::find_even_if_reserving(tx, self.0).await?;
        let Some(before) = found.filter(|listing| listing.state == State::Reserving) else { return Ok(()) };
        let change = Change {
            scope: before.space.into(),
            resources: before.resources(),
            before: before.to_json(),
            after: Value::Null,
            facts: false,
        };
        tx.record(change).await?;
        Ok(store::listing::remove(tx, self.0).await?)
    }
}

/// Stores and records the next state of a listing.
pub(crate) async fn change(tx: &mut Tx, before: &Listing, state: State) -> Result<Listing, Abort> {
    let mut after = Listing { state, update_time: tx.time(), ..before.clone() };
    let change = Change {
        scope: after.space.into(),
        resources: after.resources(),
        before: before.to_json(),
        after: after.to_json(),
        facts: false,
    };
    after.revision = tx.record(change).await?;
    store::listing::update(tx, &after).await?;
    Ok(after)
}

/// R-K6: finishes the submissions that were left half-way, because the space service did not answer or whoever handled
/// them is gone.
///
/// # Errors
/// Faults of the database, and of the space service. What is left is finished by the next round.
pub(crate) async fn finish(context: &Context) -> Result<(), Fault> {
    let left_alone = i64::try_from(LEFT_ALONE.as_micros()).unwrap_or(i64::MAX);
    let due = Timestamp::from_micros(context.clock.now().micros().saturating_sub(left_alone));
    let (mut after, mut result) = (ListingName(Uuid::nil()), Ok(()));
    loop {
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let left = store::listing::reserving(&mut context.pool.read().await?, after, due, limit).await?;
        let Some(last) = left.last() else { return result };
        after = last.name;
        let concluded = stream::iter(left).map(|listing| conclude_left(context, listing));
        let faults: Vec<Fault> =
            concluded.buffer_unordered(AT_ONCE).filter_map(|done| async { done.err() }).collect().await;
        if let Some(fault) = faults.into_iter().next() {
            result = Err(fault);
        }
    }
}

/// Finishes the very call that submitted it, so that its `request_id` answers with the result.
async fn conclude_left(context: &Context, listing: Listing) -> Result<(), Fault> {
    let Listing { name, profile, space, app, submitter, request_id, .. } = listing;
    let request =
        SubmitListingRequest { parent: profile.to_string(), app: app.to_string(), request_id: String::new() };
    let caller = Caller { principal: submitter.clone(), email: None, suite: None, expires: None };
    let call = Call::new(caller, SubmitListingRequest::METHOD, &request, request_id);
    match conclude(context, &call, Intent { listing: name, space, app, submitter }).await {
        // Refused: that finishes it as well.
        Err(fault) if fault.code() == Code::FailedPrecondition => Ok(()),
        done => done.map(drop),
    }
}
