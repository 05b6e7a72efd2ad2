//! The billing service suspends apps for what became of money, or no longer.
use std::collections::{BTreeMap, BTreeSet};

use devspaces_authz::{SuspendedBy, SuspensionReason};
use devspaces_gate::suspension_reason_from_wire;
use devspaces_kit::{
    clock::Timestamp,
    name::{AccountName, AppName, BudgetName, InvoiceName, Scope, SpaceName},
    status::Fault,
};
use devspaces_ledger::{
    Abort, Change, Tx,
    db::{Conn, Error},
};
use devspaces_proto::facts::v1::SetSuspension;
use serde_json::{Value, json};

use crate::{
    domain::{App, is_capped_in},
    events::TURNED,
    store,
};

/// R-E1, R-E2, R-E3, R-E4: one source suspends apps, or no longer.
#[derive(Clone, Debug)]
pub(super) struct Resuspension {
    reason: SuspensionReason,
    /// The invoice that is past due, the account that there is not, or the cap that is reached.
    source: String,
    /// Whose account it is of.
    account: SpaceName,
    /// Where the apps are suspended for it.
    within: Within,
    apps: Vec<AppName>,
    suspended: bool,
}

/// Where apps are suspended for a source: one may have moved since the source was told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// Wherever they are.
    Anywhere,
    /// In the space of the account, if they are there when it is told; when they move that is forgotten.
    ThereNow,
    /// In the space of the account, whenever they are there.
    There,
}

/// For what else apps are suspended, by app.
type Sources = BTreeMap<AppName, BTreeSet<String>>;

impl Resuspension {
    /// Reads it. What the operator suspends for is none of the billing service's business.
    pub(super) fn read(set: &SetSuspension) -> Result<Self, Fault> {
        let reason = suspension_reason_from_wire(set.reason)
            .filter(|reason| reason.set_by() == SuspendedBy::Billing)
            .ok_or_else(Fault::message_malformed)?;
        let malformed = |_| Fault::message_malformed();
        let (AccountName(account), within) = match reason {
            SuspensionReason::Consent => (set.source.parse().map_err(malformed)?, Within::ThereNow),
            SuspensionReason::Cap => {
                let cap: BudgetName = set.source.parse().map_err(malformed)?;
                (AccountName(cap.space), Within::There)
            }
            _ => (set.source.parse::<InvoiceName>().map_err(malformed)?.account, Within::Anywhere),
        };
        let apps: Result<Vec<_>, _> = set.apps.iter().map(|app| app.parse()).collect();
        let apps = apps.map_err(|_| Fault::message_malformed())?;
        Ok(Self { reason, source: set.source.clone(), account, within, apps, suspended: set.suspended })
    }

    /// Those of the apps and of the spaces that they are in now, whosever invoice it is.
    pub(super) async fn scopes(&self, db: &mut Conn) -> Result<Vec<Scope>, Error> {
        let apps = store::app::find_all_even_if_gone(db, &self.apps).await?;
        Ok(apps.iter().flat_map(scopes_of).collect())
    }

    /// An app that is purged is passed over: nothing of it can run.
    pub(super) async fn apply(&self, tx: &mut Tx) -> Result<(), Abort> {
        let apps = store::app::find_all_even_if_gone(tx, &self.apps).await?;
        let held = tx.scopes();
        if apps.iter().flat_map(scopes_of).any(|scope| !held.contains(&scope)) {
            // An app has moved since.
            return Err(Abort::OtherScopes);
        }
        let sources = store::suspension_source::of_apps(tx, &self.apps, self.reason).await?;
        let mut changed = self.changed(apps, sources, tx.time());
        let names: Vec<_> = changed.iter().map(|(_, after)| after.name).collect();
        // Of an app that is elsewhere it is noted, for when it comes back, and concerns nobody there.
        changed.retain(|(before, _)| self.within != Within::There || before.space == Some(self.account));
        tx.record_all(&self.entries(&changed)).await?;
        let mut suspended = Vec::with_capacity(changed.len());
        for (_, after) in changed {
            suspended.push(App { revision: tx.revision(after.name.into())?, ..after });
        }
        store::app::put_suspensions(tx, &suspended).await?;
        if self.suspended {
            store::suspension_source::add(tx, &names, self.reason, &self.source).await?;
        } else {
            store::suspension_source::remove(tx, &names, self.reason, &self.source).await?;
        }
        Ok(())
    }

