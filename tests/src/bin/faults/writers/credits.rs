use devspaces_proto::{
    billing::v1::{CreateCreditRequest, Credit, ListCreditsRequest, RunBillingRequest},
    r#type::v1::Money,
};
use devspaces_tests::Persona;

use super::{all_pages, compared, creates_space};
use crate::calls::{Entry, GaveUp, Load};

const CREATE: &str = "devspaces.billing.v1.InvoiceService/CreateCredit";
const LIST: &str = "devspaces.billing.v1.InvoiceService/ListCredits";
const RUN: &str = "devspaces.billing.v1.InvoiceService/RunBilling";

/// Grants an account credit, which is money, and runs billing each fourth time: there is nothing due, and it must end all the
/// same.
pub(crate) struct Credits {
    operator: Persona,
    admin: Persona,
    account: String,
    /// Why each was granted, and how many units.
    granted: Vec<(String, i64)>,
}

impl Credits {
    pub(super) async fn new(load: &Load) -> Result<Self, GaveUp> {
        let (operator, admin) = (load.service("operator"), load.somebody());
        let space = creates_space(load, &admin).await?.name;
        let account = super::accounts::consents(load, &admin, &space).await?;
        Ok(Self { operator, admin, account, granted: Vec::new() })
    }

    pub(super) async fn step(&mut self, load: &Load) -> Result<(), GaveUp> {
        let (reason, units) = (load.word(), 1 + i64::try_from(self.granted.len() % 100).unwrap_or_default());
        let amount = Money { currency_code: "USD".to_owned(), units, nanos: 0 };
        let credit = Some(Credit { amount: Some(amount), reason: reason.clone(), ..Credit::default() });
        let request = CreateCreditRequest { parent: self.account.clone(), credit, ..Default::default() };
        let call = async |request| self.operator.invoices().create_credit(request).await;
        let space = self.account.trim_end_matches("/billingAccount");
        load.acknowledged(CREATE, request, call, |_| Entry::of(&self.operator, space, "")).await?;
        self.granted.push((reason, units));
        if self.granted.len().is_multiple_of(4) {
            let request = RunBillingRequest { request_id: load.id() };
            let call = async |request| self.operator.invoices().run_billing(request).await;
            let reply = load.answered(RUN, request, call).await?;
            if reply.failed > 0 {
                load.tally().found(format!("{} accounts can't be billed", reply.failed));
            }
        }
        Ok(())
    }

    pub(super) async fn differences(&self, load: &Load) -> Result<Vec<String>, GaveUp> {
        let page = async |page_token| {
            let parent = self.account.clone();
            let request = ListCreditsRequest { parent, page_token, ..ListCreditsRequest::default() };
            let call = async |request| self.admin.invoices().list_credits(request).await;
            let reply = load.answered(LIST, request, call).await?;
            Ok((reply.credits, reply.next_page_token))
        };
        let found = all_pages(page).await?.into_iter();
        let units = |credit: &Credit| credit.amount.clone().unwrap_or_default().units;
        let mut found: Vec<_> = found.map(|credit| (credit.reason.clone(), units(&credit))).collect();
        found.reverse();
        Ok(compared("credit", &self.granted, &found))
    }
}
