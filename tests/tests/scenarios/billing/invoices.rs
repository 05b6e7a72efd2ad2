//! Invoices: when they are made and issued, what they say, who reads them, and that what is issued never changes.
use devspaces::Service;
use devspaces_kit::clock::Timestamp;
use devspaces_proto::billing::v1::{
    CreateRateCardRequest, ListInvoicesRequest, ListRateCardsRequest, RateCard, RunBillingRequest,
    UsageEvent, invoice::State,
};
use devspaces_tests::{Suite, refused, sql, suite::eventually};
use tonic::Code;

use crate::acts::{
    accounts::account_of,
    apps::deletes_app,
    invoices::{
        Customer, credits_invoice, exports, gets_invoice, line_numbers, lists_invoices, previews_invoice,
        runs_billing, timestamp, usd,
    },
    members::{ADMIN, adds_members},
    spaces::{archives_space, deletes_space, gets_space},
    usage::{LOGS_GB, SQL_REQUESTS, begins_mid_month, month_ahead, new_usage_event, reports_accepted},
};

scenarios! {
    both engines:
        a_month_is_drafted_on_the_1st_and_issued_on_the_3rd_and_then_stays,
        an_account_has_an_invoice_for_each_month_from_its_birth,
        the_database_itself_keeps_what_is_issued,
        only_billing_admins_read_invoices,
        invoices_outlive_their_space,
        an_invoice_is_exported_as_csv,
        each_month_has_its_own_prices;
}

/// A minute before a time.
fn minute_before(time: &str) -> String {
    let time: Timestamp = time.parse().expect("a time");
    Timestamp::from_micros(time.micros() - 60_000_000).to_string()
}

