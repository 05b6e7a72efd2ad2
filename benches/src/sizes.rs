//! What is stored for each thing that is made, changed or reported, in bytes with indexes, over the databases of all services.
use std::collections::BTreeMap;

use devspaces::Service;
use devspaces_kit::clock::Clock as _;
use devspaces_ledger::{db::Pool, on};
use devspaces_proto::{
    billing::v1::{ConsentToInvoicingRequest, GetTermsRequest, ReportUsageRequest, RunBillingRequest},
    membership::v1::{AddMembersRequest, ConsoleRole, Member, RemoveMemberRequest, UpdateMemberRequest},
    space::v1::{AddContributorsRequest, Contributor, ContributorRole},
};
use devspaces_tests::{Engine, Persona, Suite, sql};
use prost_types::FieldMask;

use crate::usage;

/// How many of each thing there come to be: enough for the pages that tables and indexes begin with not to count.
const THINGS: usize = 1_000;
/// Who makes spaces: one person may make a hundred.
const MAKERS: usize = 20;
/// Contributors of an app: the most that one call adds.
const CONTRIBUTORS: usize = 10;
/// Batches of a thousand usage events.
const BATCHES: usize = 20;
/// The most tables that a line names.
const NAMED: usize = 4;

/// Bytes of each table, with its indexes, as "service.table"; on SQLite, of each database.
type Sizes = BTreeMap<String, i64>;

pub(crate) async fn run(engine: Engine) {
    let suite = Suite::start(engine).await;
    let mut meter = Meter::begin(&suite).await;
    let (apps, space) = spaces_and_apps(&suite, &mut meter).await;
    people(&suite, &mut meter, &space).await;
    contributors(&suite, &mut meter, &apps).await;
    money(&suite, &mut meter, &apps).await;
}

/// What the databases hold, and by how much that has grown.
struct Meter {
    pools: Vec<(Service, Pool)>,
    last: Sizes,
}

impl Meter {
    async fn begin(suite: &Suite) -> Self {
        let mut pools = Vec::new();
        for service in Service::ALL {
            pools.push((service, suite.pool(service).await));
        }
        let last = sizes(&pools).await;
        Self { pools, last }
    }

    /// Tells what each of so many things has added since the last time.
    async fn tell(&mut self, what: &str, things: usize) {
        let now = sizes(&self.pools).await;
        let things = i64::try_from(things).expect("few");
        let grown = |(table, size): (&String, &i64)| {
            (table.clone(), (size - self.last.get(table).copied().unwrap_or_default()) / things)
        };
        let mut grown: Vec<_> = now.iter().map(grown).collect();
        grown.sort_by_key(|(_, size)| -size);
        let all: i64 = grown.iter().map(|(_, size)| size).sum();
        let most = grown.iter().filter(|(_, size)| *size > 0).take(NAMED);
        let most: Vec<_> = most.map(|(table, size)| format!("{table} {size}")).collect();
        println!("  {what}: {all} bytes, of which {}", most.join(", "));
        self.last = now;
    }
}

async fn sizes(pools: &[(Service, Pool)]) -> Sizes {
    let mut sizes = Sizes::new();
    for (service, pool) in pools {
        sql::settle(pool).await;
        for (table, size) in of_tables(pool).await {
            sizes.insert(format!("{service}.{table}"), size);
        }
    }
    sizes
}

async fn of_tables(pool: &Pool) -> Vec<(String, i64)> {
    let query = match pool {
        Pool::Sqlite { .. } => {
            "SELECT 'all', (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)
                 - (SELECT freelist_count FROM pragma_freelist_count) * (SELECT page_size FROM pragma_page_size)"
        }
        Pool::Postgres(_) => {
            "SELECT c.relname::TEXT, pg_total_relation_size(c.oid) FROM pg_class c
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'"
        }
    };
    let mut db = pool.read().await.expect("a connection");
    on!(db, |c| sqlx::query_as(query).fetch_all(c).await).expect("sizes")
}

async fn spaces_and_apps(suite: &Suite, meter: &mut Meter) -> (Vec<String>, String) {
    let makers: Vec<_> = (0..MAKERS).map(|number| suite.user(&format!("maker{number}"))).collect();
    let maker = |number: usize| &makers[number % MAKERS];
    let (mut spaces, mut apps) = (Vec::with_capacity(THINGS), Vec::with_capacity(THINGS));
    for number in 0..THINGS {
        spaces.push(maker(number).creates_space("Team").await);
    }
    meter.tell("a space with its first Admin", THINGS).await;
    for (number, space) in spaces.iter().enumerate() {
        apps.push(maker(number).creates_app(space).await);
    }
    meter.tell("an app with its first contributor", THINGS).await;
    for (number, space) in spaces.iter().enumerate() {
        consents(maker(number), space).await;
    }
    meter.tell("a billing account", THINGS).await;
    (apps, spaces.remove(0))
}

