//! A space with people on every plane, and what a review tells of it.
use devspaces_proto::{
    authz::v1::{Plane, Role},
    membership::v1::{
        ExportRoleBindingsRequest, ListRoleBindingsRequest, ListRoleBindingsResponse, RoleBinding,
        role_binding::Way,
    },
};
use devspaces_tests::{Persona, Suite};
use tonic::Status;

use crate::acts::{
    accounts::{adds_billing_admins, consents_to_invoicing},
    app_groups::{self, adds_apps, creates_app_group, grants_app_group_role},
    apps::deletes_app,
    contributors::{APP_ADMIN, APP_VIEWER, DEPLOYER, adds_contributors},
    groups::{adds_to_group, creates_group, grants_app_role},
    marketplace::{accepts_terms, adds_marketplace_admins},
    members::{DEVELOPER, VIEWER, adds_members},
};

pub(super) fn asking(space: &str) -> ListRoleBindingsRequest {
    ListRoleBindingsRequest { parent: space.to_owned(), ..ListRoleBindingsRequest::default() }
}

pub(super) async fn page(
    who: &Persona,
    request: ListRoleBindingsRequest,
) -> Result<ListRoleBindingsResponse, Status> {
    who.reviews().list_role_bindings(request).await.map(tonic::Response::into_inner)
}

