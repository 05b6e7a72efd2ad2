use devspaces_authz::{FactChange, Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange};
use devspaces_kit::{
    identity::Caller,
    name::{AccountName, SpaceName, UserName},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Tx};
use devspaces_proto::billing::v1::{BillingAccount, ConsentToInvoicingRequest};

use crate::{consent, convert, domain::terms, store};

/// R-B1
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: ConsentToInvoicingRequest,
) -> Result<BillingAccount, Fault> {
    let (space, call) =
        Call::parse(caller, &mut request, |fields, it| fields.parse::<SpaceName>("parent", &it.parent))?;
    context.mutations.answer(&call, consent(context, &call, space, request)).await
}

async fn consent(
    context: &Context,
    call: &Call,
    space: SpaceName,
    request: ConsentToInvoicingRequest,
) -> Result<BillingAccount, Fault> {
    let permission = Permission::BillingConsent;
    let pass = context.gate.require_active(&call.caller, permission, space).await?;
    let terms_version = convert::account::terms_version(request.terms_version)?;
    let person = call.caller.principal.as_user();
    let person = person.ok_or_else(|| Fault::permission_denied(permission.name(), space))?;
    let consent = Consent { account: AccountName(space), terms_version, person };
    context.mutations.run(call.clone(), vec![space.into()], pass.guard(consent)).await
}

struct Consent {
    account: AccountName,
    terms_version: String,
    person: UserName,
}

impl GuardedChange for Consent {
    type Reply = BillingAccount;

    fn takes_away(&self) -> bool {
        takes_away(&[FactChange::BillingAdminGiven])
    }

    async fn once(&self, tx: &mut Tx, confirmed: &Confirmed<'_>) -> Result<BillingAccount, Abort> {
        let Self { account: name, terms_version, person } = self;
        let mut blockers = confirmed.blockers()?;
        if *terms_version != terms::VERSION {
            let sentence = "These terms of app invoicing are not the current ones; GetTerms shows those";
            blockers.add(Reason::TermsOutdated, name.0.to_string(), sentence);
        }
        // Of two who consent at once, the second one's transaction sees the first one's account.
        if store::account::find(tx, name.0).await?.is_some() {
            let sentence = "The space has a billing account already";
            blockers.add(Reason::BillingAccountExists, name.to_string(), sentence);
        }
        blockers.finish()?;
        // R-E3
        let apps = store::consent_suspension::take(tx, name.0, None).await?;
        let account = consent::open_account(tx, *name, person, terms_version, &apps).await?;
        consent::tell_of_account(tx, name.0).await?;
        consent::lift(tx, name.0, &apps).await?;
        Ok(convert::account::to_wire(account, false, None, None))
    }
}
