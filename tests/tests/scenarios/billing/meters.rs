//! Meters: made, changed, retired and listed as data.
use devspaces_proto::billing::v1::{
    Dimension, ListMetersRequest, Meter, RetireMeterRequest, UpdateMeterRequest, usage_result::Rejection,
};
use devspaces_tests::{Persona, Suite, refused};
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::{
    acts::{
        meters::{creates_meter, dimension, free_text, meter},
        rate_cards::{ANNOUNCED, card, creates},
        usage::{ACCEPTED, METERS, new_usage_event, outcomes, rejected},
    },
    rounds::rounds,
};

scenarios! {
    both engines:
        a_meter_is_made_changed_and_retired,
        dimensions_grow_and_never_shrink,
        usage_of_before_the_retirement_is_taken_and_none_of_after,
        of_meters_made_at_once_with_one_id_there_is_one,
        a_card_and_a_meter_made_at_once_agree;
    everywhere:
        the_meters_of_the_beginning_are_listed_in_pages,
        every_bad_field_of_a_meter_is_named,
        a_meter_is_made_by_a_service_that_may_update_meters;
}

async fn lists(who: &Persona, page_size: i32) -> Result<Vec<Meter>, Status> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let page = who.usage().list_meters(ListMetersRequest { page_size, page_token }).await?.into_inner();
        all.extend(page.meters);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

async fn updates(suite: &Suite, meter: Meter, fields: &[&str]) -> Result<Meter, Status> {
    let paths: Vec<_> = fields.iter().map(ToString::to_string).collect();
    let request = UpdateMeterRequest {
        meter: Some(meter),
        update_mask: Some(FieldMask { paths }),
        request_id: String::new(),
    };
    let catalogue = suite.persona("services/catalogue");
    catalogue.usage().update_meter(request).await.map(tonic::Response::into_inner)
}

async fn retires(suite: &Suite, name: &str, etag: &str) -> Result<Meter, Status> {
    let request = RetireMeterRequest {
        name: name.to_owned(),
        etag: etag.to_owned(),
        request_id: String::new(),
        ..RetireMeterRequest::default()
    };
    let catalogue = suite.persona("services/catalogue");
    catalogue.usage().retire_meter(request).await.map(tonic::Response::into_inner)
}

// R-B6
async fn the_meters_of_the_beginning_are_listed_in_pages(suite: Suite) {
    let anybody = suite.user("anybody");
    let all = lists(&anybody, 0).await.expect("meters");
    assert_eq!(all.iter().map(|meter| meter.name.as_str()).collect::<Vec<_>>(), METERS);
    let units: Vec<_> = all.iter().map(|meter| meter.unit.as_str()).collect();
    assert_eq!(units, ["GB-s", "GB", "GB", "GB", "hours", "requests", "GB-hours"]);
    assert!(all.iter().all(|meter| meter.dimensions.is_empty() && meter.retire_time.is_none()));
    for size in [1, 3, 7, 8] {
        assert_eq!(lists(&anybody, size).await.expect("meters"), all);
    }
    let nobody = suite.bearer(&devspaces_kit::name::Principal::user("nobody"), None);
    assert_eq!(refused(lists(&nobody, 0).await).code, Code::Unauthenticated);
}

