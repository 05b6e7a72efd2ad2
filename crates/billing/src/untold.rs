//! Accounts that were there before the space service kept which spaces have one (R-E3). After an upgrade there may be some, and
//! later none.
use devspaces_authz::Service;
use devspaces_gate::Context;
use devspaces_kit::{
    name::{AccountName, SpaceName},
    status::Fault,
    sweep::each,
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx};
use serde_json::{Value, json};

use crate::{consent, store};

/// What the journal names in place of a method.
const TELL: &str = "devspaces.billing/tell";
/// Accounts that are read at a time.
const PAGE: i64 = 100;

/// Tells the space service of the accounts that it does not know of.
///
/// # Errors
/// Faults of the database, `EFFECT_PENDING`. What is left is done by the next round.
pub(crate) async fn tell_of_accounts(context: &Context) -> Result<(), Fault> {
    let (mut after, mut result) = (SpaceName::NIL, Ok(()));
    loop {
        let mut db = context.pool.read().await?;
        let untold = store::account::untold(&mut db, after, PAGE).await?;
        drop(db);
        let Some(last) = untold.last() else { return result };
        after = *last;
        let told = each(untold, |space| {
            let call = Call::of_service(Service::Billing.name(), TELL);
            context.mutations.run(call, vec![space.into()], Telling(space))
        });
        // One that fails keeps no other back.
        result = told.await.and(result);
    }
}

struct Telling(SpaceName);

impl Mutation for Telling {
    type Reply = ();

    fn takes_away(&self) -> bool {
        false
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let space = self.0;
        // Another replica may have seen to it meanwhile.
        if !store::account::tell(tx, space).await? {
            return Ok(());
        }
        let change = Change {
            scope: space.into(),
            resources: vec![AccountName(space).to_string()],
            before: Value::Null,
            after: json!({ "told_to": Service::Space.name() }),
            facts: false,
        };
        tx.record(change).await?;
        Ok(consent::tell_of_account(tx, space).await?)
    }
}
