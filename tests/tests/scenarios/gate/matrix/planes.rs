//! The whole table by every combination of roles on the three planes that a person can hold in a space, before and after
//! its publication.
use devspaces_proto::membership::v1::{ConsoleRole, Member};
use devspaces_tests::{Persona, Suite};
use futures::future::join_all;

use super::{ask, resource_of};
use crate::{
    acts::{
        accounts::{adds_billing_admins, consents_to_invoicing},
        marketplace::{accepts_terms, adds_marketplace_admins, creates_profile},
        members::{ADMIN, DEVELOPER, VIEWER, adds_members_as_given, member},
    },
    gate::oracle::{Place, Standing, rows},
};

scenarios! {
    everywhere:
        every_combination_of_roles_may_what_the_table_says_before_and_after_publication,
        a_published_space_without_an_admin_may_be_given_one_by_its_marketplace_admin;
}

/// What someone has in the console: a role, with or without the add-on, or none.
const CONSOLES: [(Option<ConsoleRole>, bool); 5] = [
    (None, false),
    (Some(ADMIN), false),
    (Some(DEVELOPER), false),
    (Some(DEVELOPER), true),
    (Some(VIEWER), false),
];

/// Someone with these roles.
struct Holder {
    person: Persona,
    standing: Standing,
}

/// A person for every combination of roles.
fn holders(suite: &Suite, published: bool) -> Vec<Holder> {
    let mut holders = Vec::new();
    for (console, view_all_apps) in CONSOLES {
        for (billing_admin, marketplace_admin) in [(false, false), (true, false), (false, true), (true, true)]
        {
            if marketplace_admin && !published {
                continue;
            }
            let person = suite.user(&format!("holder-{published}-{}", holders.len()));
            let standing = Standing {
                console,
                view_all_apps,
                billing_admin,
                marketplace_admin,
                published,
                ..Standing::default()
            };
            holders.push(Holder { person, standing });
        }
    }
    holders
}

/// Gives them their roles.
async fn appoints(alice: &Persona, space: &str, profile: Option<&str>, holders: &[Holder]) {
    let member = |it: &Holder| {
        let view_all_apps = it.standing.view_all_apps;
        it.standing.console.map(|role| Member { view_all_apps, ..member(&it.person, role) })
    };
    adds_members_as_given(alice, space, holders.iter().filter_map(member).collect()).await.expect("members");
    let of = |has: fn(&Standing) -> bool| -> Vec<&Persona> {
        holders.iter().filter(|it| has(&it.standing)).map(|it| &it.person).collect()
    };
    adds_billing_admins(alice, space, &of(|it| it.billing_admin)).await.expect("billing admins");
    if let Some(profile) = profile {
        let people = of(|it| it.marketplace_admin);
        adds_marketplace_admins(alice, profile, &people).await.expect("Marketplace admins");
    }
}

/// Everyone asks about every line, those on apps about an app of the space that somebody else contributes to.
async fn everyone_asks(holders: &[Holder], space: &str, app: &str) -> usize {
    let asking = holders.iter().map(|Holder { person, standing }| async move {
        for row in rows() {
            let place = if row.resource == "app" { Place::Space } else { Place::default() };
            ask(person, row, resource_of(row, space, app), &Standing { place, ..*standing }).await;
        }
        rows().len()
    });
    join_all(asking).await.into_iter().sum()
}

// R-M1, R-B2, R-K4, R-S3, R-K1: every line of the table; no role on one plane implies a role on another.
async fn every_combination_of_roles_may_what_the_table_says_before_and_after_publication(suite: Suite) {
    let alice = suite.user("alice");
    let space = alice.creates_space("Team").await;
    let app = alice.creates_app(&space).await;
    consents_to_invoicing(&alice, &space).await.expect("an account");
    let before = holders(&suite, false);
    appoints(&alice, &space, None, &before).await;
    assert_eq!(everyone_asks(&before, &space, &app).await, 5 * 2 * 67);

    let profile = accepts_terms(&alice, &space).await.expect("published").name;
    let after = holders(&suite, true);
    appoints(&alice, &space, Some(&profile), &after).await;
    assert_eq!(everyone_asks(&after, &space, &app).await, 5 * 4 * 67);
    let published: Vec<Holder> = before
        .into_iter()
        .map(|it| Holder { standing: Standing { published: true, ..it.standing }, ..it })
        .collect();
    everyone_asks(&published, &space, &app).await;
}

// R-K2, R-M3
async fn a_published_space_without_an_admin_may_be_given_one_by_its_marketplace_admin(suite: Suite) {
    let (vera, stranger) = (suite.user("vera"), suite.user("stranger"));
    let space = creates_profile(&vera, "Vendor").await.expect("a profile").space;
    let alone = Standing { published: true, without_admin: true, ..Standing::default() };
    let holders = [
        Holder { person: vera, standing: Standing { marketplace_admin: true, ..alone } },
        Holder { person: stranger, standing: alone },
    ];
    for Holder { person, standing } in &holders {
        for row in rows().iter().filter(|row| row.resource != "app") {
            ask(person, row, resource_of(row, &space, ""), standing).await;
        }
    }
}
