//! Invoices: when they are made and issued, what they say, who reads them, and that what is issued never changes.
use devspaces::Service;
use devspaces_kit::clock::{Clock as _, Timestamp};
use devspaces_proto::billing::v1::{
    CreateRateCardRequest, ExportInvoiceRequest, GetInvoiceRequest, Invoice, InvoiceLine,
    ListInvoicesRequest, ListRateCardsRequest, Metric, PreviewInvoiceRequest, RateCard, RunBillingRequest,
    RunBillingResponse, UsageEvent, invoice::State,
};
use devspaces_proto::r#type::v1::Money;
use devspaces_tests::{Persona, Suite, refused, sql, suite::eventually};
use tonic::{Code, Status};

use crate::{
    apps::deletes as deletes_app,
    matrix::planes::consents,
    members::{ADMIN, adds},
    space_deletion::deletes,
    spaces::archives,
    usage::{ACCEPTED, account_of, outcomes},
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

/// A month, so many after that of the clock: "2027-01".
pub(crate) fn month(suite: &Suite, ahead: u32) -> String {
    let now = suite.clock.now().to_string();
    let number = |digits: &str| digits.parse::<u32>().expect("a number");
    let months = number(&now[..4]) * 12 + number(&now[5..7]) - 1 + ahead;
    format!("{:04}-{:02}", months / 12, months % 12 + 1)
}

/// Begins in the middle of a month, and gives its name and the next one's.
pub(crate) fn begins(suite: &Suite) -> (String, String) {
    let (this, next) = (month(suite, 1), month(suite, 2));
    suite.clock.advance_to(&format!("{this}-10T12:00:00Z"));
    (this, next)
}

/// A space with an account and an app, and its only person, who is billing admin.
pub(crate) struct Customer {
    pub(crate) admin: Persona,
    pub(crate) space: String,
    pub(crate) app: String,
}

impl Customer {
    pub(crate) async fn new(suite: &Suite, id: &str) -> Self {
        let admin = suite.user(id);
        let space = admin.creates_space("Team").await;
        consents(&admin, &space).await.expect("an account");
        let app = admin.creates_app(&space).await;
        Self { admin, space, app }
    }

    pub(crate) async fn invoices(&self) -> Vec<Invoice> {
        lists(&self.admin, &self.space).await.expect("invoices")
    }

    /// The invoice of the latest month, with its lines.
    pub(crate) async fn latest(&self) -> Invoice {
        let latest = self.invoices().await.into_iter().next().expect("an invoice");
        gets(&self.admin, &latest.name).await.expect("the invoice")
    }
}

/// An event of now, by a new id.
pub(crate) fn used(suite: &Suite, app: &str, metric: Metric, quantity: &str) -> UsageEvent {
    UsageEvent {
        id: suite.clock.new_id().to_string(),
        app: app.to_owned(),
        metric: metric.into(),
        quantity: quantity.to_owned(),
        time: Some(suite.clock_in(0)),
    }
}

/// Reports an event that must be accepted.
pub(crate) async fn reports(suite: &Suite, event: UsageEvent) {
    assert_eq!(outcomes(suite, &[event]).await, [ACCEPTED]);
}

/// Has everything billed that is due by now.
pub(crate) async fn bills(suite: &Suite) -> RunBillingResponse {
    let run = suite.persona("services/billing-run");
    run.invoices().run_billing(RunBillingRequest::default()).await.expect("a run").into_inner()
}

pub(crate) async fn lists(who: &Persona, space: &str) -> Result<Vec<Invoice>, Status> {
    let request = ListInvoicesRequest { parent: account_of(space), ..ListInvoicesRequest::default() };
    Ok(who.invoices().list_invoices(request).await?.into_inner().invoices)
}

pub(crate) async fn gets(who: &Persona, name: &str) -> Result<Invoice, Status> {
    let request = GetInvoiceRequest { name: name.to_owned(), ..Default::default() };
    who.invoices().get_invoice(request).await.map(tonic::Response::into_inner)
}

pub(crate) async fn previews(who: &Persona, space: &str) -> Result<Invoice, Status> {
    let request = PreviewInvoiceRequest { parent: account_of(space), ..Default::default() };
    who.invoices().preview_invoice(request).await.map(tonic::Response::into_inner)
}

/// An invoice as CSV, with the number of its pieces.
async fn exports(who: &Persona, name: &str) -> Result<(String, usize), Status> {
    let request = ExportInvoiceRequest { name: name.to_owned() };
    let mut pieces = who.invoices().export_invoice(request).await?.into_inner();
    let (mut csv, mut count) = (Vec::new(), 0);
    while let Some(piece) = pieces.message().await? {
        csv.extend(piece.csv);
        count += 1;
    }
    Ok((String::from_utf8(csv).expect("UTF-8"), count))
}

/// So many cents, in US dollars.
#[expect(clippy::unnecessary_wraps, reason = "fields of messages are compared with it")]
pub(crate) fn usd(cents: i64) -> Option<Money> {
    let nanos = i32::try_from(cents % 100).expect("cents") * 10_000_000;
    Some(Money { currency_code: "USD".to_owned(), units: cents / 100, nanos })
}

/// What a line says: quantity, free, billed, price, amount.
pub(crate) fn numbers(line: &InvoiceLine) -> [&str; 5] {
    [&line.quantity, &line.free_quantity, &line.billed_quantity, &line.unit_price, &line.amount]
}

#[expect(clippy::unnecessary_wraps, reason = "fields of messages are compared with it")]
pub(crate) fn at(time: &str) -> Option<prost_types::Timestamp> {
    Some(time.parse::<Timestamp>().expect("a time").into())
}

/// A minute before a time.
fn minute_before(time: &str) -> String {
    let time: Timestamp = time.parse().expect("a time");
    Timestamp::from_micros(time.micros() - 60_000_000).to_string()
}

// R-B7, R-B8
async fn a_month_is_drafted_on_the_1st_and_issued_on_the_3rd_and_then_stays(suite: Suite) {
    let (this, next) = begins(&suite);
    let it = Customer::new(&suite, "alice").await;
    let early = used(&suite, &it.app, Metric::LogsGb, "3.5");
    let late = used(&suite, &it.app, Metric::LogsGb, "1");
    let later = used(&suite, &it.app, Metric::LogsGb, "0.25");
    reports(&suite, early).await;
    suite.clock.advance_to(&minute_before(&format!("{next}-01T00:00:00Z")));
    bills(&suite).await;
    assert_eq!(it.invoices().await, []);

    suite.clock.advance_to(&format!("{next}-01T00:00:00Z"));
    bills(&suite).await;
    let draft = it.latest().await;
    assert_eq!((draft.state(), draft.number, draft.month.as_str()), (State::Draft, 0, this.as_str()));
    // 3.5 less 1 that is free, at 1.005.
    assert_eq!(numbers(&draft.lines[0]), ["3.5", "1", "2.5", "1.005", "2.5125"]);
    assert_eq!((draft.total.clone(), draft.amount_due, draft.issue_time), (usd(251), usd(251), None));
    reports(&suite, late).await;
    suite.clock.advance_to(&minute_before(&format!("{next}-03T00:00:00Z")));
    bills(&suite).await;
    let changed = it.latest().await;
    assert_eq!((changed.state(), &changed.name), (State::Draft, &draft.name));
    // 3.5 at 1.005 is 3.5175.
    assert_eq!((numbers(&changed.lines[0])[4], changed.total), ("3.5175", usd(352)));

    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    bills(&suite).await;
    let issued = it.latest().await;
    assert_eq!((issued.state(), issued.number, &issued.name), (State::Open, 1, &draft.name));
    assert_eq!((&issued.total, &issued.amount_due), (&usd(352), &usd(352)));
    assert_eq!((issued.next_attempt_time, issued.failed_attempts), (issued.issue_time, 0));
    assert!(issued.issue_time.is_some() && !issued.lines[0].adjustment);

    reports(&suite, later).await;
    assert_eq!(gets(&it.admin, &issued.name).await.expect("the invoice"), issued);
    let preview = previews(&it.admin, &it.space).await.expect("a preview");
    assert_eq!((preview.month.as_str(), preview.name.as_str()), (next.as_str(), ""));
    assert_eq!((preview.lines[0].adjustment, preview.lines[0].usage_month.as_str()), (true, this.as_str()));
    // The allowance is used up.
    assert_eq!(numbers(&preview.lines[0]), ["0.25", "0", "0.25", "1.005", "0.25125"]);
    let after = month(&suite, 1);
    suite.clock.advance_to(&format!("{after}-03T00:00:00Z"));
    bills(&suite).await;
    let second = it.latest().await;
    assert_eq!((second.number, &second.lines, second.total), (2, &preview.lines, usd(25)));
    assert_eq!(gets(&it.admin, &issued.name).await.expect("the invoice"), issued);
}

// R-B7, R-B10
async fn an_account_has_an_invoice_for_each_month_from_its_birth(suite: Suite) {
    begins(&suite);
    let it = Customer::new(&suite, "alice").await;
    let months: Vec<String> = (0..5).map(|ahead| month(&suite, ahead)).collect();
    suite.clock.advance_to(&format!("{}-02T00:00:00Z", months[4]));
    bills(&suite).await;
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
    let (_, next) = begins(&suite);
    let it = Customer::new(&suite, "alice").await;
    reports(&suite, used(&suite, &it.app, Metric::LogsGb, "11")).await;
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    bills(&suite).await;
    let issued = it.latest().await;
    crate::credit_notes::credits(&suite, &issued.name, 100).await.expect("credited");
    let before = it.latest().await;
    let pool = suite.pool(Service::Billing).await;
    for statement in [
        "UPDATE issued_invoice SET total = '0'",
        "DELETE FROM issued_invoice",
        "UPDATE invoice_line SET free_quantity = '11'",
        "DELETE FROM invoice_line",
        "INSERT INTO invoice_line SELECT invoice, place + 1, app, metric, usage_month, quantity, free_quantity,
               unit_price, rate_card_version FROM invoice_line",
        "UPDATE credit_note SET amount = '10'",
        "DELETE FROM credit_note",
    ] {
        assert!(sql::refuses(&pool, statement).await, "{statement}");
    }
    let of_this_engine: &[&str] = match suite.engine() {
        devspaces_tests::Engine::Sqlite => &[
            "REPLACE INTO issued_invoice SELECT invoice, space, number, issue_time, currency, '0' FROM issued_invoice",
            "REPLACE INTO invoice_line SELECT invoice, place, app, metric, usage_month, quantity, quantity, unit_price,
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
    let (_, next) = begins(&suite);
    let it = Customer::new(&suite, "alice").await;
    let bob = suite.user("bob");
    adds(&it.admin, &it.space, &[(&bob, ADMIN)]).await.expect("added");
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    bills(&suite).await;
    let name = it.latest().await.name;
    let services = ["services/payments", "services/billing-run", "services/accounting"];
    let services = services.map(|service| suite.persona(service));
    for who in [&bob, &suite.user("mallory")].into_iter().chain(&services) {
        for refusal in [
            refused(lists(who, &it.space).await),
            refused(gets(who, &name).await),
            refused(previews(who, &it.space).await),
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
    assert_eq!(refused(gets(&other.admin, &elsewhere).await).code, Code::NotFound, "R-P3");
    assert_eq!(refused(gets(&it.admin, "invoices/x").await).fields, ["name"]);
    assert_eq!(gets(&it.admin, &name).await.expect("the invoice").name, name);
}

// R-B11, R-S6: nothing of the space is needed, and nobody else gains anything by its end.
async fn invoices_outlive_their_space(suite: Suite) {
    let (_, next) = begins(&suite);
    let it = Customer::new(&suite, "alice").await;
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    bills(&suite).await;
    let invoice = it.latest().await;
    deletes_app(&it.admin, &it.app).await.expect("deleted");
    archives(&it.admin, &it.space).await.expect("archived");
    deletes(&it.admin, &it.space).await.expect("deleted");
    suite.clock.advance(std::time::Duration::from_hours(24 * 31));
    eventually(async || crate::spaces::gets(&it.admin, &it.space).await.err()).await;
    assert_eq!(gets(&it.admin, &invoice.name).await.expect("the invoice"), invoice);
    assert!(it.invoices().await.contains(&invoice));
    assert_eq!(exports(&it.admin, &invoice.name).await.expect("CSV").0.lines().count(), 2);
    assert_eq!(refused(gets(&suite.user("mallory"), &invoice.name).await).code, Code::PermissionDenied);
}

// R-B11
async fn an_invoice_is_exported_as_csv(suite: Suite) {
    let (this, next) = begins(&suite);
    let it = Customer::new(&suite, "alice").await;
    reports(&suite, used(&suite, &it.app, Metric::LogsGb, "3")).await;
    reports(&suite, used(&suite, &it.app, Metric::SqlRequests, "100001")).await;
    suite.clock.advance_to(&format!("{next}-01T00:00:00Z"));
    bills(&suite).await;
    let name = it.latest().await.name;
    let (draft, pieces) = exports(&it.admin, &name).await.expect("a draft");
    assert_eq!((pieces, draft.lines().count()), (1, 4));
    suite.clock.advance_to(&format!("{next}-03T00:00:00Z"));
    bills(&suite).await;
    let (csv, _) = exports(&it.admin, &name).await.expect("CSV");
    let app = &it.app;
    assert_eq!(csv, [
        "record,number,month,app,metric,usage_month,quantity,free_quantity,billed_quantity,unit_price,amount,\
             currency,adjustment,rate_card_version\r\n".to_owned(),
        format!("LINE,1,{this},{app},LOGS_GB,{this},3,1,2,1.005,2.01,USD,false,1\r\n"),
        format!("LINE,1,{this},{app},SQL_REQUESTS,{this},100001,100000,1,0.000001929,0.000001929,USD,false,1\r\n"),
        format!("TOTAL,1,{this},,,,,,,,2.01,USD,,\r\n"),
    ].concat());
}

// R-B6: a card in force from a month on changes that month, and none before it.
async fn each_month_has_its_own_prices(suite: Suite) {
    let (this, next) = begins(&suite);
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
    let last = UsageEvent {
        time: at(&format!("{this}-28T23:59:59Z")),
        ..used(&suite, &it.app, Metric::LogsGb, "3")
    };
    suite.clock.advance_to(&format!("{next}-01T00:00:01Z"));
    let first = UsageEvent {
        time: at(&format!("{next}-01T00:00:00Z")),
        ..used(&suite, &it.app, Metric::LogsGb, "3")
    };
    reports(&suite, last).await;
    reports(&suite, first).await;
    let preview = previews(&it.admin, &it.space).await.expect("a preview");
    assert_eq!(numbers(&preview.lines[0]), ["3", "0", "3", "2", "6"]);
    assert_eq!(preview.lines[0].rate_card_version, 2);
    let after = month(&suite, 1);
    suite.clock.advance_to(&format!("{after}-03T00:00:00Z"));
    bills(&suite).await;
    let totals: Vec<_> = it.invoices().await.into_iter().map(|it| (it.month, it.total)).collect();
    assert_eq!(totals, [(next, usd(600)), (this, usd(201))]);
}