    /// The apps for which anything changes, before and after. Suspended they are as long as there is any source.
    fn changed(&self, apps: Vec<App>, mut sources: Sources, now: Timestamp) -> Vec<(App, App)> {
        let change = |before: App| {
            let mut sources = sources.remove(&before.name).unwrap_or_default();
            let changes = if self.suspended {
                let is_there = before.space == Some(self.account);
                (self.within != Within::ThereNow || is_there) && sources.insert(self.source.clone())
            } else {
                sources.remove(&self.source)
            };
            let suspended = match (self.within, before.space) {
                (Within::There, space) => space.is_some_and(|space| is_capped_in(space, &sources)),
                _ => !sources.is_empty(),
            };
            let suspension = if suspended {
                before.suspension.with(self.reason)
            } else {
                before.suspension.without(self.reason)
            };
            let after = App { suspension, update_time: now, ..before.clone() };
            changes.then_some((before, after))
        };
        apps.into_iter().filter_map(change).collect()
    }

    /// What the journals say: that of each app, and those of the spaces that they are in, of which apps.
    fn entries(&self, changed: &[(App, App)]) -> Vec<Change> {
        // All of them, and those of them whose standing is another by it: one is suspended as long as there is any source.
        let mut by_space = BTreeMap::<SpaceName, (Vec<String>, Vec<String>)>::new();
        let mut entries = Vec::with_capacity(changed.len() + 1);
        for (before, after) in changed {
            if let Some(space) = after.space {
                let (all, turned) = by_space.entry(space).or_default();
                all.push(after.name.to_string());
                turned.extend((before.suspension != after.suspension).then(|| after.name.to_string()));
            }
            entries.push(Change {
                scope: after.name.into(),
                resources: vec![after.name.to_string()],
                before: before.to_json(),
                after: self.told(after.to_json(), after.space),
                facts: true,
            });
        }
        entries.extend(by_space.into_iter().map(|(space, (apps, turned))| Change {
            scope: space.into(),
            before: Value::Null,
            after: self.told(json!({ "apps": apps.len(), TURNED: turned }), Some(space)),
            resources: apps,
            facts: true,
        }));
        entries
    }

    /// R-E6. The invoice is named to those of its own space: an app may have moved to people whom it does not concern.
    fn told(&self, mut after: Value, space: Option<SpaceName>) -> Value {
        after["reason"] = self.reason.name().into();
        if space == Some(self.account) {
            after["source"] = self.source.as_str().into();
        }
        after["suspended"] = self.suspended.into();
        after
    }
}