// R-B7, R-B8
async fn a_month_is_drafted_on_the_1st_and_issued_on_the_3rd_and_then_stays(suite: Suite) {
    let (this, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let early = new_usage_event(&suite, &it.app, LOGS_GB, "3.5");
    let late = new_usage_event(&suite, &it.app, LOGS_GB, "1");
    let later = new_usage_event(&suite, &it.app, LOGS_GB, "0.25");
    reports_accepted(&suite, early).await;
    suite.clock.advance_to(&minute_before(&format!("{next}-01T00:00:00Z")));
    runs_billing(&suite).await;
    assert_eq!(it.invoices().await, []);

    suite.clock.advance_to(&format!("{next}-01T00:00:00Z"));
    runs_billing(&suite).await;
    let draft = it.latest().await;
    assert_eq!((draft.state(), draft.number, draft.month.as_str()), (State::Draft, 0, this.as_str()));
    // 3.5 less 1 that is free, at 1.005.
    assert_eq!(line_numbers(&draft.lines[0]), ["3.5", "1", "2.5", "1.005", "2.5125"]);
    assert_eq!((draft.total.clone(), draft.amount_due, draft.issue_time), (usd(251), usd(251), None));
    reports_accepted(&suite, late).await;
    suite.clock.advance_to(&minute_before(&format!("{next}-03T00:00:00Z")));
    runs_billing(&suite).await;
    let changed = it.latest().await;
    assert_eq!((changed.state(), &changed.name), (State::Draft, &draft.name));
    // 3.5 at 1.005 is 3.5175.
    assert_eq!((line_numbers(&changed.lines[0])[4], changed.total), ("3.5175", usd(352)));

    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let issued = it.latest().await;
    assert_eq!((issued.state(), issued.number, &issued.name), (State::Open, 1, &draft.name));
    assert_eq!((&issued.total, &issued.amount_due), (&usd(352), &usd(352)));
    assert_eq!((issued.next_attempt_time, issued.failed_attempts), (issued.issue_time, 0));
    assert!(issued.issue_time.is_some() && !issued.lines[0].adjustment);

    reports_accepted(&suite, later).await;
    assert_eq!(gets_invoice(&it.admin, &issued.name).await.expect("the invoice"), issued);
    let preview = previews_invoice(&it.admin, &it.space).await.expect("a preview");
    assert_eq!((preview.month.as_str(), preview.name.as_str()), (next.as_str(), ""));
    assert_eq!((preview.lines[0].adjustment, preview.lines[0].usage_month.as_str()), (true, this.as_str()));
    // The allowance is used up.
    assert_eq!(line_numbers(&preview.lines[0]), ["0.25", "0", "0.25", "1.005", "0.25125"]);
    let after = month_ahead(&suite, 1);
    suite.clock.advance_to(&format!("{after}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let mut second = it.latest().await;
    // R-B16: what the first has of the same is told once the second is issued.
    let beside = second.lines[0].beside.take().expect("what was billed of it before");
    assert_eq!((beside.issued_quantity.as_str(), beside.issued_free_quantity.as_str()), ("4.5", "1"));
    assert_eq!((second.number, &second.lines, second.total), (2, &preview.lines, usd(25)));
    assert_eq!(gets_invoice(&it.admin, &issued.name).await.expect("the invoice"), issued);
}

// R-B7, R-B10
async fn an_account_has_an_invoice_for_each_month_from_its_birth(suite: Suite) {
    begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let months: Vec<String> = (0..5).map(|ahead| month_ahead(&suite, ahead)).collect();
    suite.clock.advance_to(&format!("{}-02T00:00:00Z", months[4]));
    runs_billing(&suite).await;
    let invoices = it.invoices().await;
    let told: Vec<_> = invoices.iter().map(|it| (it.month.as_str(), it.number, it.state())).collect();
    assert_eq!(
        told,
        [
            (months[3].as_str(), 0, State::Draft),
            (&months[2], 3, State::Paid),
            (&months[1], 2, State::Paid),
            (&months[0], 1, State::Paid),
        ]
    );
    for issued in &invoices[1..] {
        assert_eq!((issued.pay_time, issued.next_attempt_time), (issued.issue_time, None));
        assert_eq!((&issued.total, &issued.amount_due), (&usd(0), &usd(0)));
    }
    // In pages, nothing is skipped or repeated.
    let (mut paged, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListInvoicesRequest { parent: account_of(&it.space), page_size: 2, page_token };
        let page = it.admin.invoices().list_invoices(request).await.expect("a page").into_inner();
        paged.extend(page.invoices);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, invoices);
}

// R-B7: not even by who gets at the database.
async fn the_database_itself_keeps_what_is_issued(suite: Suite) {
    let (_, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    reports_accepted(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "11")).await;
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let issued = it.latest().await;
    credits_invoice(&suite, &issued.name, 100).await.expect("credited");
    let before = it.latest().await;
    let pool = suite.pool(Service::Billing).await;
    for statement in [
        "UPDATE issued_invoice SET total = '0'",
        "DELETE FROM issued_invoice",
        "UPDATE invoice_line SET free_quantity = '11'",
        "DELETE FROM invoice_line",
        "INSERT INTO invoice_line SELECT invoice, place + 1, app, tariff, usage_month, quantity, free_quantity,
               unit_price, rate_card_version FROM invoice_line",
        "UPDATE credit_note SET amount = '10'",
        "DELETE FROM credit_note",
    ] {
        assert!(sql::refuses(&pool, statement).await, "{statement}");
    }
    let of_this_engine: &[&str] = match suite.engine() {
        devspaces_tests::Engine::Sqlite => &[
            "REPLACE INTO issued_invoice SELECT invoice, space, number, issue_time, currency, '0' FROM issued_invoice",
            "REPLACE INTO invoice_line SELECT invoice, place, app, tariff, usage_month, quantity, quantity, unit_price,
                   rate_card_version FROM invoice_line",
            "REPLACE INTO credit_note SELECT space, number, invoice, '10', reason, create_time FROM credit_note",
        ],
        devspaces_tests::Engine::Postgres => {
            &["TRUNCATE issued_invoice", "TRUNCATE invoice_line", "TRUNCATE credit_note"]
        }
    };
    for statement in of_this_engine {
        assert!(sql::refuses(&pool, statement).await, "{statement}");
    }
    assert_eq!(it.latest().await, before);
}

// R-B11, least privilege: no other role of the space, and no service, reads invoices.
async fn only_billing_admins_read_invoices(suite: Suite) {
    let (_, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    let bob = suite.user("bob");
    adds_members(&it.admin, &it.space, &[(&bob, ADMIN)]).await.expect("added");
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let name = it.latest().await.name;
    let services = ["services/payments", "services/billing-run", "services/accounting"];
    let services = services.map(|service| suite.persona(service));
    for who in [&bob, &suite.user("mallory")].into_iter().chain(&services) {
        for refusal in [
            refused(lists_invoices(who, &it.space).await),
            refused(gets_invoice(who, &name).await),
            refused(previews_invoice(who, &it.space).await),
            refused(exports(who, &name).await),
        ] {
            assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
        }
    }
    for who in [&it.admin, &bob, &suite.persona("services/payments"), &suite.peer("space", "billing")] {
        let refusal = refused(who.invoices().run_billing(RunBillingRequest::default()).await);
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
    let other = Customer::new(&suite, "carol").await;
    let id = name.rsplit_once('/').expect("a name").1;
    let elsewhere = format!("{}/invoices/{id}", account_of(&other.space));
    assert_eq!(refused(gets_invoice(&other.admin, &elsewhere).await).code, Code::NotFound, "R-P3");
    assert_eq!(refused(gets_invoice(&it.admin, "invoices/x").await).fields, ["name"]);
    assert_eq!(gets_invoice(&it.admin, &name).await.expect("the invoice").name, name);
}

// R-B11, R-S6: nothing of the space is needed, and nobody else gains anything by its end.
async fn invoices_outlive_their_space(suite: Suite) {
    let (_, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let invoice = it.latest().await;
    deletes_app(&it.admin, &it.app).await.expect("deleted");
    archives_space(&it.admin, &it.space).await.expect("archived");
    deletes_space(&it.admin, &it.space).await.expect("deleted");
    suite.clock.advance(std::time::Duration::from_hours(24 * 31));
    eventually(async || gets_space(&it.admin, &it.space).await.err()).await;
    assert_eq!(gets_invoice(&it.admin, &invoice.name).await.expect("the invoice"), invoice);
    assert!(it.invoices().await.contains(&invoice));
    assert_eq!(exports(&it.admin, &invoice.name).await.expect("CSV").0.lines().count(), 2);
    assert_eq!(
        refused(gets_invoice(&suite.user("mallory"), &invoice.name).await).code,
        Code::PermissionDenied
    );
}

// R-B11
async fn an_invoice_is_exported_as_csv(suite: Suite) {
    let (this, next) = begins_mid_month(&suite);
    let it = Customer::new(&suite, "alice").await;
    reports_accepted(&suite, new_usage_event(&suite, &it.app, LOGS_GB, "3")).await;
    reports_accepted(&suite, new_usage_event(&suite, &it.app, SQL_REQUESTS, "100001")).await;
    suite.clock.advance_to(&format!("{next}-01T00:00:00Z"));
    runs_billing(&suite).await;
    let name = it.latest().await.name;
    let (draft, pieces) = exports(&it.admin, &name).await.expect("a draft");
    assert_eq!((pieces, draft.lines().count()), (1, 4));
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let (csv, _) = exports(&it.admin, &name).await.expect("CSV");
    let app = &it.app;
    assert_eq!(csv, [
        "record,number,month,app,meter,usage_month,quantity,free_quantity,billed_quantity,unit_price,amount,\
             currency,adjustment,rate_card_version,dimension,dimension_value,exempt\r\n".to_owned(),
        format!("LINE,1,{this},{app},{LOGS_GB},{this},3,1,2,1.005,2.01,USD,false,2,,,false\r\n"),
        format!("LINE,1,{this},{app},{SQL_REQUESTS},{this},100001,100000,1,0.000001929,0.000001929,USD,false,2,,,false\r\n"),
        format!("TOTAL,1,{this},,,,,,,,2.01,USD,,,,,\r\n"),
    ].concat());
}

// R-B6: a card in force from a month on changes that month, and none before it.
async fn each_month_has_its_own_prices(suite: Suite) {
    let (this, next) = (month_ahead(&suite, 5), month_ahead(&suite, 6));
    let it = Customer::new(&suite, "alice").await;
    let cards = it.admin.usage().list_rate_cards(ListRateCardsRequest::default()).await.expect("cards");
    let mut card: RateCard = cards.into_inner().rate_cards.remove(0);
    card.effective_month.clone_from(&next);
    for rate in &mut card.rates {
        "0".clone_into(&mut rate.allowance);
        "2".clone_into(&mut rate.unit_price);
    }
    let request = CreateRateCardRequest { rate_card: Some(card), request_id: String::new() };
    suite.persona("services/billing-run").usage().create_rate_card(request).await.expect("a card");
    suite.clock.advance_to(&format!("{this}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let last = UsageEvent {
        time: timestamp(&format!("{this}-28T23:59:59Z")),
        ..new_usage_event(&suite, &it.app, LOGS_GB, "3")
    };
    suite.clock.advance_to(&format!("{next}-01T00:00:01Z"));
    let first = UsageEvent {
        time: timestamp(&format!("{next}-01T00:00:00Z")),
        ..new_usage_event(&suite, &it.app, LOGS_GB, "3")
    };
    reports_accepted(&suite, last).await;
    reports_accepted(&suite, first).await;
    let preview = previews_invoice(&it.admin, &it.space).await.expect("a preview");
    assert_eq!(line_numbers(&preview.lines[0]), ["3", "0", "3", "2", "6"]);
    assert_eq!(preview.lines[0].rate_card_version, 3);
    let after = month_ahead(&suite, 1);
    suite.clock.advance_to(&format!("{after}-03T00:00:00Z"));
    runs_billing(&suite).await;
    let totals: Vec<_> = it.invoices().await.into_iter().map(|it| (it.month, it.total)).collect();
    assert_eq!(totals[..2], [(next, usd(600)), (this, usd(201))]);
}
