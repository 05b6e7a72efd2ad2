//! Writers: each changes what is its own without pause, and knows what must be there afterwards.
pub(crate) mod accounts;
pub(crate) mod apps;
mod credits;
pub(crate) mod members;
mod spaces;
mod usage;
pub(crate) mod vendors;

use std::time::Duration;

use devspaces_proto::space::v1::{App, CreateAppRequest, CreateSpaceRequest, Space};
use devspaces_tests::Persona;
use tokio::time::sleep;

use self::{
    accounts::Accounts, apps::Apps, credits::Credits, members::Members, spaces::Spaces, usage::UsageReports,
    vendors::Vendors,
};
use crate::calls::{Entry, GaveUp, Load};

const CREATE_SPACE: &str = "devspaces.space.v1.SpaceService/CreateSpace";
const CREATE_APP: &str = "devspaces.space.v1.AppService/CreateApp";

/// Between the steps of a writer, so that all kinds of changes get their share of a small machine.
const PAUSE: Duration = Duration::from_millis(20);

/// Any of the writers.
pub(crate) enum Writer {
    Spaces(Spaces),
    Members(Members),
    Apps(Apps),
    Accounts(Accounts),
    Usage(UsageReports),
    Credits(Credits),
    Vendors(Vendors),
}

impl Writer {
    /// One of each, and two of those whose changes are in each other's way.
    pub(crate) async fn all(load: &Load) -> Result<Vec<Self>, GaveUp> {
        let [one, other] = Members::pair(load).await?;
        Ok(vec![
            Self::Spaces(Spaces::new(load)),
            Self::Members(one),
            Self::Members(other),
            Self::Apps(Apps::new(load).await?),
            Self::Accounts(Accounts::new(load).await?),
            Self::Usage(UsageReports::new(load).await?),
            Self::Credits(Credits::new(load).await?),
            Self::Vendors(Vendors::new(load).await?),
        ])
    }

    /// Goes on until the load is to stop. What has been begun is done to its end.
    pub(crate) async fn run(&mut self, load: &Load) {
        while !load.stopping() {
            let step = match self {
                Self::Spaces(writer) => writer.step(load).await,
                Self::Members(writer) => writer.step(load).await,
                Self::Apps(writer) => writer.step(load).await,
                Self::Accounts(writer) => writer.step(load).await,
                Self::Usage(writer) => writer.step(load).await,
                Self::Credits(writer) => writer.step(load).await,
                Self::Vendors(writer) => writer.step(load).await,
            };
            if step.is_err() {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    /// Reads back everything that was acknowledged, and says what is not as it must be.
    pub(crate) async fn differences(&self, load: &Load) -> Vec<String> {
        let found = match self {
            Self::Spaces(writer) => writer.differences(load).await,
            Self::Members(writer) => writer.differences(load).await,
            Self::Apps(writer) => writer.differences(load).await,
            Self::Accounts(writer) => writer.differences(load).await,
            Self::Usage(writer) => writer.differences(load).await,
            Self::Credits(writer) => writer.differences(load).await,
            Self::Vendors(writer) => writer.differences(load).await,
        };
        found.unwrap_or_else(|GaveUp| vec!["what was acknowledged can't be read back".to_owned()])
    }
}

/// Creates a space.
pub(crate) async fn creates_space(load: &Load, who: &Persona) -> Result<Space, GaveUp> {
    let space = Space { display_name: load.word(), ..Space::default() };
    let request = CreateSpaceRequest { space: Some(space), ..CreateSpaceRequest::default() };
    let call = async |request| who.spaces().create_space(request).await;
    load.acknowledged(CREATE_SPACE, request, call, |space| Entry::of(who, &space.name, &space.name)).await
}

/// Creates an app in a space.
pub(crate) async fn creates_app(load: &Load, who: &Persona, space: &str) -> Result<App, GaveUp> {
    let app = App { display_name: load.word(), space: space.to_owned(), ..App::default() };
    let request = CreateAppRequest { app: Some(app), ..CreateAppRequest::default() };
    let call = async |request| who.apps().create_app(request).await;
    load.acknowledged(CREATE_APP, request, call, |app| Entry::of(who, &app.name, &app.name)).await
}

/// Every page of a list.
pub(crate) async fn all_pages<T>(
    page: impl AsyncFn(String) -> Result<(Vec<T>, String), GaveUp>,
) -> Result<Vec<T>, GaveUp> {
    let (mut all, mut next) = page(String::new()).await?;
    while !next.is_empty() {
        let (more, token) = page(next).await?;
        all.extend(more);
        next = token;
    }
    Ok(all)
}

/// Holds what is there against what must be, item by item.
pub(crate) fn compared<T: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &[T],
    found: &[T],
) -> Vec<String> {
    let lost = expected.iter().filter(|one| !found.contains(one)).map(|one| format!("{what}: no {one:?}"));
    let other = found.iter().filter(|one| !expected.contains(one)).map(|one| format!("{what}: {one:?}"));
    let twice = found.iter().enumerate().filter(|(at, one)| found[..*at].contains(one));
    let twice = twice.map(|(_, one)| format!("{what}: twice {one:?}"));
    lost.chain(other).chain(twice).collect()
}
