//! What the membership service knows that permissions depend on.
use std::sync::LazyLock;

use devspaces_authz::Service;
use devspaces_gate::{ConsoleHolder, Cover, FactOwner, OwnFacts, Question, Reading, Roles, Version, Viewers};
use devspaces_kit::{
    clock::Timestamp,
    name::{MemberName, Principal, Scope, SpaceName, UserName},
};
use devspaces_ledger::db::{Conn, Error, RowsSql};
use uuid::Uuid;

use crate::store;

/// The membership service as the owner of console roles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MembershipOwner;

#[derive(Debug, sqlx::FromRow)]
struct Row {
    facts_sequence: Option<i64>,
    facts_hash: Option<Vec<u8>>,
    time: Option<Timestamp>,
    role: Option<String>,
    view_all_apps: Option<bool>,
    expire_time: Option<Timestamp>,
    has_admin: bool,
    active: bool,
    stamp: Option<Uuid>,
}

/// Heads and facts in one statement, so that a version and its facts are of one moment.
static READ: LazyLock<RowsSql> = LazyLock::new(|| {
    RowsSql::new(
        "question",
        &Question::COLUMNS,
        "SELECT h.facts_sequence, h.facts_hash, h.time, m.role, m.view_all_apps, m.expire_time,
           EXISTS (SELECT 1 FROM member a
                   WHERE a.space = q.id AND a.role = 'ADMIN' AND a.expire_time IS NULL
                     AND NOT EXISTS (SELECT 1 FROM standing d WHERE d.person = a.person AND NOT d.active)
                  ) AS has_admin,
           COALESCE(p.active, TRUE) AS active, p.stamp
         FROM question q
         LEFT JOIN head h ON h.scope = q.scope
         LEFT JOIN standing p ON p.person = q.person
         LEFT JOIN member m ON m.space = q.id AND m.person = q.person
         ORDER BY q.place",
    )
});

fn reading(question: &Question, row: Row) -> Reading {
    let has_admin = row.has_admin;
    let facts = match question.scope {
        Scope::People => OwnFacts::Person { active: row.active },
        _ if !row.active => {
            OwnFacts::Membership { role: None, view_all_apps: false, expire_time: None, has_admin }
        }
        _ => OwnFacts::Membership {
            // A role that this version does not know grants nothing, and keeps no other answer back.
            role: row.role.as_deref().and_then(|name| store::member::role(name).ok()),
            view_all_apps: row.view_all_apps.unwrap_or_default(),
            expire_time: row.expire_time,
            has_admin,
        },
    };
    let version = Version::of_head(row.facts_sequence, row.facts_hash);
    let version = version.covering(Cover::Person, row.stamp).saying(Cover::Admins, has_admin);
    Reading { version, last_time: row.time, facts }
}

#[tonic::async_trait]
impl FactOwner for MembershipOwner {
    fn owner(&self) -> Service {
        Service::Membership
    }

    async fn read(&self, db: &mut Conn, questions: &[Question]) -> Result<Vec<Reading>, Error> {
        let rows: Vec<Row> = READ.fetch_all(db, questions, Question::row).await?;
        Ok(questions.iter().zip(rows).map(|(question, row)| reading(question, row)).collect())
    }

    async fn subject_spaces(
        &self,
        db: &mut Conn,
        subject: &Principal,
        after: Option<Uuid>,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<(Uuid, OwnFacts)>, Error> {
        store::member::spaces_of(db, subject.person(), after.unwrap_or_default(), limit, now).await
    }

    async fn derived_viewers(
        &self,
        db: &mut Conn,
        space: SpaceName,
        which: Viewers<'_>,
        now: Timestamp,
    ) -> Result<Vec<ConsoleHolder>, Error> {
        match which {
            Viewers::After(after, limit) => store::member::viewing(db, space, after, limit, now).await,
            Viewers::One(user) => {
                let name = MemberName { space, user: user.clone() };
                let found = store::member::find(db, &name, now).await?;
                let viewer = found.filter(|member| member.membership.views_all_apps());
                Ok(viewer.map(ConsoleHolder::from).into_iter().collect())
            }
        }
    }

    async fn role_holders(
        &self,
        db: &mut Conn,
        roles: &Roles,
        after: &str,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<UserName>, Error> {
        store::member::holders(db, SpaceName(roles.scope.id()), &roles.console, after, limit, now).await
    }
}
