//! Owners of facts: what a service implements to be one, and how it is asked where it lives.
use std::sync::Arc;

use devspaces_authz::{AppRole, ConsoleRole, Service};
use devspaces_kit::{
    clock::{Clock, Timestamp},
    name::{AppName, Principal, RoleTarget, Scope, SpaceName, UserName},
    status::Fault,
};
use devspaces_ledger::db::{self, Conn, Pool, RowsSql};
use uuid::Uuid;

use crate::{
    exchange::Answer,
    facts::{OwnFacts, Question, Reading, Version},
};

/// The most questions of one call.
pub const MAX_QUESTIONS: usize = 256;
// One statement answers them all, and so as of one moment.
const _: () = assert!(MAX_QUESTIONS <= RowsSql::MAX_ROWS);

/// Some roles of an owner's plane in a scope: an owner looks at those of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles {
    /// A space, or for the owner of apps also an app.
    pub scope: Scope,
    /// Console roles in the space.
    pub console: Vec<ConsoleRole>,
    /// Contributor roles on the app. In a space it is any, on any app in use.
    pub contributor: Vec<AppRole>,
}

/// Somebody with a console role in a space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleHolder {
    /// The person.
    pub user: UserName,
    /// The role.
    pub role: ConsoleRole,
    /// Whether it was given in an emergency (R-M14).
    pub emergency: bool,
}

/// In which spaces somebody holds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Roles that grant something.
    InEffect,
    /// Those too that grant nothing as things are: on app groups without apps, and on soft-deleted apps.
    Dormant,
}

/// Which of a space's derived viewers are asked for.
#[derive(Clone, Copy, Debug)]
pub enum Viewers<'a> {
    /// Those after an encoded id, at most so many.
    After(&'a str, i64),
    /// This person, if they are one.
    One(&'a UserName),
}

/// An app, by its place in a list: by the space that it is in, or was in until it was deleted, and then by its id. Those
/// that were never in a space come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlacedApp {
    /// The space.
    pub space: Option<SpaceName>,
    /// The app.
    pub app: AppName,
}

/// The most spaces whose apps are listed by one call.
pub(crate) const MAX_SPACES: usize = 100;

