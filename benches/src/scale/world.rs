use devspaces_authz::{AppRole, ConsoleRole};
use devspaces_kit::name::AppName;
use devspaces_proto::{
    membership::v1::{ConsoleRole as WireRole, ListMembersRequest},
    space::v1::{ListAppsRequest, ListContributorsRequest, ListSpacesRequest},
};
use devspaces_tests::{Engine, Persona, Suite};

use super::rows::Rows;

/// The largest page.
const MAX_PAGE: usize = 1000;
/// The most apps that the outsider contributes to.
const MOST_CONTRIBUTIONS: usize = 1000;

/// A suite with one space of a certain size, and people in it.
pub(crate) struct World {
    pub(crate) suite: Suite,
    pub(crate) space: String,
    /// A space without apps.
    pub(crate) empty: String,
    /// Admin of both spaces.
    pub(crate) admin: Persona,
    /// Views all apps by the role, and contributes to none.
    pub(crate) viewer: Persona,
    /// A Developer without the add-on who contributes to five apps.
    pub(crate) developer: Persona,
    /// Contributes to many apps and has no other role.
    pub(crate) outsider: Persona,
    /// An app that the outsider contributes to.
    pub(crate) app: String,
    /// Where the second half of each list begins.
    pub(crate) half: Half,
}

/// The tokens of pages.
#[derive(Default)]
pub(crate) struct Half {
    pub(crate) apps: String,
    pub(crate) contributors: String,
    pub(crate) members: String,
}

/// A member by number. Of ten, two are Developers, and all others but one Admin are Viewers.
fn member(number: usize) -> (String, ConsoleRole) {
    let role = match number {
        1 => ConsoleRole::Admin,
        _ if matches!(number % 10, 2 | 3) => ConsoleRole::Developer,
        _ => ConsoleRole::Viewer,
    };
    (format!("m{number:05}"), role)
}

/// So many of these, all along the way.
fn spread(apps: &[AppName], count: usize) -> Vec<AppName> {
    apps.iter().step_by((apps.len() / count).max(1)).take(count).copied().collect()
}

impl World {
    /// The Admin who creates the space counts as a member.
    pub(crate) async fn of(engine: Engine, apps: usize, members: usize) -> Self {
        let suite = Suite::start(engine).await;
        let admin = suite.user("alice");
        let (space, empty) = (admin.creates_space("Team").await, admin.creates_space("Empty").await);
        let rows = Rows::of(&suite).await;
        let name = space.parse().expect("a space");
        rows.members(name, &(1..members).map(member).collect::<Vec<_>>()).await;
        let all = rows.apps(name, apps, &["alice", "m00001", "m00003"]).await;
        let [viewer, developer, outsider] = ["m00004", "m00002", "outsider"].map(|id| suite.user(id));
        rows.contributors(name, &spread(&all, 5), developer.id(), AppRole::Developer).await;
        let contributed = spread(&all, MOST_CONTRIBUTIONS);
        rows.contributors(name, &contributed, outsider.id(), AppRole::Deployer).await;
        rows.settle().await;
        let app = contributed[contributed.len() / 2].to_string();
        let half = Half::default();
        let mut world = Self { suite, space, empty, admin, viewer, developer, outsider, app, half };
        world.half = world.find_half(apps, members).await;
        world
    }

    async fn find_half(&self, apps: usize, members: usize) -> Half {
        Half {
            apps: after(apps / 2, async |size, token| self.apps(&self.admin, size, &token).await.1).await,
            // There are about as many as members: without the Developers, and with those who contribute.
            contributors: after(members / 2, async |size, token| self.contributors(size, &token).await.1)
                .await,
            members: after(members / 2, async |size, token| {
                self.members(size, &token, WireRole::Unspecified).await.1
            })
            .await,
        }
    }

    /// A page of the space's apps: how many, and the next page's token.
    pub(crate) async fn apps(&self, who: &Persona, size: usize, token: &str) -> (usize, String) {
        list_apps(who, &self.space, size, token).await
    }

    /// A page of the app's contributors.
    pub(crate) async fn contributors(&self, size: usize, token: &str) -> (usize, String) {
        let parent = self.app.clone();
        let request = ListContributorsRequest { parent, page_size: wire(size), page_token: token.to_owned() };
        let page = self.admin.apps().list_contributors(request).await.expect("a page").into_inner();
        (page.contributors.len(), page.next_page_token)
    }

    /// A page of the space's members.
    pub(crate) async fn members(&self, size: usize, token: &str, role: WireRole) -> (usize, String) {
        let (parent, page_token) = (self.space.clone(), token.to_owned());
        let request = ListMembersRequest { parent, page_size: wire(size), page_token, role: role.into() };
        let page = self.admin.members().list_members(request).await.expect("a page").into_inner();
        (page.members.len(), page.next_page_token)
    }
}

/// A page of apps, of one space or of all.
pub(crate) async fn list_apps(who: &Persona, space: &str, size: usize, token: &str) -> (usize, String) {
    let (space, page_token) = (space.to_owned(), token.to_owned());
    let request = ListAppsRequest { space, page_size: wire(size), page_token };
    let page = who.apps().list_apps(request).await.expect("a page").into_inner();
    (page.apps.len(), page.next_page_token)
}

/// How many spaces somebody sees, on the first page.
pub(crate) async fn list_spaces(who: &Persona) -> usize {
    let page = who.spaces().list_spaces(ListSpacesRequest::default()).await.expect("a page");
    page.into_inner().spaces.len()
}

fn wire(size: usize) -> i32 {
    i32::try_from(size).expect("a page's size")
}

/// The token of what comes after so many entries of a list.
async fn after(mut entries: usize, list: impl AsyncFn(usize, String) -> String) -> String {
    let mut token = String::new();
    while entries > 0 {
        let size = entries.min(MAX_PAGE);
        token = list(size, token).await;
        entries -= size;
    }
    token
}
