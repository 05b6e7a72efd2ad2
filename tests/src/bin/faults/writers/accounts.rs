use devspaces_proto::billing::v1::{
    AddBillingAdminsRequest, ConsentToInvoicingRequest, GetBillingAccountRequest, GetTermsRequest,
    ListBillingAdminsRequest, PaymentMethod, RemoveBillingAdminRequest, SetPaymentMethodRequest,
};
use devspaces_tests::Persona;

use super::{compared, creates_space};
use crate::calls::{Entry, GaveUp, Load};

const TERMS: &str = "devspaces.billing.v1.BillingAccountService/GetTerms";
const CONSENT: &str = "devspaces.billing.v1.BillingAccountService/ConsentToInvoicing";
const SET_PAYMENT: &str = "devspaces.billing.v1.BillingAccountService/SetPaymentMethod";
const ADD: &str = "devspaces.billing.v1.BillingAccountService/AddBillingAdmins";
const REMOVE: &str = "devspaces.billing.v1.BillingAccountService/RemoveBillingAdmin";
pub(crate) const GET: &str = "devspaces.billing.v1.BillingAccountService/GetBillingAccount";
const LIST: &str = "devspaces.billing.v1.BillingAccountService/ListBillingAdmins";

/// What must be known of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    account: String,
    last_four: String,
    admins: Vec<String>,
}

/// Opens accounts, sets how they are paid, adds a billing admin and removes each other.
pub(crate) struct Accounts {
    who: Persona,
    friend: Persona,
    rows: Vec<Row>,
}

impl Accounts {
    #[expect(clippy::unused_async, reason = "as the other writers")]
    pub(super) async fn new(load: &Load) -> Result<Self, GaveUp> {
        Ok(Self { who: load.somebody(), friend: load.somebody(), rows: Vec::new() })
    }

    pub(super) async fn step(&mut self, load: &Load) -> Result<(), GaveUp> {
        let (who, friend) = (&self.who, &self.friend);
        let space = creates_space(load, who).await?.name;
        let account = consents(load, who, &space).await?;
        let at = self.rows.len();
        self.rows.push(Row {
            account: account.clone(),
            last_four: String::new(),
            admins: vec![who.name.clone()],
        });
        let last_four = format!("{:04}", at % 10_000);
        let payment_method = Some(PaymentMethod {
            token: load.word(),
            brand: "Visa".into(),
            last_four: last_four.clone(),
            expiry: "2099-04".into(),
            ..PaymentMethod::default()
        });
        let parent = account.clone();
        let request = SetPaymentMethodRequest { parent, payment_method, ..Default::default() };
        let call = async |request| who.accounts().set_payment_method(request).await;
        load.acknowledged(SET_PAYMENT, request, call, |_| Entry::of(who, &space, &account)).await?;
        self.rows[at].last_four = last_four;
        adds_admin(load, who, &space, friend).await?;
        self.rows[at].admins.push(friend.name.clone());
        if at % 2 == 1 {
            removes_admin(load, who, &space, friend).await?;
            self.rows[at].admins.pop();
        }
        Ok(())
    }

    pub(super) async fn differences(&self, load: &Load) -> Result<Vec<String>, GaveUp> {
        let mut found = Vec::new();
        for Row { account, .. } in &self.rows {
            let request = GetBillingAccountRequest { name: account.clone() };
            let call = async |request| self.who.accounts().get_billing_account(request).await;
            let payment = load.answered(GET, request, call).await?.payment_method;
            let last_four = payment.map(|payment| payment.last_four).unwrap_or_default();
            let request = ListBillingAdminsRequest { parent: account.clone(), ..Default::default() };
            let call = async |request| self.who.accounts().list_billing_admins(request).await;
            let admins = load.answered(LIST, request, call).await?.admins;
            let mut admins: Vec<_> = admins.into_iter().map(|admin| admin.user).collect();
            admins.sort_unstable();
            found.push(Row { account: account.clone(), last_four, admins });
        }
        let mut expected = self.rows.clone();
        for row in &mut expected {
            row.admins.sort_unstable();
        }
        Ok(compared("accounts", &expected, &found))
    }
}

/// Opens a space's account; gives its name.
pub(crate) async fn consents(load: &Load, who: &Persona, space: &str) -> Result<String, GaveUp> {
    let call = async |request| who.accounts().get_terms(request).await;
    let terms_version = load.answered(TERMS, GetTermsRequest {}, call).await?.version;
    let request = ConsentToInvoicingRequest { parent: space.to_owned(), terms_version, ..Default::default() };
    let call = async |request| who.accounts().consent_to_invoicing(request).await;
    let account = load.acknowledged(CONSENT, request, call, |account| Entry::of(who, space, &account.name));
    Ok(account.await?.name)
}

fn admin_of(space: &str, who: &Persona) -> String {
    format!("{space}/billingAccount/admins/{}", who.id())
}

/// Makes somebody billing admin.
pub(crate) async fn adds_admin(
    load: &Load,
    who: &Persona,
    space: &str,
    friend: &Persona,
) -> Result<(), GaveUp> {
    let (parent, users) = (format!("{space}/billingAccount"), vec![friend.name.clone()]);
    let request = AddBillingAdminsRequest { parent, users, ..AddBillingAdminsRequest::default() };
    let call = async |request| who.accounts().add_billing_admins(request).await;
    load.acknowledged(ADD, request, call, |_| Entry::of(who, space, admin_of(space, friend))).await.map(drop)
}

/// Takes that away.
pub(crate) async fn removes_admin(
    load: &Load,
    who: &Persona,
    space: &str,
    friend: &Persona,
) -> Result<(), GaveUp> {
    let name = admin_of(space, friend);
    let request = RemoveBillingAdminRequest { name: name.clone(), ..RemoveBillingAdminRequest::default() };
    let call = async |request| who.accounts().remove_billing_admin(request).await;
    load.acknowledged(REMOVE, request, call, |_| Entry::of(who, space, &name)).await.map(drop)
}