fn scopes_of(app: &App) -> impl Iterator<Item = Scope> + use<> {
    [Some(Scope::from(app.name)), app.space.map(Scope::from)].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use devspaces_authz::{Service, Suspension};
    use devspaces_proto::facts::v1::{ApplyEffectsRequest, Effect, effect};
    use uuid::Uuid;

    use super::*;
    use crate::{domain::Details, effects::Received};

    const APP: AppName = AppName(Uuid::from_u128(1));

    fn by_invoice(number: u128, suspended: bool) -> Resuspension {
        let source = format!("invoice {number}");
        let (reason, account) = (SuspensionReason::PastDue, SpaceName::NIL);
        Resuspension { reason, source, account, within: Within::Anywhere, apps: vec![APP], suspended }
    }

    fn app(suspension: Suspension) -> App {
        App { suspension, ..App::new(APP, None, Details::default(), Timestamp::EPOCH) }
    }

    /// What becomes of an app that these suspend; `None`: nothing.
    fn after(it: &Resuspension, suspension: Suspension, sources: &[&str]) -> Option<Suspension> {
        let sources = sources.iter().map(|source| (*source).to_owned()).collect();
        let changed = it.changed(vec![app(suspension)], Sources::from([(APP, sources)]), Timestamp::EPOCH);
        changed.first().map(|(_, after)| after.suspension)
    }

    // R-E2
    #[test]
    fn an_app_is_suspended_as_long_as_any_invoice_is_past_due() {
        let (legal, both) = (
            Suspension::NONE.with(SuspensionReason::Legal),
            [SuspensionReason::Legal, SuspensionReason::PastDue].into_iter().collect(),
        );
        assert_eq!(after(&by_invoice(1, true), legal, &[]), Some(both));
        assert_eq!(after(&by_invoice(2, true), both, &["invoice 1"]), Some(both));
        assert_eq!(after(&by_invoice(1, false), both, &["invoice 1", "invoice 2"]), Some(both));
        assert_eq!(after(&by_invoice(2, false), both, &["invoice 2"]), Some(legal));
        // What is so already changes nothing, and is in no journal twice.
        assert_eq!(after(&by_invoice(1, true), both, &["invoice 1"]), None);
        assert_eq!(after(&by_invoice(1, false), both, &["invoice 2"]), None);
    }

    // R-P7, R-E1
    #[test]
    fn only_the_billing_service_suspends_for_money() {
        let source = format!("spaces/{0}/billingAccount/invoices/{0}", Uuid::from_u128(7));
        let set = SetSuspension { reason: 4, source, ..SetSuspension::default() };
        let effects = vec![Effect { effect: Some(effect::Effect::SetSuspension(set)) }];
        let request = ApplyEffectsRequest { effects, ..ApplyEffectsRequest::default() };
        for service in Service::ALL {
            let taken = Received::from_sender(service.name(), &request).is_ok();
            assert_eq!(taken, service == Service::Billing, "{}", service.name());
        }
    }

    // R-E3: an app that was moved meanwhile is no longer that account's.
    #[test]
    fn for_want_of_consent_only_apps_of_that_space_are_suspended() {
        let space = SpaceName(Uuid::from_u128(9));
        let wanting = |account| Resuspension {
            reason: SuspensionReason::Consent,
            source: "account".into(),
            account,
            within: Within::ThereNow,
            apps: vec![APP],
            suspended: true,
        };
        let held = App::new(APP, Some(space), Details::default(), Timestamp::EPOCH);
        let changed = |it: Resuspension| it.changed(vec![held.clone()], Sources::new(), Timestamp::EPOCH);
        assert_eq!(changed(wanting(space)).len(), 1);
        assert_eq!(changed(wanting(SpaceName::NIL)), []);
    }

    // R-E4: the cap of one of its spaces suspends an app there, and nowhere else.
    #[test]
    fn for_a_cap_apps_are_suspended_where_it_is_of() {
        let [here, elsewhere] = [9, 8].map(|id| SpaceName(Uuid::from_u128(id)));
        let cap = |space| BudgetName { space, app: Some(APP) };
        let capped = |space, suspended| Resuspension {
            reason: SuspensionReason::Cap,
            source: cap(space).to_string(),
            account: space,
            within: Within::There,
            apps: vec![APP],
            suspended,
        };
        let held = App::new(APP, Some(here), Details::default(), Timestamp::EPOCH);
        let after = |it: Resuspension, sources: &[SpaceName]| {
            let sources = sources.iter().map(|space| cap(*space).to_string()).collect();
            let changed = it.changed(vec![held.clone()], Sources::from([(APP, sources)]), Timestamp::EPOCH);
            changed.first().map(|(_, after)| after.suspension.is_for(SuspensionReason::Cap))
        };
        assert_eq!(after(capped(here, true), &[]), Some(true));
        assert_eq!(after(capped(elsewhere, true), &[]), Some(false), "noted for when it comes back");
        assert_eq!(after(capped(elsewhere, true), &[here]), Some(true));
        assert_eq!(after(capped(elsewhere, false), &[here, elsewhere]), Some(true));
        assert_eq!(after(capped(here, false), &[here, elsewhere]), Some(false));
        assert_eq!(after(capped(here, true), &[here]), None);
    }

    // R-P7, R-A12
    #[test]
    fn what_the_operator_suspends_for_is_not_billings_to_set() {
        let source = format!("spaces/{0}/billingAccount/invoices/{0}", Uuid::from_u128(7));
        let set = |reason| SetSuspension { reason, source: source.clone(), ..SetSuspension::default() };
        for reason in [0, 1, 2, 3, 99] {
            assert!(Resuspension::read(&set(reason)).is_err(), "{reason}");
        }
        assert!(Resuspension::read(&set(4)).is_ok());
        assert!(Resuspension::read(&set(5)).is_err(), "an invoice is no account");
        let bad = SetSuspension { source: "spaces/x".to_owned(), ..set(4) };
        assert!(Resuspension::read(&bad).is_err());
        let account = format!("spaces/{}/billingAccount", Uuid::from_u128(7));
        let of_account = |reason| SetSuspension { source: account.clone(), ..set(reason) };
        assert!(Resuspension::read(&of_account(5)).is_ok());
        assert!(Resuspension::read(&of_account(4)).is_err());
    }
}