// R-B6
async fn a_meter_is_made_changed_and_retired(suite: Suite) {
    let dimensions = vec![free_text("job", 16), dimension("region", &["eu", "us"])];
    let asked = Meter { description: "Messages".into(), dimensions, ..meter("queue.messages", "messages") };
    let made = creates_meter(&suite, asked.clone()).await.expect("made");
    let told = |meter: &Meter| (meter.name.clone(), meter.unit.clone(), meter.dimensions.clone());
    assert_eq!((told(&made), &made.description), (told(&asked), &asked.description));
    assert_eq!((made.create_time, made.retire_time), (made.update_time, None));
    let again = refused(creates_meter(&suite, asked).await);
    assert_eq!(again.kind(), (Code::AlreadyExists, "METER_EXISTS"));

    let other = Meter { description: "Messages sent".into(), ..made.clone() };
    let changed = updates(&suite, other.clone(), &["description"]).await.expect("changed");
    assert_eq!((changed.description.as_str(), &changed.dimensions), ("Messages sent", &made.dimensions));
    assert_ne!(changed.etag, made.etag);
    let stale = refused(updates(&suite, other, &["description"]).await);
    assert_eq!(stale.kind(), (Code::Aborted, "ETAG_STALE"));
    let unit = refused(updates(&suite, Meter { unit: "GB".into(), ..changed.clone() }, &["unit"]).await);
    assert_eq!(unit.fields, ["update_mask"]);
    let unit = refused(updates(&suite, Meter { unit: "GB".into(), ..changed.clone() }, &[]).await);
    assert_eq!(unit.fields, ["meter.unit"]);

    assert_eq!(refused(retires(&suite, &made.name, &made.etag).await).kind(), (Code::Aborted, "ETAG_STALE"));
    let retired = retires(&suite, &made.name, "").await.expect("retired");
    assert_eq!((retired.retire_time, &retired.dimensions), (retired.update_time, &made.dimensions));
    let gone = (Code::FailedPrecondition, "METER_RETIRED");
    assert_eq!(refused(retires(&suite, &made.name, "").await).kind(), gone);
    let update = updates(&suite, Meter { etag: String::new(), ..retired.clone() }, &["description"]).await;
    assert_eq!(refused(update).kind(), gone);
    let taken = refused(creates_meter(&suite, meter("queue.messages", "messages")).await);
    assert_eq!(taken.kind(), (Code::AlreadyExists, "METER_EXISTS"), "an id is never used again");
    let listed = lists(&suite.user("anybody"), 0).await.expect("meters");
    assert!(listed.contains(&retired), "what is retired is listed");
    let none = refused(retires(&suite, "meters/none", "").await);
    assert_eq!(none.kind(), (Code::NotFound, "RESOURCE_NOT_FOUND"));
}

// R-B6: what events may have said stays.
async fn dimensions_grow_and_never_shrink(suite: Suite) {
    let dimensions = vec![free_text("job", 16), dimension("region", &["eu", "us"])];
    let made = creates_meter(&suite, Meter { dimensions, ..meter("queue.messages", "messages") }).await;
    let made = made.expect("made");
    let with = |dimensions: Vec<Dimension>| Meter { dimensions, etag: String::new(), ..made.clone() };
    for less in [
        vec![],
        vec![free_text("job", 16)],
        vec![free_text("job", 15), dimension("region", &["eu", "us"])],
        vec![free_text("job", 16), dimension("region", &["eu"])],
        vec![dimension("job", &["a"]), dimension("region", &["eu", "us"])],
    ] {
        let refusal = refused(updates(&suite, with(less), &["dimensions"]).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "INVALID_FIELD", vec!["meter.dimensions"]));
    }
    let more = vec![free_text("job", 17), dimension("region", &["ap", "eu", "us"]), free_text("tenant", 64)];
    let changed = updates(&suite, with(more.clone()), &["dimensions"]).await.expect("changed");
    assert_eq!(changed.dimensions, more);
}

// R-B6
async fn every_bad_field_of_a_meter_is_named(suite: Suite) {
    let fields = async |meter| refused(creates_meter(&suite, meter).await).fields;
    assert_eq!(fields(Meter::default()).await, ["meter.name", "meter.unit"]);
    let named = |values: &[&str]| dimension("region", values);
    for (bad, field) in [
        (meter("Queue", "messages"), "meter.name"),
        (meter("queue..messages", "messages"), "meter.name"),
        (meter("queue.messages", ""), "meter.unit"),
        (meter("queue.messages", &"x".repeat(33)), "meter.unit"),
        (Meter { description: "x".repeat(1001), ..meter("queue", "m") }, "meter.description"),
        (Meter { description: "4111 1111 1111 1111".into(), ..meter("queue", "m") }, "meter.description"),
        (
            Meter { dimensions: vec![dimension("Region", &["eu"])], ..meter("queue", "m") },
            "meter.dimensions[0].name",
        ),
        (
            Meter { dimensions: vec![named(&["eu"]), named(&["us"])], ..meter("queue", "m") },
            "meter.dimensions[1].name",
        ),
        (
            Meter { dimensions: vec![named(&["eu", "eu"])], ..meter("queue", "m") },
            "meter.dimensions[0].values[1]",
        ),
        (
            Meter { dimensions: vec![named(&["eu", ""])], ..meter("queue", "m") },
            "meter.dimensions[0].values[1]",
        ),
        (
            Meter { dimensions: vec![free_text("job", 0)], ..meter("queue", "m") },
            "meter.dimensions[0].max_length",
        ),
        (
            Meter { dimensions: vec![free_text("job", 65)], ..meter("queue", "m") },
            "meter.dimensions[0].max_length",
        ),
        (
            Meter { dimensions: vec![Dimension { max_length: 3, ..named(&["eu"]) }], ..meter("queue", "m") },
            "meter.dimensions[0].max_length",
        ),
        (
            Meter {
                dimensions: (0..11).map(|n| free_text(&format!("d{n}"), 1)).collect(),
                ..meter("queue", "m")
            },
            "meter.dimensions",
        ),
    ] {
        assert_eq!(fields(bad).await, [field]);
    }
}

