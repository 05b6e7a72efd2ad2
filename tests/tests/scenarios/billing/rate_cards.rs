//! Rate cards: what they say, and that a new one changes no month that has begun.
use std::time::Duration;

use devspaces_kit::clock::{Clock as _, Timestamp};
use devspaces_proto::billing::v1::{ListRateCardsRequest, RateCard};
use devspaces_tests::{Persona, Suite, refused};
use tonic::{Code, Status};

use crate::{
    acts::{
        rate_cards::{ANNOUNCED, card, creates},
        usage::{
            FUNCTION_GB_SECONDS, KVS_READ_GB, KVS_WRITE_GB, LOGS_GB, SQL_COMPUTE_HOURS, SQL_REQUESTS,
            SQL_STORAGE_GB_HOURS, month_ahead,
        },
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        a_card_is_for_a_month_to_come_and_listed_by_its_month,
        a_month_that_begins_within_the_notice_takes_no_card,
        every_bad_field_of_a_card_is_named,
        of_cards_at_once_for_one_month_there_is_one;
    everywhere:
        the_default_card_is_there_from_the_beginning_for_whoever_is_signed_in,
        a_card_is_made_by_a_service_that_may_run_billing;
}

async fn lists(who: &Persona, page_size: i32) -> Result<Vec<RateCard>, Status> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListRateCardsRequest { page_size, page_token };
        let page = who.usage().list_rate_cards(request).await?.into_inner();
        all.extend(page.rate_cards);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// In microseconds.
const DAY: i64 = 24 * 3600 * 1_000_000;

/// Moves the clock to where a month still takes a card, for half a minute: one is made 90 days before it begins.
fn advance_to_the_end_before(suite: &Suite, month: &str) {
    let start: Timestamp = format!("{month}-01T00:00:00Z").parse().expect("a time");
    let micros = start.micros() - suite.clock.now().micros() - 90 * DAY - 30_000_000;
    suite.clock.advance(Duration::from_micros(u64::try_from(micros).expect("a time to come")));
}

// R-B6
async fn the_default_card_is_there_from_the_beginning_for_whoever_is_signed_in(suite: Suite) {
    let cards = lists(&suite.user("anybody"), 0).await.expect("cards");
    let [card, first] = cards.as_slice() else { panic!("two cards, not {cards:?}") };
    let told = |card: &RateCard| (card.version, card.currency_code.clone(), card.effective_month.clone());
    assert_eq!(told(card), (2, "USD".to_owned(), "2026-07".to_owned()));
    assert_eq!(told(first), (1, "USD".to_owned(), "1970-01".to_owned()));
    let rates = |card: &RateCard| -> Vec<(String, String, String)> {
        card.rates.iter().map(|it| (it.meter.clone(), it.allowance.clone(), it.unit_price.clone())).collect()
    };
    let expected = |functions: &str| {
        [
            (FUNCTION_GB_SECONDS, functions, "0.000025"),
            (KVS_READ_GB, "0.1", "0.055"),
            (KVS_WRITE_GB, "0.1", "1.09"),
            (LOGS_GB, "1", "1.005"),
            (SQL_COMPUTE_HOURS, "1", "0.143"),
            (SQL_REQUESTS, "100000", "0.000001929"),
            (SQL_STORAGE_GB_HOURS, "730", "0.0007685"),
        ]
        .map(|(meter, allowance, price)| (meter.to_owned(), allowance.to_owned(), price.to_owned()))
    };
    assert_eq!(rates(first), expected("100000"));
    assert_eq!(rates(card), expected("200000"));
    let nobody = suite.bearer(&devspaces_kit::name::Principal::user("nobody"), None);
    assert_eq!(refused(lists(&nobody, 0).await).code, Code::Unauthenticated);
}

// R-B6
async fn a_card_is_for_a_month_to_come_and_listed_by_its_month(suite: Suite) {
    let biller = suite.persona("services/billing-run");
    let [far, near] = [ANNOUNCED + 2, ANNOUNCED].map(|ahead| month_ahead(&suite, ahead));
    let first = creates(&biller, card(&far, "0.000000000001")).await.expect("a card");
    assert_eq!((first.version, &first.effective_month), (3, &far));
    assert_eq!(
        (first.rates[0].allowance.as_str(), first.rates[0].unit_price.as_str()),
        ("1.5", "0.000000000001")
    );
    let second = creates(&biller, card(&near, "2")).await.expect("a card");
    assert_eq!(second.version, 4);
    let taken = refused(creates(&biller, card(&near, "3")).await);
    assert_eq!(taken.kind(), (Code::AlreadyExists, "RATE_CARD_EXISTS"));
    let cards = lists(&biller, 0).await.expect("cards");
    assert_eq!(cards[..2], [first.clone(), second.clone()]);
    assert_eq!(cards.iter().map(|card| card.version).collect::<Vec<_>>(), [3, 4, 2, 1]);
    for size in [1, 2, 3, 4] {
        assert_eq!(lists(&biller, size).await.expect("cards"), cards);
    }
}

// R-B6: a card is announced 90 days before, and no month that has begun is changed.
async fn a_month_that_begins_within_the_notice_takes_no_card(suite: Suite) {
    let biller = suite.persona("services/billing-run");
    for month in [month_ahead(&suite, 2), month_ahead(&suite, 0), "2020-01".into(), "1970-01".into()] {
        let refusal = refused(creates(&biller, card(&month, "1")).await);
        assert_eq!(refusal.fields, ["rate_card.effective_month"]);
    }
    let next = month_ahead(&suite, ANNOUNCED + 1);
    advance_to_the_end_before(&suite, &next);
    creates(&biller, card(&next, "1")).await.expect("a card, to the last moment");
    suite.clock.advance(Duration::from_mins(1));
    let refusal = refused(creates(&biller, card(&next, "2")).await);
    assert_eq!(
        refusal.bad_fields(),
        (Code::InvalidArgument, "INVALID_FIELD", vec!["rate_card.effective_month"])
    );
    assert_eq!(lists(&biller, 0).await.expect("cards").len(), 3);
}

// R-B6
async fn every_bad_field_of_a_card_is_named(suite: Suite) {
    let biller = suite.persona("services/billing-run");
    let fields = async |card| refused(creates(&biller, card).await).fields;
    assert_eq!(
        fields(RateCard::default()).await,
        ["rate_card.currency_code", "rate_card.effective_month", "rate_card.rates"],
    );
    let mut bad = card(&month_ahead(&suite, ANNOUNCED), "1");
    bad.currency_code = "EUR".into();
    bad.rates[0].allowance = "-1".into();
    bad.rates[1].unit_price = "0.0000000000001".into();
    bad.rates[2].meter = "meters/none".into();
    bad.rates[3].meter = SQL_COMPUTE_HOURS.into();
    bad.rates[6].unit_price = "1000000".into();
    assert_eq!(
        fields(bad).await,
        [
            "rate_card.currency_code",
            "rate_card.rates[0].allowance",
            "rate_card.rates[1].unit_price",
            "rate_card.rates[2].meter",
            "rate_card.rates[4].meter",
            "rate_card.rates[6].unit_price",
            "rate_card.rates",
        ],
    );
    let free = RateCard { rates: card("", "0").rates, ..card(&month_ahead(&suite, ANNOUNCED), "0") };
    assert_eq!(creates(&biller, free).await.expect("a card").rates[0].unit_price, "0");
}

// R-P7
async fn a_card_is_made_by_a_service_that_may_run_billing(suite: Suite) {
    for who in [suite.user("alice"), suite.persona("services/metering")] {
        let refusal = refused(creates(&who, card(&month_ahead(&suite, ANNOUNCED), "1")).await);
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
}

// R-B6: one card for a month, whoever is first.
async fn of_cards_at_once_for_one_month_there_is_one(suite: Suite) {
    let biller = suite.persona("services/billing-run");
    let rounds: u32 = rounds(10);
    for round in 1..=rounds {
        let month = month_ahead(&suite, ANNOUNCED + round);
        let making = ["1", "2", "3", "4"].map(|price| creates(&biller, card(&month, price)));
        let results = futures::future::join_all(making).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        for refusal in results.into_iter().filter(Result::is_err) {
            assert_eq!(refused(refusal).kind(), (Code::AlreadyExists, "RATE_CARD_EXISTS"));
        }
    }
    let versions: Vec<_> = lists(&biller, 0).await.expect("cards").iter().map(|card| card.version).collect();
    let last = i32::try_from(rounds).expect("few") + 2;
    assert_eq!(versions, (1..=last).rev().collect::<Vec<_>>(), "without gaps");
}
