//! Invitations are forgotten when they have been over for a while (R-M9). The journal goes on to tell of them.
use std::time::Duration;

use devspaces_authz::{Service, takes_away};
use devspaces_gate::Context;
use devspaces_kit::{clock::Timestamp, name::SpaceName, status::Fault, sweep::each};
use devspaces_ledger::{Abort, Call, Mutation, Tx};

use crate::store;

/// How long they are listed after they have ended. Stated in rules.md and in the API.
const LISTED: Duration = Duration::from_hours(30 * 24);
/// What the metrics name in place of a method.
const FORGET: &str = "devspaces.membership/forget";
/// Spaces that one round looks after.
const ROUND: i64 = 100;

/// Forgets what ended long enough ago.
///
/// # Errors
/// `CLOCK_STEPPED` while the clock is doubted: nothing is forgotten then. Faults of the database.
pub(crate) async fn forget(context: &Context) -> Result<(), Fault> {
    let before = listed_since(context.steady.now()?);
    let spaces = store::invitation::spaces_of_ended(&mut context.pool.read().await?, before, ROUND).await?;
    each(spaces, |space| {
        let call = Call::of_service(Service::Membership.name(), FORGET);
        context.mutations.run(call, vec![space.into()], Forgetting(space))
    })
    .await
}

/// What has ended since then is listed.
pub(crate) fn listed_since(now: Timestamp) -> Timestamp {
    let listed = i64::try_from(LISTED.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_sub(listed))
}

/// It changes nothing that anybody was shown, so the journal has no entry of it.
struct Forgetting(SpaceName);

impl Mutation for Forgetting {
    type Reply = ();
    const REVOKES: bool = true;
    const FALLS_DUE: bool = true;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let before = listed_since(tx.time());
        store::invitation::forget(tx, self.0, before).await?;
        Ok(store::departed::forget(tx, self.0).await?)
    }
}
