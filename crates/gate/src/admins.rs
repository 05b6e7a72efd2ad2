//! Owners of a plane that has admins and nobody else: billing and the Marketplace.
use devspaces_authz::Service;
use devspaces_kit::{
    clock::Timestamp,
    name::{Principal, Scope, UserName},
};
use devspaces_ledger::{
    db::{Conn, Error, RowsSql},
    on,
};
use uuid::Uuid;

use crate::{
    facts::{Cover, OwnFacts, Question, Reading, Version},
    owner::{FactOwner, Roles},
};

/// An owner whose facts are who is an admin of which space's plane.
pub struct Admins {
    /// Which owner this is.
    pub owner: Service,
    /// What it says of somebody who is an admin, or is not.
    pub facts: fn(bool) -> OwnFacts,
    /// Heads and facts in one statement, so that a version and its facts are of one moment: [`Admins::reading`].
    pub reading: &'static RowsSql,
    /// The spaces that a person is an admin of: [`admin_spaces!`](crate::admin_spaces).
    pub spaces: &'static str,
    /// The admins of a space: [`space_admins!`](crate::space_admins).
    pub people: &'static str,
}

/// The text of [`Admins::spaces`], of a table with the columns `space` and `person`.
#[macro_export]
macro_rules! admin_spaces {
    ($table:literal) => {
        concat!("SELECT space FROM ", $table, " WHERE person = $1 AND space > $2 ORDER BY space LIMIT $3")
    };
}

/// The text of [`Admins::people`], of such a table.
#[macro_export]
macro_rules! space_admins {
    ($table:literal) => {
        concat!("SELECT person FROM ", $table, " WHERE space = $1 AND person > $2 ORDER BY person LIMIT $3")
    };
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    facts_sequence: Option<i64>,
    facts_hash: Option<Vec<u8>>,
    time: Option<Timestamp>,
    admin: bool,
    active: bool,
    stamp: Option<Uuid>,
}

impl Admins {
    /// The statement for [`Admins::reading`], of a table with the columns `space` and `person`.
    #[must_use]
    pub fn reading(table: &'static str) -> RowsSql {
        let statement = format!(
            "SELECT h.facts_sequence, h.facts_hash, h.time, a.person IS NOT NULL AS admin,
               COALESCE(p.active, TRUE) AS active, p.stamp
             FROM question q
             LEFT JOIN head h ON h.scope = q.scope
             LEFT JOIN standing p ON p.person = q.person
             LEFT JOIN {table} a ON a.space = q.id AND a.person = q.person
             ORDER BY q.place"
        );
        RowsSql::new("question", &Question::COLUMNS, &statement)
    }
}

#[tonic::async_trait]
impl FactOwner for Admins {
    fn owner(&self) -> Service {
        self.owner
    }

    async fn read(&self, db: &mut Conn, questions: &[Question]) -> Result<Vec<Reading>, Error> {
        let reading = |(question, row): (&Question, Row)| Reading {
            version: Version::of_head(row.facts_sequence, row.facts_hash).covering(Cover::Person, row.stamp),
            last_time: row.time,
            facts: match question.scope {
                Scope::People => OwnFacts::Person { active: row.active },
                _ => (self.facts)(row.admin && row.active),
            },
        };
        let rows: Vec<Row> = self.reading.fetch_all(db, questions, Question::row).await?;
        Ok(questions.iter().zip(rows).map(reading).collect())
    }

    async fn subject_spaces(
        &self,
        db: &mut Conn,
        subject: &Principal,
        after: Option<Uuid>,
        limit: i64,
        _: Timestamp,
    ) -> Result<Vec<(Uuid, OwnFacts)>, Error> {
        let spaces: Vec<Uuid> = on!(db, |c| {
            sqlx::query_scalar(self.spaces)
                .bind(subject.person())
                .bind(after.unwrap_or_default())
                .bind(limit)
                .fetch_all(c)
                .await
        })?;
        Ok(spaces.into_iter().map(|space| (space, (self.facts)(true))).collect())
    }

    async fn role_holders(
        &self,
        db: &mut Conn,
        roles: &Roles,
        after: &str,
        limit: i64,
        _: Timestamp,
    ) -> Result<Vec<UserName>, Error> {
        let people: Vec<String> = on!(db, |c| {
            sqlx::query_scalar(self.people).bind(roles.scope.id()).bind(after).bind(limit).fetch_all(c).await
        })?;
        Ok(people.into_iter().map(UserName::from_stored).collect())
    }
}
