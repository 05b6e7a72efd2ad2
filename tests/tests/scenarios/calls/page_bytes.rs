//! Replies stay within what clients take when nothing else is set, whatever people have written.
use std::collections::BTreeSet;

use devspaces_proto::space::v1::{App, CreateAppRequest, ListAppsRequest};
use devspaces_tests::Suite;
use futures::future::join_all;
use prost::Message as _;

scenarios! {
    both engines:
        a_page_of_apps_with_long_descriptions_ends_early;
}

const MOST: usize = 2 * 1024 * 1024;

// R-A9
async fn a_page_of_apps_with_long_descriptions_ends_early(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let description = "\u{1F984}".repeat(1000);
    let another = async || {
        let app = App {
            display_name: "App".into(),
            space: space.clone(),
            description: description.clone(),
            ..App::default()
        };
        let request = CreateAppRequest { app: Some(app), request_id: String::new() };
        alice.apps().create_app(request).await.expect("an app").into_inner().name
    };
    let mut created = BTreeSet::new();
    for _ in 0..30 {
        created.extend(join_all((0..20).map(|_| another())).await);
    }
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    let mut request = ListAppsRequest { space: space.clone(), page_size: 1000, page_token: String::new() };
    loop {
        let page = alice.apps().list_apps(request.clone()).await.expect("a page").into_inner();
        sizes.push(page.encoded_len());
        seen.extend(page.apps.into_iter().map(|app| app.name));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert!(sizes.len() > 2 && sizes.iter().all(|size| *size < MOST), "{sizes:?}");
    assert_eq!((seen.len(), seen.into_iter().collect::<BTreeSet<_>>()), (created.len(), created));
}
