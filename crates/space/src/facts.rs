//! What the space service knows that permissions depend on.
use std::sync::LazyLock;

use devspaces_authz::{AppCreation, AppRole, Service, SpaceFacts, SpaceState, Suspension};
use devspaces_gate::{
    ConsentRequiredFor, Cover, FactOwner, HeldRole, OwnFacts, PlacedApp, Question, Reading, Roles, Version,
};
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, Principal, RoleHolder, RoleTarget, Scope, SpaceName, UserName},
};
use devspaces_ledger::db::{Conn, Error, RowsSql};
use uuid::Uuid;

use crate::store::{
    self,
    way::{THROUGH, Way, held_role},
};

/// The space service as the owner of spaces and apps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpaceOwner {
    /// For what somebody of a space must have consented to be billed (R-E3).
    pub(crate) consent_required_for: ConsentRequiredFor,
}

/// A row of what is known about a question: first what is so of its scope, then a role by each way that there is.
#[derive(Debug, sqlx::FromRow)]
struct Row {
    place: i64,
    facts_sequence: Option<i64>,
    facts_hash: Option<Vec<u8>>,
    time: Option<Timestamp>,
    state: Option<String>,
    published: Option<bool>,
    app_creation: Option<String>,
    contributes: Option<bool>,
    until_own: Option<Timestamp>,
    until_group: Option<Timestamp>,
    until_app_group: Option<Timestamp>,
    until_both: Option<Timestamp>,
    app_space: Option<Uuid>,
    deleted: Option<bool>,
    suspended_for: Option<String>,
    space_suspended_for: Option<String>,
    has_account: Option<bool>,
    stamp: Option<Uuid>,
    role: Option<String>,
    active: Option<bool>,
    person_stamp: Option<Uuid>,
    expire_time: Option<Timestamp>,
    group_name: Option<String>,
    app_group_name: Option<String>,
}

/// Heads and facts in one statement, so that a version and its facts are of one moment. A question about a space finds
/// no app of that id, and the other way round.
///
/// What changes for all apps of a space, by its groups or its suspension, is covered by its stamp, so that nothing is written to
/// each of them.
static READ: LazyLock<RowsSql> = LazyLock::new(|| {
    let lasting = store::contributes::lasting("q.person", "q.id");
    let [own, group, app_group, both] = store::contributes::until("q.person", "q.id");
    let base = format!(
        "SELECT CAST(q.place AS BIGINT) AS place, 0 AS way, h.facts_sequence, h.facts_hash, h.time, s.state, s.published, s.app_creation,
           {lasting} AS contributes, {own} AS until_own, {group} AS until_group, {app_group} AS until_app_group,
           {both} AS until_both, a.space AS app_space, a.delete_time IS NOT NULL AS deleted,
           a.suspended_for, z.suspended_for AS space_suspended_for, z.has_account, t.stamp,
           COALESCE(p.active, TRUE) AS active, p.stamp AS person_stamp,
           c.role, c.expire_time, CAST(NULL AS TEXT) AS group_name, CAST(NULL AS TEXT) AS app_group_name
         FROM question q
         LEFT JOIN head h ON h.scope = q.scope
         LEFT JOIN space s ON s.id = q.id
         LEFT JOIN app a ON a.id = q.id
         LEFT JOIN space z ON z.id = a.space
         LEFT JOIN group_stamp t ON t.space = COALESCE(a.space, q.id)
         LEFT JOIN contributor c ON c.app = q.id AND c.person = q.person
         LEFT JOIN standing p ON p.person = q.person"
    );
    let through = |(number, way): (usize, &Way)| {
        let Way { app, person, .. } = way;
        let (number, held, (tables, on)) = (number + 1, way.held(), way.between());
        format!(
            "SELECT CAST(q.place AS BIGINT), {number}, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, {held}
             FROM question q CROSS JOIN {tables} WHERE {app} = q.id AND {person} = q.person AND {on}"
        )
    };
    let arms = std::iter::once(base).chain(THROUGH.iter().enumerate().map(through));
    let statement = format!("{} ORDER BY place, way", arms.collect::<Vec<_>>().join(" UNION ALL "));
    RowsSql::new("question", &Question::COLUMNS, &statement)
});

impl Row {
    /// A space's suspension is that of all its apps (R-A12).
    fn suspension(&self) -> Result<Suspension, Error> {
        let read = |stored: &Option<String>| store::suspension::read(stored.as_deref().unwrap_or_default());
        Ok(read(&self.suspended_for)?.union(read(&self.space_suspended_for)?))
    }

    /// Whether the app is in a space that has no billing account.
    fn is_in_a_space_without_account(&self) -> bool {
        self.app_space.is_some() && !self.deleted.unwrap_or_default() && !self.has_account.unwrap_or_default()
    }

    fn held(&mut self) -> Result<Option<HeldRole>, Error> {
        let Some(role) = self.role.take() else { return Ok(None) };
        let names = (self.group_name.take(), self.app_group_name.take());
        held_role(&role, self.expire_time, names).map(Some)
    }
}

