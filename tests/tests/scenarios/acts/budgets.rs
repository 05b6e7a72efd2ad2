//! Budgets of spaces and of apps, and caps.
use devspaces_proto::billing::v1::{
    Budget, GetBudgetRequest, ListBudgetsRequest, RemoveBudgetRequest, SetBudgetRequest,
};
use devspaces_tests::Persona;
use tonic::{Response, Status};

use crate::acts::accounts::{account_of, budget, sets_budget};

/// The name of a space's budget.
pub(crate) fn budget_of_space(space: &str) -> String {
    format!("{}/budgets/space", account_of(space))
}

/// The name of an app's budget.
pub(crate) fn budget_of_app(space: &str, app: &str) -> String {
    format!("{}/budgets/{}", account_of(space), app.strip_prefix("apps/").expect("an app"))
}

/// A budget of so many cents that is a cap; of this app, or of the space where it is empty.
pub(crate) fn cap(cents: i32, app: &str) -> Budget {
    let amount = budget((cents / 100).into(), cents % 100 * 10_000_000, &[]);
    Budget { cap: true, app: app.to_owned(), ..amount }
}

/// Sets a cap of so many cents, which must be taken.
pub(crate) async fn caps(who: &Persona, space: &str, app: &str, cents: i32) -> Budget {
    sets_budget(who, space, cap(cents, app)).await.expect("set")
}

/// The request that sets a cap of a space.
pub(crate) fn capping(space: &str, cents: i32, request_id: &str) -> SetBudgetRequest {
    let (budget, request_id) = (Some(cap(cents, "")), request_id.to_owned());
    SetBudgetRequest { parent: account_of(space), budget, request_id, ..SetBudgetRequest::default() }
}

pub(crate) async fn gets_budget_named(who: &Persona, name: &str) -> Result<Budget, Status> {
    let request = GetBudgetRequest { name: name.to_owned() };
    who.accounts().get_budget(request).await.map(Response::into_inner)
}

pub(crate) async fn removes_budget(who: &Persona, name: &str) -> Result<(), Status> {
    let request = RemoveBudgetRequest { name: name.to_owned(), ..RemoveBudgetRequest::default() };
    who.accounts().remove_budget(request).await.map(drop)
}

/// The budgets of a space, page by page.
pub(crate) async fn lists_budgets(who: &Persona, space: &str) -> Result<Vec<Budget>, Status> {
    let mut request =
        ListBudgetsRequest { parent: account_of(space), page_size: 2, page_token: String::new() };
    let mut budgets = Vec::new();
    loop {
        let page = who.accounts().list_budgets(request.clone()).await?.into_inner();
        assert!(page.budgets.len() <= 2);
        budgets.extend(page.budgets);
        if page.next_page_token.is_empty() {
            return Ok(budgets);
        }
        request.page_token = page.next_page_token;
    }
}
