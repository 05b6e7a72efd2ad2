//! What the membership service knows that permissions depend on.
use std::sync::{Arc, LazyLock};

use devspaces_authz::{ConsoleRole, Owner};
use devspaces_gate::{FactOwner, OwnFacts, Question, Reading, Version};
use devspaces_kit::{
    clock::{Clock, Timestamp},
    db::{BatchSql, Conn, Error, Pool},
    inbox,
    name::{Principal, SpaceName, UserName},
    on,
    status::Fault,
};
use devspaces_proto::facts::v1::ApplyEffectsRequest;
use uuid::Uuid;

use crate::{effects::Received, store};

/// The membership service as the owner of console roles.
#[derive(Clone)]
pub struct MembershipOwner {
    pool: Pool,
    clock: Arc<dyn Clock>,
}

impl MembershipOwner {
    /// The owner of the roles in this database.
    #[must_use]
    pub fn new(pool: Pool, clock: Arc<dyn Clock>) -> Self {
        Self { pool, clock }
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    facts_sequence: Option<i64>,
    facts_hash: Option<Vec<u8>>,
    time: Option<Timestamp>,
    role: Option<String>,
    view_all_apps: Option<bool>,
    expire_time: Option<Timestamp>,
    has_admin: bool,
}

/// Heads and facts in one statement, so that a version and its facts are of one moment.
static READ: LazyLock<BatchSql> = LazyLock::new(|| {
    BatchSql::new(
        "WITH question (place, scope, space, person) AS (VALUES ",
        3,
        ") SELECT h.facts_sequence, h.facts_hash, h.time, m.role, m.view_all_apps, m.expire_time,
             EXISTS (SELECT 1 FROM member a
                     WHERE a.space = q.space AND a.role = 'ADMIN' AND a.expire_time IS NULL) AS has_admin
           FROM question q
           LEFT JOIN head h ON h.scope = q.scope
           LEFT JOIN member m ON m.space = q.space AND m.person = q.person
           ORDER BY q.place",
    )
});

impl TryFrom<Row> for Reading {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let facts = OwnFacts::Membership {
            // A role that this version does not know grants nothing, and keeps no other answer back.
            role: row.role.as_deref().and_then(|name| store::role(name).ok()),
            view_all_apps: row.view_all_apps.unwrap_or_default(),
            expire_time: row.expire_time,
            has_admin: row.has_admin,
        };
        let version = Version::of_head(row.facts_sequence, row.facts_hash);
        Ok(Self { version, last_time: row.time, facts })
    }
}

/// The person whom a principal names here. A service is never a member: the empty id is nobody's.
fn person(subject: &Principal) -> &str {
    match subject {
        Principal::User(id) => id,
        Principal::Service(_) => "",
    }
}

#[tonic::async_trait]
impl FactOwner for MembershipOwner {
    fn owner(&self) -> Owner {
        Owner::Membership
    }

    async fn read(&self, db: &mut Conn, questions: &[Question]) -> Result<Vec<Reading>, Error> {
        let mut rows: Vec<Row> = Vec::with_capacity(questions.len());
        for (sql, filled) in READ.statements(db, questions) {
            rows.extend(on!(db, |c| {
                let mut query = sqlx::query_as::<_, Row>(sql);
                for question in filled {
                    let subject = person(&question.subject).to_owned();
                    query = query.bind(question.scope.to_string()).bind(question.scope.id()).bind(subject);
                }
                query.fetch_all(c).await
            })?);
        }
        rows.into_iter().take(questions.len()).map(Reading::try_from).collect()
    }

    async fn subject_spaces(
        &self,
        db: &mut Conn,
        subject: &Principal,
        after: Option<Uuid>,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<(Uuid, OwnFacts)>, Error> {
        store::spaces_of(db, person(subject), after.unwrap_or_default(), limit, now).await
    }

    async fn derived_viewers(
        &self,
        db: &mut Conn,
        space: SpaceName,
        after: &str,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<(UserName, ConsoleRole)>, Error> {
        store::viewing(db, space, after, limit, now).await
    }

    async fn apply(&self, sender: &str, request: ApplyEffectsRequest) -> Result<(), Fault> {
        let effects = Received::from_sender(sender, &request)?;
        inbox::apply(&self.pool, sender, &request, &effects, self.clock.now()).await
    }
}