/// Every role that somebody is told, in pages of this size.
pub(super) async fn lists(
    who: &Persona,
    mut request: ListRoleBindingsRequest,
    size: i32,
) -> Result<Vec<RoleBinding>, Status> {
    request.page_size = size;
    let mut all = Vec::new();
    loop {
        let page = page(who, request.clone()).await?;
        assert_eq!(page.unknown_planes, Vec::<String>::new());
        assert!(size == 0 || page.bindings.len() <= usize::try_from(size).expect("a size"));
        all.extend(page.bindings);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

pub(super) async fn exports(who: &Persona, space: &str) -> Result<String, Status> {
    let request = ExportRoleBindingsRequest { parent: space.to_owned(), ..Default::default() };
    let mut pieces = who.reviews().export_role_bindings(request).await?.into_inner();
    let mut csv = Vec::new();
    while let Some(piece) = pieces.message().await? {
        csv.extend(piece.csv);
    }
    Ok(String::from_utf8(csv).expect("UTF-8"))
}

/// A role as a line: who, on what, as what, and by which way.
pub(super) type Line = (String, Plane, String, Role, Way);

pub(super) fn line(binding: &RoleBinding) -> Line {
    let RoleBinding { user, resource, .. } = binding.clone();
    (user, binding.plane(), resource, binding.role(), binding.way())
}

pub(super) fn lines(bindings: &[RoleBinding]) -> Vec<Line> {
    bindings.iter().map(line).collect()
}

pub(super) fn console(who: &Persona, space: &str, role: Role) -> Line {
    (who.name.clone(), Plane::Console, space.to_owned(), role, Way::Direct)
}

pub(super) fn derived(who: &Persona, space: &str) -> Line {
    (who.name.clone(), Plane::App, space.to_owned(), Role::AppViewer, Way::Derived)
}

pub(super) fn on_app(who: &Persona, app: &str, role: Role) -> Line {
    (who.name.clone(), Plane::App, app.to_owned(), role, Way::Direct)
}

/// A space with people on every plane.
pub(super) struct Team {
    pub(super) alice: Persona,
    pub(super) bob: Persona,
    pub(super) dora: Persona,
    pub(super) erin: Persona,
    pub(super) mia: Persona,
    pub(super) victor: Persona,
    pub(super) space: String,
    pub(super) apps: [String; 2],
    pub(super) groups: [String; 2],
    pub(super) app_groups: [String; 2],
}

/// Alice is its Admin and Marketplace admin, Bob billing admin, Mia Marketplace admin; Dora develops, Victor views, and Erin
/// deploys an app. One of the apps is deleted. Dora and Victor are in a group and Dora in a second, which have roles on the app and on two app
/// groups; Erin has roles on these too.
pub(super) async fn team(suite: &Suite) -> Team {
    let [alice, bob, dora, erin, mia, victor] =
        ["alice", "bob", "dora", "erin", "mia", "victor"].map(|id| suite.user(id));
    let space = alice.creates_space("Team").await;
    adds_members(&alice, &space, &[(&dora, DEVELOPER), (&victor, VIEWER)]).await.expect("added");
    let apps = [dora.creates_app(&space).await, alice.creates_app(&space).await];
    adds_contributors(&dora, &apps[0], &[(&erin, DEPLOYER)]).await.expect("added");
    deletes_app(&alice, &apps[1]).await.expect("deleted");
    consents_to_invoicing(&alice, &space).await.expect("an account");
    adds_billing_admins(&alice, &space, &[&bob]).await.expect("added");
    let profile = accepts_terms(&alice, &space).await.expect("published").name;
    adds_marketplace_admins(&alice, &profile, &[&mia]).await.expect("added");
    let mut groups = [const { String::new() }; 2];
    for (group, people) in groups.iter_mut().zip([[&dora, &victor].as_slice(), &[&dora]]) {
        *group = creates_group(&alice, &space, "Mobile").await.expect("a group").name;
        adds_to_group(&alice, group, people).await.expect("in the group");
        grants_app_role(&alice, group, &apps[0], DEPLOYER).await.expect("a role");
    }
    let mut app_groups = [const { String::new() }; 2];
    for app_group in &mut app_groups {
        *app_group = creates_app_group(&alice, &space, "Payments").await.expect("an app group").name;
        adds_apps(&alice, app_group, &[&apps[0]]).await.expect("in the app group");
        for (member, role) in [(&erin.name, APP_VIEWER), (&groups[0], APP_ADMIN), (&groups[1], APP_VIEWER)] {
            let given = app_groups::grant(app_group, member, role);
            grants_app_group_role(&alice, given).await.expect("a role");
        }
    }
    Team { alice, bob, dora, erin, mia, victor, space, apps, groups, app_groups }
}

impl Team {
    pub(super) fn console_lines(&self) -> Vec<Line> {
        let Self { alice, dora, victor, space, .. } = self;
        vec![
            console(alice, space, Role::ConsoleAdmin),
            console(dora, space, Role::ConsoleDeveloper),
            console(victor, space, Role::ConsoleViewer),
        ]
    }

    pub(super) fn derived_lines(&self) -> Vec<Line> {
        vec![derived(&self.alice, &self.space), derived(&self.victor, &self.space)]
    }

    pub(super) fn billing_lines(&self) -> Vec<Line> {
        let of = |who: &Persona| {
            (who.name.clone(), Plane::Billing, self.space.clone(), Role::BillingAdmin, Way::Direct)
        };
        vec![of(&self.alice), of(&self.bob)]
    }

    pub(super) fn marketplace_lines(&self) -> Vec<Line> {
        let of = |who: &Persona| {
            (who.name.clone(), Plane::Marketplace, self.space.clone(), Role::MarketplaceAdmin, Way::Direct)
        };
        vec![of(&self.alice), of(&self.mia)]
    }

    pub(super) fn app_lines(&self) -> Vec<Line> {
        let Self { alice, dora, erin, apps, .. } = self;
        vec![
            on_app(alice, &apps[1], Role::AppOwner),
            on_app(dora, &apps[0], Role::AppOwner),
            on_app(erin, &apps[0], Role::AppDeployer),
        ]
    }

    pub(super) fn group_lines(&self) -> Vec<Line> {
        let Self { dora, erin, victor, apps, app_groups: [one, other], .. } = self;
        let through =
            |who: &Persona, on: &str, role| (who.name.clone(), Plane::App, on.to_owned(), role, Way::Group);
        vec![
            on_app(erin, one, Role::AppViewer),
            on_app(erin, other, Role::AppViewer),
            through(dora, &apps[0], Role::AppDeployer),
            through(dora, &apps[0], Role::AppDeployer),
            through(victor, &apps[0], Role::AppDeployer),
            through(dora, one, Role::AppAdmin),
            through(dora, other, Role::AppAdmin),
            through(dora, one, Role::AppViewer),
            through(dora, other, Role::AppViewer),
            through(victor, one, Role::AppAdmin),
            through(victor, other, Role::AppAdmin),
        ]
    }

    pub(super) fn all_lines(&self) -> Vec<Line> {
        [
            self.console_lines(),
            self.derived_lines(),
            self.billing_lines(),
            self.marketplace_lines(),
            self.app_lines(),
            self.group_lines(),
        ]
        .concat()
    }
}
