//! Pages of the journal neither skip nor repeat, and are bounded.
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use devspaces::Service;
use devspaces_proto::journal::v1::{Entry, ListEntriesRequest, ListEntriesResponse};
use devspaces_tests::{Engine, Persona, Suite, refused, sql::tamper, suite::eventually};
use tonic::Code;

use crate::acts::{
    journal::{entries_of, history_of_members, lists_entries, page_of_entries, sequences},
    members::{VIEWER, adds_members},
    spaces::renames_space,
};

scenarios! {
    both engines:
        pages_of_several_services_skip_and_repeat_nothing,
        a_long_journal_is_read_in_bounded_pages;
    everywhere:
        pages_skip_and_repeat_nothing_while_others_write,
        a_page_token_is_for_the_list_that_gave_it;
}

/// Every page of a list, of three entries each, until it has so many, while others write.
async fn pages_until(who: &Persona, port: Service, space: &str, wanted: usize) -> Vec<Entry> {
    let (mut request, mut read) = (ListEntriesRequest { page_size: 3, ..entries_of(space) }, Vec::new());
    while read.len() < wanted {
        let page = page_of_entries(who, port, request.clone()).await.expect("a page");
        // The end so far: what comes later is found from the last token on.
        let Some(next) = Some(page.next_page_token).filter(|token| !token.is_empty()) else {
            tokio::task::yield_now().await;
            continue;
        };
        read.extend(page.entries);
        request.page_token = next;
    }
    read
}

/// Writers who rename a space and add to it, each so many times, until all is done.
fn write(suite: &Suite, space: &str, writers: usize, times: usize, done: &Arc<AtomicU64>) {
    for writer in 0..writers {
        let (alice, space, done) = (suite.user("alice"), space.to_owned(), done.clone());
        let people: Vec<_> = (0..times).map(|time| suite.user(&format!("p{writer}-{time}"))).collect();
        tokio::spawn(async move {
            for person in people {
                renames_space(&alice, &space, person.id()).await;
                adds_members(&alice, &space, &[(&person, VIEWER)]).await.expect("added");
                done.fetch_add(2, Ordering::SeqCst);
            }
        });
    }
}

// R-J3
async fn pages_of_several_services_skip_and_repeat_nothing(engine: Engine) {
    let suite = Suite::start_on_one_port(engine).await;
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let done = Arc::default();
    write(&suite, &space, 4, 20, &done);
    // One entry of each service is the creation's. The last page has no token to go on from.
    let read = pages_until(&alice, Service::Space, &space, 2 + 160 - 3).await;
    eventually(async || (done.load(Ordering::SeqCst) == 160).then_some(())).await;
    let all =
        lists_entries(&alice, Service::Space, ListEntriesRequest { page_size: 7, ..entries_of(&space) })
            .await;
    assert_eq!(all.len(), 2 + 160);
    for service in ["space", "membership"] {
        let of_service = |entries: &[Entry]| -> Vec<i64> {
            entries.iter().filter(|entry| entry.service == service).map(|entry| entry.sequence).collect()
        };
        assert_eq!(of_service(&all), (1..=81).collect::<Vec<_>>(), "{service}");
        let read = of_service(&read);
        assert_eq!(read, (1..=i64::try_from(read.len()).expect("few")).collect::<Vec<_>>(), "{service}");
    }
    let key = |entry: &Entry| (entry.time.map(|time| (time.seconds, time.nanos)), entry.service.clone());
    assert!(all.is_sorted_by_key(key), "by time, then by service");
    let membership = lists_entries(
        &alice,
        Service::Space,
        ListEntriesRequest { service: "membership".into(), ..entries_of(&space) },
    );
    assert!(membership.await.iter().all(|entry| entry.service == "membership"));
}