// R-P7
async fn a_meter_is_made_by_a_service_that_may_update_meters(suite: Suite) {
    for who in
        [suite.user("alice"), suite.persona("services/metering"), suite.persona("services/billing-run")]
    {
        let request = devspaces_proto::billing::v1::CreateMeterRequest {
            meter: Some(meter("queue.messages", "messages")),
            ..Default::default()
        };
        let refusal = refused(who.usage().create_meter(request).await);
        assert_eq!(refusal.kind(), (Code::PermissionDenied, "PERMISSION_DENIED"));
    }
}

// R-B6: judged by the time of the usage, not by that of the report.
async fn usage_of_before_the_retirement_is_taken_and_none_of_after(suite: Suite) {
    let alice = suite.user("alice");
    let app = alice.creates_app(&alice.creates_space("Team").await).await;
    let name = "meters/queue.messages";
    let unknown = new_usage_event(&suite, &app, name, "1");
    assert_eq!(outcomes(&suite, &[unknown]).await, [rejected(Rejection::MeterUnknown)]);
    creates_meter(&suite, meter("queue.messages", "messages")).await.expect("made");
    let [first, second] = ["1", "2"].map(|quantity| new_usage_event(&suite, &app, name, quantity));
    assert_eq!(outcomes(&suite, std::slice::from_ref(&first)).await, [ACCEPTED]);
    suite.clock.advance(std::time::Duration::from_secs(1));
    retires(&suite, name, "").await.expect("retired");
    let after = new_usage_event(&suite, &app, name, "4");
    let known = (devspaces_proto::billing::v1::usage_result::Outcome::Duplicate, Rejection::Unspecified);
    let told = outcomes(&suite, &[first, second, after]).await;
    assert_eq!(told, [known, ACCEPTED, rejected(Rejection::MeterRetired)]);
}

// R-B6
async fn of_meters_made_at_once_with_one_id_there_is_one(suite: Suite) {
    for round in 0..rounds(10) {
        let making = (0..4).map(|_| creates_meter(&suite, meter(&format!("queue.round{round}"), "messages")));
        let results = futures::future::join_all(making).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        for refusal in results.into_iter().filter(Result::is_err) {
            assert_eq!(refused(refusal).kind(), (Code::AlreadyExists, "METER_EXISTS"));
        }
    }
}

// R-B6: a card prices every meter that there is when it is made, whichever comes first.
async fn a_card_and_a_meter_made_at_once_agree(suite: Suite) {
    let biller = suite.persona("services/billing-run");
    for round in 0..rounds(6) {
        let month = crate::acts::usage::month_ahead(&suite, ANNOUNCED + round);
        let id = format!("queue.round{round}");
        let whole = {
            let mut whole = card(&month, "1");
            let of = whole.rates[0].clone();
            let made = (0..round).map(|n| format!("meters/queue.round{n}"));
            whole.rates.extend(made.map(|meter| devspaces_proto::billing::v1::Rate { meter, ..of.clone() }));
            whole
        };
        let (made, priced) =
            tokio::join!(creates_meter(&suite, meter(&id, "messages")), creates(&biller, whole));
        made.expect("a meter");
        match priced {
            Ok(card) => assert!(card.rates.iter().all(|rate| rate.meter != format!("meters/{id}"))),
            Err(status) => assert_eq!(refused::<()>(Err(status)).fields, ["rate_card.rates"]),
        }
    }
}