fn reading(
    question: &Question,
    mut row: Row,
    others: Vec<HeldRole>,
    consent_required_for: ConsentRequiredFor,
) -> Result<Reading, Error> {
    let active = row.active.unwrap_or(true);
    let wants_consent = consent_required_for.includes_deploying() && row.is_in_a_space_without_account();
    let facts = match question.scope {
        Scope::Space(_) => {
            let space = SpaceFacts {
                state: row.state.as_deref().map_or(Ok(SpaceState::None), store::space::state)?,
                published: row.published.unwrap_or_default(),
                app_creation: row
                    .app_creation
                    .as_deref()
                    .map_or(Ok(AppCreation::default()), store::space::app_creation)?,
                contributes: active && row.contributes.unwrap_or_default(),
            };
            let ends = [row.until_own, row.until_group, row.until_app_group, row.until_both];
            // Where there is one that lasts, nobody needs to know of those that end.
            let contributes_until = ends.into_iter().flatten().max().filter(|_| active && !space.contributes);
            OwnFacts::Space { space, contributes_until }
        }
        Scope::People => OwnFacts::Person { active },
        // Nobody asks this service about the last two; what it said of them would be refused (`OwnFacts::are_of`).
        Scope::App(_) | Scope::VendorProfile(_) | Scope::RateCards | Scope::Webhooks => {
            let deleted = row.deleted.unwrap_or_default();
            OwnFacts::App {
                space: row.app_space.filter(|_| !deleted).map(SpaceName),
                deleted,
                roles: row.held()?.into_iter().chain(others).filter(|_| active).collect(),
                suspension: row.suspension()?,
                wants_consent,
            }
        }
    };
    let version = Version::of_head(row.facts_sequence, row.facts_hash)
        .covering(Cover::Space, row.stamp)
        .covering(Cover::Person, row.person_stamp);
    // What the operator wants changes with a restart, and is in no journal.
    let version = if wants_consent { version.saying(Cover::Consent, true) } else { version };
    Ok(Reading { version, last_time: row.time, facts })
}

/// Puts the rows of each question together.
fn readings(
    questions: &[Question],
    rows: Vec<Row>,
    consent_required_for: ConsentRequiredFor,
) -> Result<Vec<Reading>, Error> {
    let mut rows = rows.into_iter().peekable();
    let mut readings = Vec::with_capacity(questions.len());
    while let Some(base) = rows.next() {
        let place = base.place;
        let mut others = Vec::new();
        while let Some(mut way) = rows.next_if(|next| next.place == place) {
            others.extend(way.held()?);
        }
        // As many as there are questions: whoever asked looks.
        if let Some(question) = questions.get(readings.len()) {
            readings.push(reading(question, base, others, consent_required_for)?);
        }
    }
    Ok(readings)
}

/// What is told of spaces in which somebody contributes.
fn contributing(spaces: Vec<SpaceName>) -> Vec<(Uuid, OwnFacts)> {
    let contributes = OwnFacts::from(SpaceFacts { contributes: true, ..SpaceFacts::default() });
    spaces.into_iter().map(|space| (space.0, contributes.clone())).collect()
}

#[tonic::async_trait]
impl FactOwner for SpaceOwner {
    fn owner(&self) -> Service {
        Service::Space
    }

    async fn read(&self, db: &mut Conn, questions: &[Question]) -> Result<Vec<Reading>, Error> {
        let rows: Vec<Row> = READ.fetch_all(db, questions, Question::row).await?;
        readings(questions, rows, self.consent_required_for)
    }

    async fn subject_spaces(
        &self,
        db: &mut Conn,
        subject: &Principal,
        after: Option<Uuid>,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<(Uuid, OwnFacts)>, Error> {
        let after = after.unwrap_or_default();
        Ok(contributing(store::contributor::spaces_of(db, subject.person(), after, limit, now).await?))
    }

    async fn held_spaces(
        &self,
        db: &mut Conn,
        subject: &Principal,
        after: Option<Uuid>,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<(Uuid, OwnFacts)>, Error> {
        let after = after.unwrap_or_default();
        Ok(contributing(
            store::contributor::spaces_with_roles(db, subject.person(), after, limit, now).await?,
        ))
    }

    async fn app_roles(
        &self,
        db: &mut Conn,
        space: SpaceName,
        person: &UserName,
        after: RoleTarget,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<(RoleTarget, AppRole)>, Error> {
        let mut held = Vec::new();
        if let RoleTarget::App(after) = after {
            let own = store::contributor::list_in_space(db, space, person, after, limit, now).await?;
            held.extend(own.into_iter().map(|own| (RoleTarget::App(own.name.app), own.role)));
        }
        let left = limit - i64::try_from(held.len()).unwrap_or(limit);
        let after = match after {
            RoleTarget::App(_) => Uuid::nil(),
            RoleTarget::AppGroup(group) => group.id,
        };
        let holder = RoleHolder::User(person.clone());
        let given = store::app_group_role::of_holder(db, space, &holder, after, left, now).await?;
        held.extend(given.into_iter().map(|(group, given)| (RoleTarget::AppGroup(group), given.role)));
        Ok(held)
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
            Scope::VendorProfile(_) | Scope::RateCards | Scope::People | Scope::Webhooks => Ok(Vec::new()),
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
