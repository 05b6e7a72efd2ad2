//! What the billing service knows that permissions depend on.
use std::sync::LazyLock;

use devspaces_authz::{BillingFacts, Owner};
use devspaces_gate::{FactOwner, OwnFacts, Question, Reading, Version};
use devspaces_kit::{
    clock::Timestamp,
    db::{BatchSql, Conn, Error},
    name::Principal,
    on,
    status::{Fault, Reason},
};
use devspaces_proto::facts::v1::ApplyEffectsRequest;
use tonic::Code;
use uuid::Uuid;

/// The billing service as the owner of billing admins.
#[derive(Clone, Default)]
pub struct BillingOwner;

#[derive(Debug, sqlx::FromRow)]
struct Row {
    facts_sequence: Option<i64>,
    facts_hash: Option<Vec<u8>>,
    time: Option<Timestamp>,
    admin: bool,
}

/// Heads and facts in one statement, so that a version and its facts are of one moment.
static READ: LazyLock<BatchSql> = LazyLock::new(|| {
    BatchSql::new(
        "WITH question (place, scope, space, person) AS (VALUES ",
        3,
        ") SELECT h.facts_sequence, h.facts_hash, h.time, a.person IS NOT NULL AS admin
           FROM question q
           LEFT JOIN head h ON h.scope = q.scope
           LEFT JOIN billing_admin a ON a.space = q.space AND a.person = q.person
           ORDER BY q.place",
    )
});

/// The person whom a principal names here. A service is never an admin: the empty id is nobody's.
fn person(subject: &Principal) -> &str {
    match subject {
        Principal::User(id) => id,
        Principal::Service(_) => "",
    }
}

fn facts(admin: bool) -> OwnFacts {
    OwnFacts::Billing(BillingFacts { admin })
}

#[tonic::async_trait]
impl FactOwner for BillingOwner {
    fn owner(&self) -> Owner {
        Owner::Billing
    }

    async fn read(&self, db: &mut Conn, questions: &[Question]) -> Result<Vec<Reading>, Error> {
        let reading = |row: Row| Reading {
            version: Version::of_head(row.facts_sequence, row.facts_hash),
            last_time: row.time,
            facts: facts(row.admin),
        };
        let mut readings = Vec::with_capacity(questions.len());
        for (sql, filled) in READ.statements(db, questions) {
            let rows: Vec<Row> = on!(db, |c| {
                let mut query = sqlx::query_as(sql);
                for question in filled {
                    let subject = person(&question.subject).to_owned();
                    query = query.bind(question.scope.to_string()).bind(question.scope.id()).bind(subject);
                }
                query.fetch_all(c).await
            })?;
            readings.extend(rows.into_iter().map(reading));
        }
        readings.truncate(questions.len());
        Ok(readings)
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
            sqlx::query_scalar(
                "SELECT space FROM billing_admin WHERE person = $1 AND space > $2 ORDER BY space LIMIT $3",
            )
            .bind(person(subject))
            .bind(after.unwrap_or_default())
            .bind(limit)
            .fetch_all(c)
            .await
        })?;
        Ok(spaces.into_iter().map(|space| (space, facts(true))).collect())
    }

    /// No change of another service has effects here.
    async fn apply(&self, _: &str, _: ApplyEffectsRequest) -> Result<(), Fault> {
        let message = "No change of another service has effects on this one";
        Err(Fault::new(Code::PermissionDenied, Reason::PermissionDenied, message))
    }
}