async fn consents(who: &Persona, space: &str) {
    let terms = who.accounts().get_terms(GetTermsRequest {}).await.expect("the terms").into_inner();
    let request = ConsentToInvoicingRequest {
        parent: space.to_owned(),
        terms_version: terms.version,
        ..ConsentToInvoicingRequest::default()
    };
    who.accounts().consent_to_invoicing(request).await.expect("an account");
}

async fn people(suite: &Suite, meter: &mut Meter, space: &str) {
    let admin = suite.user("maker0");
    for remembered in [false, true] {
        for number in 0..THINGS {
            let user = format!("users/person{remembered}{number}");
            let member = Member { user, role: ConsoleRole::Viewer.into(), ..Member::default() };
            let request_id = if remembered { suite.request_id() } else { String::new() };
            let request = AddMembersRequest { parent: space.to_owned(), members: vec![member], request_id };
            admin.members().add_members(request).await.expect("added");
        }
        let how = if remembered { ", with a request_id" } else { "" };
        meter.tell(&format!("a member{how}"), THINGS).await;
    }
    for number in 0..THINGS {
        let name = format!("{space}/members/personfalse{number}");
        let member = Member { name, role: ConsoleRole::Developer.into(), ..Member::default() };
        let update_mask = Some(FieldMask { paths: vec!["role".to_owned()] });
        let request =
            UpdateMemberRequest { member: Some(member), update_mask, ..UpdateMemberRequest::default() };
        admin.members().update_member(request).await.expect("changed");
    }
    meter.tell("a change of a member's role", THINGS).await;
    for number in 0..THINGS {
        let name = format!("{space}/members/personfalse{number}");
        let request = RemoveMemberRequest { name, ..RemoveMemberRequest::default() };
        admin.members().remove_member(request).await.expect("removed");
    }
    meter.tell("a removal of a member", THINGS).await;
}

async fn contributors(suite: &Suite, meter: &mut Meter, apps: &[String]) {
    for (number, app) in apps.iter().enumerate().take(THINGS / CONTRIBUTORS) {
        let contributors = (0..CONTRIBUTORS).map(|person| Contributor {
            user: format!("users/contributor{person}"),
            role: ContributorRole::Developer.into(),
            ..Contributor::default()
        });
        let request = AddContributorsRequest {
            parent: app.clone(),
            contributors: contributors.collect(),
            ..AddContributorsRequest::default()
        };
        let maker = suite.user(&format!("maker{}", number % MAKERS));
        maker.apps().add_contributors(request).await.expect("added");
    }
    meter.tell(&format!("a contributor, {CONTRIBUTORS} at a time"), THINGS).await;
}

async fn money(suite: &Suite, meter: &mut Meter, apps: &[String]) {
    suite.clock.advance_to(&format!("{}-10T12:00:00Z", next_month(suite)));
    bills(suite).await;
    meter.tell("an invoice of nothing", THINGS).await;
    usage::makes_meters(suite).await;
    meter.last = sizes(&meter.pools).await;
    let metering = suite.persona("services/metering");
    for (what, apps, first) in [("a thousand spaces", apps, 0), ("one space", &apps[..1], BATCHES)] {
        for batch in first..first + BATCHES {
            let events = usage::batch(suite, apps, batch);
            usage::report(&metering, ReportUsageRequest { events, ..ReportUsageRequest::default() }).await;
        }
        meter.tell(&format!("a usage event, in batches of {what}"), BATCHES * usage::BATCH).await;
    }
    suite.clock.advance_to(&format!("{}-03T00:00:00Z", next_month(suite)));
    bills(suite).await;
    meter.tell("an invoice", THINGS).await;
}

/// Issues whatever is due.
async fn bills(suite: &Suite) {
    let billing = suite.persona("services/billing-run");
    loop {
        let request = RunBillingRequest::default();
        let ran = billing.invoices().run_billing(request).await.expect("a run").into_inner();
        assert_eq!(ran.failed, 0, "every account can be billed");
        if ran.remaining == 0 {
            break;
        }
    }
}

/// The month after that of the clock: "2027-01".
fn next_month(suite: &Suite) -> String {
    let now = suite.clock.now().to_string();
    let number = |digits: &str| digits.parse::<u32>().expect("a number");
    let (year, month) = (number(&now[..4]), number(&now[5..7]));
    format!("{:04}-{:02}", year + month / 12, month % 12 + 1)
}
