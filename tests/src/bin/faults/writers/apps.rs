use devspaces_proto::space::v1::{
    AddContributorsRequest, App, Contributor, ContributorRole, DeleteAppRequest, ListAppsRequest,
    ListContributorsRequest, UpdateAppRequest,
};
use devspaces_tests::Persona;
use prost_types::FieldMask;

use super::{all_pages, compared, creates_app, creates_space};
use crate::calls::{Entry, GaveUp, Load};

const UPDATE: &str = "devspaces.space.v1.AppService/UpdateApp";
const DELETE: &str = "devspaces.space.v1.AppService/DeleteApp";
const LIST: &str = "devspaces.space.v1.AppService/ListApps";
const ADD: &str = "devspaces.space.v1.AppService/AddContributors";
const LIST_CONTRIBUTORS: &str = "devspaces.space.v1.AppService/ListContributors";

/// Creates apps, renames them, lets a friend contribute, and deletes each third.
pub(crate) struct Apps {
    who: Persona,
    friend: Persona,
    space: String,
    /// Name and display name of those that are there, and whether the friend contributes.
    rows: Vec<(String, String, bool)>,
    steps: u32,
}

impl Apps {
    pub(super) async fn new(load: &Load) -> Result<Self, GaveUp> {
        let (who, friend) = (load.somebody(), load.somebody());
        let space = creates_space(load, &who).await?.name;
        Ok(Self { who, friend, space, rows: Vec::new(), steps: 0 })
    }

    pub(super) async fn step(&mut self, load: &Load) -> Result<(), GaveUp> {
        let who = &self.who;
        let App { name, display_name, .. } = creates_app(load, who, &self.space).await?;
        let at = self.rows.len();
        self.rows.push((name.clone(), display_name, false));
        let display_name = load.word();
        let app = App { name: name.clone(), display_name: display_name.clone(), ..App::default() };
        let update_mask = Some(FieldMask { paths: vec!["display_name".to_owned()] });
        let request = UpdateAppRequest { app: Some(app), update_mask, ..UpdateAppRequest::default() };
        let entry = |app: &App| Entry::of(who, &app.name, &app.name);
        load.acknowledged(UPDATE, request, async |request| who.apps().update_app(request).await, entry)
            .await?;
        self.rows[at].1 = display_name;
        contributes(load, who, &name, &self.friend).await?;
        self.rows[at].2 = true;
        self.steps += 1;
        if self.steps.is_multiple_of(3) {
            let request = DeleteAppRequest { name, ..DeleteAppRequest::default() };
            let call = async |request| who.apps().delete_app(request).await;
            load.acknowledged(DELETE, request, call, entry).await?;
            self.rows.pop();
        }
        Ok(())
    }

    pub(super) async fn differences(&self, load: &Load) -> Result<Vec<String>, GaveUp> {
        let found = all_pages(async |page_token| {
            let request = ListAppsRequest { space: self.space.clone(), page_size: 1000, page_token };
            let call = async |request| self.who.apps().list_apps(request).await;
            let page = load.answered(LIST, request, call).await?;
            Ok((page.apps, page.next_page_token))
        });
        let mut rows = Vec::new();
        for app in found.await? {
            let request = ListContributorsRequest { parent: app.name.clone(), ..Default::default() };
            let call = async |request| self.who.apps().list_contributors(request).await;
            let contributors = load.answered(LIST_CONTRIBUTORS, request, call).await?.contributors;
            let contributes = contributors.iter().any(|one| one.user == self.friend.name);
            rows.push((app.name, app.display_name, contributes));
        }
        Ok(compared("apps", &self.rows, &rows))
    }
}

/// Lets somebody contribute to an app.
pub(crate) async fn contributes(
    load: &Load,
    who: &Persona,
    app: &str,
    friend: &Persona,
) -> Result<(), GaveUp> {
    let contributor = Contributor {
        user: friend.name.clone(),
        role: ContributorRole::Developer.into(),
        ..Contributor::default()
    };
    let request = AddContributorsRequest {
        parent: app.to_owned(),
        contributors: vec![contributor],
        ..AddContributorsRequest::default()
    };
    let name = friend.contributor_to(app);
    let call = async |request| who.apps().add_contributors(request).await;
    load.acknowledged(ADD, request, call, |_| Entry::of(who, app, &name)).await.map(drop)
}
