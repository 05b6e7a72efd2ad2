//! What the journals tell of it.
use devspaces::Service;
use devspaces_proto::journal::v1::VerifyScopeRequest;
use devspaces_tests::Suite;
use serde_json::{Value, json};

use super::{customer, past_due};
use crate::acts::{
    journal::{entries_of, json_of, lists_entries},
    payments::pays,
};

scenarios! {
    both engines:
        the_journals_of_the_app_and_its_space_tell_for_which_invoice;
}

// R-J1, R-E6
async fn the_journals_of_the_app_and_its_space_tell_for_which_invoice(suite: Suite) {
    let it = customer(&suite).await;
    let invoice = past_due(&suite, &it).await;
    pays(&suite, &invoice).await.expect("reported");
    for (scope, told) in [(&it.app, "suspended_for"), (&it.space, "apps")] {
        let entries = lists_entries(&it.admin, Service::Space, entries_of(scope)).await;
        let of_billing = entries
            .iter()
            .filter(|entry| entry.actor == "services/billing")
            .filter(|entry| entry.method.ends_with("InvoiceService/ReportPaymentAttempt"));
        let said: Vec<Value> = of_billing
            .map(|entry| {
                assert_eq!(entry.on_behalf_of, "services/payments");
                assert_eq!(entry.resources, [it.app.as_str()]);
                let after = json_of(entry.after.as_ref().expect("after"));
                json!([after[told], after["reason"], after["source"], after["suspended"]])
            })
            .collect();
        let values = if told == "apps" { [json!(1.0), json!(1.0)] } else { [json!(["PAST_DUE"]), json!([])] };
        let [suspended, lifted] = values;
        let expected =
            [json!([suspended, "PAST_DUE", invoice, true]), json!([lifted, "PAST_DUE", invoice, false])];
        assert_eq!(said, expected, "{scope}");
        let request = VerifyScopeRequest { scope: scope.clone() };
        let verified = it.admin.journal(Service::Space).verify_scope(request).await;
        let verified = verified.expect("verified").into_inner().verifications;
        assert!(!verified.is_empty() && verified.iter().all(|it| it.findings.is_empty()));
    }
    let billed = lists_entries(&it.admin, Service::Billing, entries_of(&it.space)).await;
    let suspends: Vec<_> = billed
        .iter()
        .filter(|entry| entry.method.ends_with("ReportPaymentAttempt"))
        .map(|entry| json_of(entry.after.as_ref().expect("after"))["invoice"]["suspends"].clone())
        .collect();
    let expected = [false, false, false, false, false, true, false].map(Value::from);
    assert_eq!(suspends, expected);
}
