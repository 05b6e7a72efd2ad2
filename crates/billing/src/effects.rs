//! What the billing service does because something happened elsewhere.
use devspaces_authz::Service;
use devspaces_gate::{AdminEffects, AdminPlane};
use devspaces_kit::{
    name::{AccountName, BillingAdminName, Scope, SpaceName, UserName},
    status::Fault,
};
use devspaces_ledger::{
    Abort, Change, Tx,
    db::{Conn, Error},
    inbox::Effects,
};
use devspaces_proto::facts::v1::{ApplyEffectsRequest, OpenBillingAccount, effect::Effect};
use serde_json::{Value, json};

use crate::{consent, store};

/// The plane of billing admins.
pub(crate) struct BillingAdmins;

impl AdminPlane for BillingAdmins {
    /// R-M12
    async fn drop_admin(tx: &mut Tx, space: SpaceName, user: &UserName) -> Result<(), Abort> {
        let name = BillingAdminName { account: AccountName(space), user: user.clone() };
        if store::admin::find(tx, &name).await?.is_none() {
            return Ok(());
        }
        let change = Change {
            scope: space.into(),
            resources: vec![name.to_string()],
            before: json!({ "billing_admins": [user.to_string()] }),
            after: Value::Null,
            facts: true,
        };
        tx.record(change).await?;
        Ok(store::admin::remove(tx, &name).await?)
    }
}

/// The effects of one change, each of which is its sender's to bring about.
pub(crate) enum Received {
    /// R-B1: what the space service sends.
    Openings(Vec<Opening>),
    /// R-M12: what the membership service sends.
    OfPeople(AdminEffects<BillingAdmins>),
}

impl Received {
    /// Reads what a service sent. Each effect has one sender (R-P7): a key of another service is of no use for it.
    pub(crate) fn from_sender(sender: &str, request: &ApplyEffectsRequest) -> Result<Self, Fault> {
        let openings = request.effects.iter().map(|effect| match &effect.effect {
            Some(Effect::OpenBillingAccount(open)) if sender == Service::Space.name() => Some(open),
            _ => None,
        });
        match openings.collect::<Option<Vec<_>>>().filter(|openings| !openings.is_empty()) {
            Some(openings) => {
                openings.into_iter().map(Opening::read).collect::<Result<_, _>>().map(Self::Openings)
            }
            None => AdminEffects::from_sender(sender, request).map(Self::OfPeople),
        }
    }
}

impl Effects for Received {
    async fn scopes(&self, db: &mut Conn) -> Result<Vec<Scope>, Error> {
        match self {
            Self::Openings(openings) => Ok(openings.iter().map(|opening| opening.account.0.into()).collect()),
            Self::OfPeople(effects) => effects.scopes(db).await,
        }
    }

    async fn once(&self, tx: &mut Tx) -> Result<(), Abort> {
        match self {
            Self::Openings(openings) => {
                for opening in openings {
                    opening.apply(tx).await?;
                }
                Ok(())
            }
            Self::OfPeople(effects) => effects.once(tx).await,
        }
    }
}

/// A space was created with consent to app invoicing (R-B1).
pub(crate) struct Opening {
    account: AccountName,
    person: UserName,
    terms_version: String,
}

impl Opening {
    fn read(open: &OpenBillingAccount) -> Result<Self, Fault> {
        let names = open.space.parse().ok().zip(open.user.parse().ok());
        let (space, person) = names.ok_or_else(Fault::message_malformed)?;
        Ok(Self { account: AccountName(space), person, terms_version: open.terms_version.clone() })
    }

    /// Its Admin may have consented by themselves before this arrives: the first to consent wins, and this changes nothing. No
    /// app wants consent yet, as the space takes none before this is applied.
    async fn apply(&self, tx: &mut Tx) -> Result<(), Abort> {
        let Self { account, person, terms_version } = self;
        if store::account::find(tx, account.0).await?.is_none() {
            consent::open_account(tx, *account, person, terms_version, &[]).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use devspaces_proto::facts::v1::{self as facts, DropAdmin};
    use uuid::Uuid;

    use super::*;

    // R-P7
    #[test]
    fn only_the_space_service_opens_accounts_and_only_the_membership_service_drops_admins() {
        let (space, user) = (SpaceName(Uuid::from_u128(7)).to_string(), "users/alice".to_owned());
        let open = OpenBillingAccount { space: space.clone(), user: user.clone(), terms_version: "1".into() };
        let drop = DropAdmin { space, user };
        let open = Effect::OpenBillingAccount(open);
        let drop = Effect::DropAdmin(drop);
        let taken = |sender: Service, effects: &[&Effect]| {
            let effect = |effect: &&Effect| facts::Effect { effect: Some((*effect).clone()) };
            let effects = effects.iter().map(effect).collect();
            let request = ApplyEffectsRequest { effects, ..ApplyEffectsRequest::default() };
            Received::from_sender(sender.name(), &request).is_ok()
        };
        for sender in Service::ALL {
            assert_eq!(taken(sender, &[&open]), sender == Service::Space, "{sender:?}");
            assert_eq!(taken(sender, &[&drop]), sender == Service::Membership, "{sender:?}");
            assert!(!taken(sender, &[&open, &drop]) && !taken(sender, &[&drop, &open]), "{sender:?}");
        }
    }
}