/// What each service says of the facts it owns.
#[tonic::async_trait]
pub trait FactOwner: Send + Sync + 'static {
    /// Which owner this is.
    fn owner(&self) -> Service;

    /// Answers at most [`MAX_QUESTIONS`] questions, in their order, by **one** statement over heads and facts: it is
    /// what makes an answer the state at one moment. In a write transaction it sees what the transaction sees.
    async fn read(&self, db: &mut Conn, questions: &[Question]) -> Result<Vec<Reading>, db::Error>;

    /// The spaces after `after`, at most `limit` of them in the order of their ids, in which the subject holds a
    /// role of this owner's plane that has not expired at `now`; with its facts there.
    async fn subject_spaces(
        &self,
        db: &mut Conn,
        subject: &Principal,
        after: Option<Uuid>,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<(Uuid, OwnFacts)>, db::Error>;

    /// As [`subject_spaces`](Self::subject_spaces), with those in which nothing is held but what is
    /// [dormant](Held::Dormant). Only the owner of apps knows any.
    async fn held_spaces(
        &self,
        db: &mut Conn,
        subject: &Principal,
        after: Option<Uuid>,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<(Uuid, OwnFacts)>, db::Error> {
        self.subject_spaces(db, subject, after, limit, now).await
    }

    /// The people whose console role makes them viewers of every app in the space and has not expired at `now`, whether they
    /// are active or not, in the order of their ids (R-A4). Only the owner of console roles knows any.
    async fn derived_viewers(
        &self,
        _db: &mut Conn,
        _space: SpaceName,
        _which: Viewers<'_>,
        _now: Timestamp,
    ) -> Result<Vec<ConsoleHolder>, db::Error> {
        Ok(Vec::new())
    }

    /// The roles that a person has in their own right at `now` on apps of the space, soft-deleted ones included, and on its app
    /// groups, after `after`, at most `limit` of them in the order of what they are on. Only the owner of apps knows any.
    async fn app_roles(
        &self,
        _db: &mut Conn,
        _space: SpaceName,
        _person: &UserName,
        _after: RoleTarget,
        _limit: i64,
        _now: Timestamp,
    ) -> Result<Vec<(RoleTarget, AppRole)>, db::Error> {
        Ok(Vec::new())
    }

    /// The people after `after` who hold one of these roles at `now`, at most `limit` of them in the order of their ids.
    /// An owner of admins and nothing else counts each of them.
    async fn role_holders(
        &self,
        db: &mut Conn,
        roles: &Roles,
        after: &str,
        limit: i64,
        now: Timestamp,
    ) -> Result<Vec<UserName>, db::Error>;

    /// The apps after `after` on which a person has one of these roles, soft-deleted ones included, at most `limit` of
    /// them in the order of their places. Only the owner of apps knows any.
    async fn contributed_apps(
        &self,
        _db: &mut Conn,
        _person: &UserName,
        _roles: &[AppRole],
        _after: Option<PlacedApp>,
        _limit: i64,
    ) -> Result<Vec<PlacedApp>, db::Error> {
        Ok(Vec::new())
    }

    /// The apps in use of these spaces, of the first one those after `after`, at most `limit` of them in the order of the
    /// spaces given and of their ids. Only the owner of apps knows any.
    async fn apps_of_spaces(
        &self,
        _db: &mut Conn,
        _spaces: &[SpaceName],
        _after: AppName,
        _limit: i64,
    ) -> Result<Vec<PlacedApp>, db::Error> {
        Ok(Vec::new())
    }

    /// Whether an effect has been applied here of a change by which the subject ceased to be a member of the space, and
    /// which is later than this version of what membership says of the space. Only the owner of apps has such effects.
    async fn has_departed_since(
        &self,
        _db: &mut Conn,
        _space: SpaceName,
        _subject: &Principal,
        _version: &Version,
    ) -> Result<bool, db::Error> {
        Ok(false)
    }
}

/// An owner that lives in this process, with its database. Clones share both.
#[derive(Clone)]
pub struct Hosted {
    pub(crate) facts: Arc<dyn FactOwner>,
    pool: Pool,
    clock: Arc<dyn Clock>,
}

/// Answers, and the owner's time of reading.
pub(crate) struct Revalidated {
    pub(crate) read_time: Timestamp,
    pub(crate) answers: Vec<Answer>,
}

impl Hosted {
    /// An owner and the primary of its database.
    #[must_use]
    pub fn new(facts: Arc<dyn FactOwner>, pool: Pool, clock: Arc<dyn Clock>) -> Self {
        Self { facts, pool, clock }
    }

    /// Which owner this is.
    #[must_use]
    pub fn owner(&self) -> Service {
        self.facts.owner()
    }

    /// Reads once and says for each question what differs from the version it knows (rule Owner). The time of
    /// reading is taken before the read and is not before the scope's last change, so that a role that had expired
    /// by then is seen as expired although clocks differ; unless that change was stamped by a clock that was wrong. A
    /// transaction judges by the same rule.
    pub(crate) async fn revalidate(
        &self,
        questions: &[Question],
        known: &[Option<Version>],
    ) -> Result<Revalidated, Fault> {
        let mut db = self.pool.facts().await?;
        let read_time = self.clock.now();
        let readings = self.facts.read(&mut db, questions).await?;
        if readings.len() != questions.len() {
            return Err(Fault::internal("an owner answered another number of questions than it was asked"));
        }
        let answer = |(reading, known): (Reading, &Option<Version>)| Answer {
            facts: (!reading.version.is_known(known.as_ref())).then_some(reading.facts),
            version: reading.version,
            read_time: reading.last_time.map_or(read_time, |last| read_time.not_before(last)),
        };
        Ok(Revalidated { read_time, answers: readings.into_iter().zip(known).map(answer).collect() })
    }

    /// Lists on a handlers' connection: no list keeps a check waiting.
    pub(crate) async fn subject_spaces(
        &self,
        subject: &Principal,
        held: Held,
        after: Option<SpaceName>,
        limit: i64,
    ) -> Result<Vec<(SpaceName, OwnFacts)>, db::Error> {
        let mut db = self.pool.read().await?;
        let (after, now) = (after.map(|space| space.0), self.clock.now());
        let spaces = match held {
            Held::InEffect => self.facts.subject_spaces(&mut db, subject, after, limit, now).await?,
            Held::Dormant => self.facts.held_spaces(&mut db, subject, after, limit, now).await?,
        };
        Ok(spaces.into_iter().map(|(space, facts)| (SpaceName(space), facts)).collect())
    }

    pub(crate) async fn derived_viewers(
        &self,
        space: SpaceName,
        which: Viewers<'_>,
    ) -> Result<Vec<ConsoleHolder>, db::Error> {
        let mut db = self.pool.read().await?;
        self.facts.derived_viewers(&mut db, space, which, self.clock.now()).await
    }

    pub(crate) async fn app_roles(
        &self,
        space: SpaceName,
        person: &UserName,
        after: RoleTarget,
        limit: i64,
    ) -> Result<Vec<(RoleTarget, AppRole)>, db::Error> {
        let mut db = self.pool.read().await?;
        self.facts.app_roles(&mut db, space, person, after, limit, self.clock.now()).await
    }

    pub(crate) async fn role_holders(
        &self,
        roles: &Roles,
        after: &str,
        limit: i64,
    ) -> Result<Vec<UserName>, db::Error> {
        let mut db = self.pool.read().await?;
        self.facts.role_holders(&mut db, roles, after, limit, self.clock.now()).await
    }

    pub(crate) async fn contributed_apps(
        &self,
        person: &UserName,
        roles: &[AppRole],
        after: Option<PlacedApp>,
        limit: i64,
    ) -> Result<Vec<PlacedApp>, db::Error> {
        let mut db = self.pool.read().await?;
        self.facts.contributed_apps(&mut db, person, roles, after, limit).await
    }

    pub(crate) async fn apps_of_spaces(
        &self,
        spaces: &[SpaceName],
        after: AppName,
        limit: i64,
    ) -> Result<Vec<PlacedApp>, db::Error> {
        let mut db = self.pool.read().await?;
        self.facts.apps_of_spaces(&mut db, spaces, after, limit).await
    }
}