// R-J3
async fn pages_skip_and_repeat_nothing_while_others_write(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let done = Arc::default();
    write(&suite, &space, 4, 10, &done);
    let read = pages_until(&alice, Service::Space, &space, 1 + 40 - 3).await;
    let expected: Vec<_> = (1..).take(read.len()).collect();
    assert_eq!(sequences(&read), expected);
    eventually(async || (done.load(Ordering::SeqCst) == 80).then_some(())).await;
    for page_size in [1, 2, 40, 41, 42, 0] {
        let read =
            lists_entries(&alice, Service::Space, ListEntriesRequest { page_size, ..entries_of(&space) })
                .await;
        assert_eq!(sequences(&read), (1..=41).collect::<Vec<_>>(), "pages of {page_size}");
    }
    let whole =
        page_of_entries(&alice, Service::Space, ListEntriesRequest { page_size: 41, ..entries_of(&space) })
            .await
            .expect("a page");
    assert_eq!(
        (whole.entries.len(), whole.next_page_token.as_str()),
        (41, ""),
        "no page follows that is empty"
    );
}

// R-J3
async fn a_page_token_is_for_the_list_that_gave_it(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let other = alice.creates_space("Other").await;
    let list = ListEntriesRequest { page_size: 1, ..entries_of(&space) };
    let page_token =
        page_of_entries(&alice, Service::Membership, list.clone()).await.expect("a page").next_page_token;
    let list = ListEntriesRequest { page_token, ..list };
    let larger = ListEntriesRequest { page_size: 3, ..list.clone() };
    assert_eq!(
        sequences(&page_of_entries(&alice, Service::Membership, larger).await.expect("a page").entries),
        [2, 3, 4]
    );
    for changed in [
        ListEntriesRequest { parent: other, ..list.clone() },
        ListEntriesRequest { service: "membership".into(), ..list.clone() },
        ListEntriesRequest { start_time: Some(suite.clock_in(0)), ..list.clone() },
        ListEntriesRequest { end_time: Some(suite.clock_in(0)), ..list.clone() },
        ListEntriesRequest { actor: "users/bob".into(), ..list.clone() },
        ListEntriesRequest { resource: space.clone(), ..list.clone() },
        ListEntriesRequest { page_token: "x".into(), ..list.clone() },
    ] {
        let refusal = refused(page_of_entries(&alice, Service::Membership, changed).await);
        assert_eq!(refusal.bad_fields(), (Code::InvalidArgument, "PAGE_TOKEN_INVALID", vec!["page_token"]));
    }
}

// R-J3: a page is bounded by what it looks at and by its size, and the list is whole all the same.
async fn a_long_journal_is_read_in_bounded_pages(suite: Suite) {
    let (alice, space) = (suite.user("alice"), history_of_members(&suite).await);
    let pool = suite.pool(Service::Membership).await;
    let copies = |from: i64, to: i64, content: &str| {
        format!(
            "WITH RECURSIVE number (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM number WHERE n < {to})
             INSERT INTO journal (scope, sequence, time, content, personal, hash)
             SELECT scope, n, time, {content}, personal, hash FROM journal, number WHERE sequence = 4"
        )
    };
    tamper(&pool, &copies(6, 12_000, "content")).await;
    let nobodys = ListEntriesRequest { actor: "users/nobody".into(), ..entries_of(&space) };
    let first = page_of_entries(&alice, Service::Membership, nobodys.clone()).await.expect("a page");
    assert!(first.entries.is_empty() && !first.next_page_token.is_empty(), "short, and not the last");
    let second = ListEntriesRequest { page_token: first.next_page_token, ..nobodys };
    assert_eq!(
        page_of_entries(&alice, Service::Membership, second).await.expect("a page"),
        ListEntriesResponse::default()
    );
    let bobs = lists_entries(
        &alice,
        Service::Membership,
        ListEntriesRequest { actor: "users/bob".into(), ..entries_of(&space) },
    )
    .await;
    assert_eq!(sequences(&bobs), [3, 5]);

    // 30 entries of 200 kB, more than a client takes in one message.
    let long = format!("replace(content, 'VIEWER', '{}')", "x".repeat(200_000));
    tamper(&pool, &copies(12_001, 12_030, &long)).await;
    let all = lists_entries(
        &alice,
        Service::Membership,
        ListEntriesRequest { page_size: 1000, ..entries_of(&space) },
    )
    .await;
    let sequences: BTreeSet<_> = all.iter().map(|entry| entry.sequence).collect();
    assert_eq!((all.len(), sequences.len(), sequences.last()), (12_030, 12_030, Some(&12_030)));
}
