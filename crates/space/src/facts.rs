//! What the space service knows that permissions depend on.
use std::sync::LazyLock;

use devspaces_authz::{AppRole, Service, SpaceFacts, SpaceState};
use devspaces_gate::{Cover, FactOwner, OwnFacts, PlacedApp, Question, Reading, Roles, Version};
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, Principal, Scope, SpaceName, UserName},
};
use devspaces_ledger::db::{Conn, Error, RowsSql};
use uuid::Uuid;

use crate::store;

/// The space service as the owner of spaces and apps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpaceOwner;

#[derive(Debug, sqlx::FromRow)]
struct Row {
    facts_sequence: Option<i64>,
    facts_hash: Option<Vec<u8>>,
    time: Option<Timestamp>,
    state: Option<String>,
    published: Option<bool>,
    contributes: bool,
    app_space: Option<Uuid>,
    deleted: bool,
    role: Option<String>,
    active: bool,
    stamp: Option<Uuid>,
}

/// Heads and facts in one statement, so that a version and its facts are of one moment. A question about a space finds
/// no app of that id, and the other way round.
static READ: LazyLock<RowsSql> = LazyLock::new(|| {
    let contributes = store::contributor::contributes("q.person", "q.id");
    let statement = format!(
        "SELECT h.facts_sequence, h.facts_hash, h.time, s.state, s.published, {contributes} AS contributes,
           a.space AS app_space, a.delete_time IS NOT NULL AS deleted, c.role,
           COALESCE(p.active, TRUE) AS active, p.stamp
         FROM question q
         LEFT JOIN head h ON h.scope = q.scope
         LEFT JOIN space s ON s.id = q.id
         LEFT JOIN app a ON a.id = q.id
         LEFT JOIN contributor c ON c.app = q.id AND c.person = q.person
         LEFT JOIN standing p ON p.person = q.person
         ORDER BY q.place"
    );
    RowsSql::new("question", &Question::COLUMNS, &statement)
});

fn reading(question: &Question, row: Row) -> Result<Reading, Error> {
    let facts = match question.scope {
        Scope::Space(_) => OwnFacts::Space(SpaceFacts {
            state: row.state.as_deref().map_or(Ok(SpaceState::None), store::space::state)?,
            published: row.published.unwrap_or_default(),
            contributes: row.contributes && row.active,
        }),
        Scope::People => OwnFacts::Person { active: row.active },
        // Nobody asks this service about the last two; what it said of them would be refused (`OwnFacts::are_of`).
        Scope::App(_) | Scope::VendorProfile(_) | Scope::RateCards => OwnFacts::App {
            space: row.app_space.filter(|_| !row.deleted).map(SpaceName),
            deleted: row.deleted,
            role: row.role.as_deref().filter(|_| row.active).map(store::contributor::role).transpose()?,
            via_group: None,
        },
    };
    let version = Version::of_head(row.facts_sequence, row.facts_hash).covering(Cover::Person, row.stamp);
    Ok(Reading { version, last_time: row.time, facts })
}

#[tonic::async_trait]
impl FactOwner for SpaceOwner {
    fn owner(&self) -> Service {
        Service::Space
    }

    async fn read(&self, db: &mut Conn, questions: &[Question]) -> Result<Vec<Reading>, Error> {
        let rows: Vec<Row> = READ.fetch_all(db, questions, Question::row).await?;
        questions.iter().zip(rows).map(|(question, row)| reading(question, row)).collect()
    }

    async fn subject_spaces(
        &self,
        db: &mut Conn,
        subject: &Principal,
        after: Option<Uuid>,
        limit: i64,
        _: Timestamp,
    ) -> Result<Vec<(Uuid, OwnFacts)>, Error> {
        let after = after.unwrap_or_default();
        let spaces = store::contributor::spaces_of(db, subject.person(), after, limit).await?;
        let contributes = OwnFacts::Space(SpaceFacts { contributes: true, ..SpaceFacts::default() });
        Ok(spaces.into_iter().map(|space| (space.0, contributes.clone())).collect())
    }

    async fn app_roles(
        &self,
        db: &mut Conn,
        space: SpaceName,
        person: &UserName,
        after: AppName,
        limit: i64,
    ) -> Result<Vec<(AppName, AppRole)>, Error> {
        let held = store::contributor::list_in_space(db, space, person, after, limit).await?;
        Ok(held.into_iter().map(|contributor| (contributor.name.app, contributor.role)).collect())
    }

    async fn role_holders(
        &self,
        db: &mut Conn,
        roles: &Roles,
        after: &str,
        limit: i64,
        _: Timestamp,
    ) -> Result<Vec<UserName>, Error> {
        match roles.scope {
            Scope::App(app) => {
                store::holder::of_app(db, AppName(app), &roles.contributor, after, limit).await
            }
            Scope::Space(space) => store::holder::of_space(db, SpaceName(space), after, limit).await,
            Scope::VendorProfile(_) | Scope::RateCards | Scope::People => Ok(Vec::new()),
        }
    }

    async fn contributed_apps(
        &self,
        db: &mut Conn,
        person: &UserName,
        roles: &[AppRole],
        after: Option<PlacedApp>,
        limit: i64,
    ) -> Result<Vec<PlacedApp>, Error> {
        store::holder::apps_of(db, person, roles, after, limit).await
    }

    async fn apps_of_spaces(
        &self,
        db: &mut Conn,
        spaces: &[SpaceName],
        after: AppName,
        limit: i64,
    ) -> Result<Vec<PlacedApp>, Error> {
        store::app::placed_in(db, spaces, after, limit).await
    }

    async fn has_departed_since(
        &self,
        db: &mut Conn,
        space: SpaceName,
        subject: &Principal,
        version: &Version,
    ) -> Result<bool, Error> {
        store::departure::is_later_than(db, space, subject.person(), version.sequence).await
    }
}
