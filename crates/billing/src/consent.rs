//! Consent to be billed: the account that it makes (R-B1), and what does not run for want of it (R-E3).
use std::collections::{BTreeMap, BTreeSet};

use devspaces_authz::{Service, SuspensionReason};
use devspaces_gate::Context;
use devspaces_kit::{
    name::{AccountName, AppName, BillingAdminName, SpaceName, UserName},
    status::Fault,
    sweep::each,
};
use devspaces_ledger::{Abort, Call, Change, Mutation, Tx, db::Error};
use devspaces_proto::facts::v1::{Effect, NoteBillingAccount, effect};
use serde_json::{Value, json};

use crate::{
    domain::{Account, Admin, Month},
    enforcement::suspend,
    store,
};

/// The apps of spaces that have used up an allowance.
pub(crate) type Exhausted = BTreeMap<SpaceName, BTreeSet<AppName>>;

/// Makes the account of a space, and whoever consented its first billing admin, with an entry that also names the apps that want
/// consent no longer.
pub(crate) async fn open_account(
    tx: &mut Tx,
    name: AccountName,
    consented_by: &UserName,
    terms_version: &str,
    released: &[AppName],
) -> Result<Account, Error> {
    let now = tx.time();
    let mut account = Account {
        name,
        terms_version: terms_version.to_owned(),
        consented_by: consented_by.clone(),
        create_time: now,
        update_time: now,
        revision: 0,
    };
    let admin = BillingAdminName { account: name, user: consented_by.clone() };
    let mut after = account.to_json();
    if !released.is_empty() {
        after["apps_no_longer_wanting_consent"] = names(released);
    }
    let change = Change {
        scope: name.0.into(),
        resources: vec![name.to_string(), admin.to_string()],
        before: Value::Null,
        after,
        facts: true,
    };
    account.revision = tx.record(change).await?;
    store::account::insert(tx, &account).await?;
    store::admin::insert(tx, &Admin { name: admin, create_time: now }).await?;
    Ok(account)
}

/// Tells the space service that a space has an account (R-E3), after the entry of its birth, or of the telling. It is told whatever the
/// operator requires consent for: that may be another thing tomorrow.
pub(crate) async fn tell_of_account(tx: &mut Tx, space: SpaceName) -> Result<(), Error> {
    let noted = NoteBillingAccount { space: space.to_string() };
    let effect = Effect { effect: Some(effect::Effect::NoteBillingAccount(noted)) };
    tx.emit(space.into(), Service::Space.name(), vec![effect]).await
}

/// Tells the space service of apps that have used up an allowance of which nobody pays for more, after the entries that name them.
pub(crate) async fn suspend_exhausted(tx: &mut Tx, exhausted: &Exhausted) -> Result<(), Error> {
    for (space, apps) in exhausted {
        set(tx, *space, &apps.iter().copied().collect::<Vec<_>>(), true).await?;
    }
    Ok(())
}

/// Tells it that apps of a space run again, after the entry that says why.
pub(crate) async fn lift(tx: &mut Tx, space: SpaceName, apps: &[AppName]) -> Result<(), Error> {
    set(tx, space, apps, false).await
}

async fn set(tx: &mut Tx, space: SpaceName, apps: &[AppName], suspended: bool) -> Result<(), Error> {
    suspend(tx, space, SuspensionReason::Consent, &AccountName(space).to_string(), apps, suspended).await
}

/// The names of apps, as entries tell them.
pub(crate) fn names<'a>(apps: impl IntoIterator<Item = &'a AppName>) -> Value {
    apps.into_iter().map(ToString::to_string).collect()
}

/// What the journal names in place of a method.
const LIFT: &str = "devspaces.billing/lift";
/// Spaces that are read at a time.
const PAGE: i64 = 100;

/// Lets run what was suspended in a month that is over; all of it, where consent is required for nothing any more.
///
/// # Errors
/// Faults of the database, `EFFECT_PENDING`. What is left is done by the next round. `CLOCK_STEPPED` while the clock is doubted: a
/// month may seem to be over.
pub(crate) async fn lift_what_is_over(context: &Context) -> Result<(), Fault> {
    let overage = context.invoicing.consent_required_for.includes_overage();
    let before = if overage { Some(Month::of(context.steady.now()?)) } else { None };
    let (mut after, mut result) = (SpaceName::NIL, Ok(()));
    loop {
        let mut db = context.pool.read().await?;
        let over = store::consent_suspension::over(&mut db, before, after, PAGE).await?;
        drop(db);
        let Some(last) = over.last() else { return result };
        after = *last;
        let lifted = each(over, |space| {
            let call = Call::of_service(Service::Billing.name(), LIFT);
            context.mutations.run(call, vec![space.into()], Lifting { space, before })
        });
        // One that fails keeps no other back.
        result = lifted.await.and(result);
    }
}

struct Lifting {
    space: SpaceName,
    before: Option<Month>,
}

impl Mutation for Lifting {
    type Reply = ();
    const FALLS_DUE: bool = true;

    fn takes_away(&self) -> bool {
        false
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        let Self { space, before } = *self;
        let apps = store::consent_suspension::take(tx, space, before).await?;
        if apps.is_empty() {
            return Ok(());
        }
        let change = Change {
            scope: space.into(),
            resources: vec![AccountName(space).to_string()],
            before: json!({ "apps_wanting_consent": names(&apps) }),
            after: Value::Null,
            facts: false,
        };
        tx.record(change).await?;
        Ok(lift(tx, space, &apps).await?)
    }
}
