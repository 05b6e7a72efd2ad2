//! An owner of facts whose facts a test sets.
use super::*;

/// An owner that answers at once from memory. What it says of what it was not told is nothing.
pub(crate) struct Memory {
    pub(super) owner: Service,
    readings: Mutex<HashMap<Question, Reading>>,
    calls: AtomicU64,
    /// The change of membership by which everybody departed whose departure has had its effects here; 0: nobody.
    pub(crate) departed: AtomicU64,
    /// Held while effects are applied.
    pub(crate) applying: tokio::sync::Mutex<()>,
    /// Told when effects have been.
    pub(crate) applied: Notify,
}

impl Memory {
    pub(crate) fn of(owner: Service) -> Arc<Self> {
        Arc::new(Self {
            owner,
            readings: Mutex::default(),
            calls: AtomicU64::new(0),
            departed: AtomicU64::new(0),
            applying: tokio::sync::Mutex::default(),
            applied: Notify::new(),
        })
    }

    pub(crate) fn set(&self, question: Question, sequence: i64, facts: OwnFacts) {
        self.set_at(question, sequence, facts, None);
    }

    pub(crate) fn set_at(&self, question: Question, sequence: i64, facts: OwnFacts, last: Option<Timestamp>) {
        let reading = Reading { version: version(sequence), last_time: last, facts };
        self.readings.lock().unwrap().insert(question, reading);
    }

    /// How many calls it answered.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn reading(&self, question: &Question) -> Reading {
        let unknown = || {
            let facts = match question.scope {
                Scope::App(_) => app_facts(None, held(None)),
                Scope::People => OwnFacts::Person { active: true },
                _ => OwnFacts::nothing(self.owner),
            };
            Reading { version: version(0), last_time: None, facts }
        };
        self.readings.lock().unwrap().get(question).cloned().unwrap_or_else(unknown)
    }

    pub(super) fn subject_spaces(
        &self,
        subject: &Principal,
        after: Option<SpaceName>,
        limit: i64,
    ) -> Vec<(SpaceName, OwnFacts)> {
        let readings = self.readings.lock().unwrap();
        let mut spaces: Vec<_> = readings
            .iter()
            .filter(|(question, _)| *question.subject == *subject)
            .map(|(question, reading)| (SpaceName(question.scope.id()), reading.facts.clone()))
            .filter(|(space, _)| after.is_none_or(|after| *space > after))
            .collect();
        spaces.sort_by_key(|(space, _)| *space);
        spaces.truncate(usize::try_from(limit).unwrap());
        spaces
    }

    /// Everybody of whom something is known in the scope, whatever it is: more than hold one of the roles.
    pub(super) fn role_holders(&self, roles: &Roles, after: &str, limit: i64) -> Vec<UserName> {
        let readings = self.readings.lock().unwrap();
        let here = readings.keys().filter(|question| question.scope == roles.scope);
        let mut people: Vec<_> = here.filter_map(|question| question.subject.as_user()).collect();
        people.retain(|person| person.id() > after);
        people.sort();
        people.truncate(usize::try_from(limit).unwrap());
        people
    }

    /// A source that this owner answers, reading by this clock.
    pub(crate) fn source(self: &Arc<Self>, clock: &Arc<TestClock>) -> Source {
        let (calls, mut peer) = mpsc::unbounded_channel::<Call>();
        let (memory, time) = (Arc::clone(self), Arc::clone(clock));
        tokio::spawn(async move {
            while let Some(call) = peer.recv().await {
                memory.calls.fetch_add(1, Ordering::Relaxed);
                let answer = |(question, known): (&Question, &Option<Version>)| {
                    let reading = memory.reading(question);
                    let facts = (!reading.version.is_known(known.as_ref())).then_some(reading.facts);
                    Answer { version: reading.version, facts, read_time: time.now() }
                };
                let answers = call.questions.iter().zip(&call.known).map(answer).collect();
                call.answer(answers);
            }
        });
        Source::scripted(self.owner, Script { calls, memory: Some(Arc::clone(self)) }, clock.clone())
    }
}

#[tonic::async_trait]
impl FactOwner for Memory {
    fn owner(&self) -> Service {
        self.owner
    }

    async fn read(&self, _: &mut Conn, questions: &[Question]) -> Result<Vec<Reading>, db::Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(questions.iter().map(|question| self.reading(question)).collect())
    }

    async fn subject_spaces(
        &self,
        _: &mut Conn,
        subject: &Principal,
        after: Option<Uuid>,
        limit: i64,
        _: Timestamp,
    ) -> Result<Vec<(Uuid, OwnFacts)>, db::Error> {
        let spaces = Self::subject_spaces(self, subject, after.map(SpaceName), limit);
        Ok(spaces.into_iter().map(|(space, facts)| (space.0, facts)).collect())
    }

    async fn role_holders(
        &self,
        _: &mut Conn,
        roles: &Roles,
        after: &str,
        limit: i64,
        _: Timestamp,
    ) -> Result<Vec<UserName>, db::Error> {
        Ok(Self::role_holders(self, roles, after, limit))
    }

    async fn has_departed_since(
        &self,
        _: &mut Conn,
        _: SpaceName,
        _: &Principal,
        version: &Version,
    ) -> Result<bool, db::Error> {
        Ok(self.departed.load(Ordering::Relaxed) > version.sequence.unsigned_abs())
    }
}

#[tonic::async_trait]
impl Receive for Memory {
    async fn receive(&self, _: &str, _: &ApplyEffectsRequest) -> Result<(), Fault> {
        let _turn = self.applying.lock().await;
        self.applied.notify_one();
        Ok(())
    }
}
