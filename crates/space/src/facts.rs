//! What the space service knows that permissions depend on.
use std::sync::LazyLock;

use devspaces_authz::{Owner, SpaceFacts, SpaceState};
use devspaces_gate::{FactOwner, OwnFacts, Question, Reading, Version};
use devspaces_kit::{
    clock::Timestamp,
    db::{BatchSql, Conn, Error},
    name::{Principal, Scope},
    on,
    status::Fault,
};
use devspaces_proto::facts::v1::ApplyEffectsRequest;
use uuid::Uuid;

use crate::store;

/// The space service as the owner of spaces.
#[derive(Clone, Copy, Debug)]
pub struct SpaceOwner;

#[derive(Debug, sqlx::FromRow)]
struct Row {
    facts_sequence: Option<i64>,
    facts_hash: Option<Vec<u8>>,
    time: Option<Timestamp>,
    state: Option<String>,
    published: Option<bool>,
}

/// Heads and facts in one statement, so that a version and its facts are of one moment.
static READ: LazyLock<BatchSql> = LazyLock::new(|| {
    BatchSql::new(
        "WITH question (place, scope, id) AS (VALUES ",
        2,
        ") SELECT h.facts_sequence, h.facts_hash, h.time, s.state, s.published
           FROM question q
           LEFT JOIN head h ON h.scope = q.scope
           LEFT JOIN space s ON s.id = q.id
           ORDER BY q.place",
    )
});

fn reading(question: &Question, row: Row) -> Result<Reading, Error> {
    let facts = match question.scope {
        Scope::Space(_) => OwnFacts::Space(SpaceFacts {
            state: row.state.as_deref().map_or(Ok(SpaceState::None), store::state)?,
            published: row.published.unwrap_or_default(),
            contributes: false,
        }),
        Scope::App(_) | Scope::VendorProfile(_) => {
            OwnFacts::App { space: None, deleted: false, role: None, via_group: None }
        }
    };
    let version = Version::of_head(row.facts_sequence, row.facts_hash);
    Ok(Reading { version, last_time: row.time, facts })
}

#[tonic::async_trait]
impl FactOwner for SpaceOwner {
    fn owner(&self) -> Owner {
        Owner::Space
    }

    async fn read(&self, db: &mut Conn, questions: &[Question]) -> Result<Vec<Reading>, Error> {
        let Some((sql, filled)) = READ.fill(questions) else { return Ok(Vec::new()) };
        let rows: Vec<Row> = on!(db, |c| {
            let mut query = sqlx::query_as(sql);
            for question in filled {
                query = query.bind(question.scope.to_string()).bind(question.scope.id());
            }
            query.fetch_all(c).await
        })?;
        questions.iter().zip(rows).map(|(question, row)| reading(question, row)).collect()
    }

    async fn subject_spaces(
        &self,
        _: &mut Conn,
        _: &Principal,
        _: Option<Uuid>,
        _: i64,
        _: Timestamp,
    ) -> Result<Vec<(Uuid, OwnFacts)>, Error> {
        // Nobody holds a role of this owner's plane: there are no apps yet.
        Ok(Vec::new())
    }

    async fn apply(&self, _: &str, _: ApplyEffectsRequest) -> Result<(), Fault> {
        // No other service has effects here.
        Err(Fault::message_malformed())
    }
}
