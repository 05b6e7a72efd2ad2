//! The journals, as somebody follows them through all faults: without gaps, with each acknowledged change once.
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
    time::Duration,
};

use devspaces::Service;
use devspaces_proto::journal::v1::{Entry, WatchEntriesRequest};
use prost_types::Timestamp;
use tokio::time::sleep;
use tonic::Status;

use crate::calls::Load;

/// The name that the operator lets follow the journals.
const OBSERVER: &str = "observer";
const METHOD: &str = "devspaces.journal.v1.JournalService/WatchEntries";
/// How long to wait before following again.
const PAUSE: Duration = Duration::from_millis(200);

/// An entry that must be there, once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Expected {
    pub(crate) method: &'static str,
    pub(crate) actor: String,
    pub(crate) scope: String,
    /// Empty: whichever.
    pub(crate) resource: String,
}

/// All entries that have been seen.
pub(crate) struct Seen {
    /// Earlier entries are of other runs.
    since: Timestamp,
    entries: Vec<Entry>,
    last: HashMap<(Service, String), i64>,
    gaps: Vec<String>,
}

/// What is wrong with the journals.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Acknowledged, and not in the journal.
    pub(crate) lost: Vec<String>,
    /// In the journal more often than they were acknowledged.
    pub(crate) surplus: Vec<String>,
}

impl Seen {
    pub(crate) fn since(since: Timestamp) -> Self {
        Self { since, entries: Vec::new(), last: HashMap::new(), gaps: Vec::new() }
    }

    /// Takes an entry in. It may be one that was seen before; none of a scope may be left out.
    fn take(&mut self, service: Service, entry: Entry) {
        let last = self.last.entry((service, entry.scope.clone())).or_default();
        if entry.sequence > *last + 1 {
            self.gaps.push(format!("{service}: {} goes from {last} to {}", entry.scope, entry.sequence));
        }
        if entry.sequence > *last {
            *last = entry.sequence;
            self.entries.push(entry);
        }
    }

    /// How many entries a service's journal has had.
    pub(crate) fn of(&self, service: Service) -> usize {
        self.entries.iter().filter(|entry| entry.service == service.name()).count()
    }

    /// What was left out, since this was last asked.
    pub(crate) fn gaps(&mut self) -> Vec<String> {
        std::mem::take(&mut self.gaps)
    }

    /// Holds the journals against what must be there.
    pub(crate) fn compare(&self, expected: &[Expected]) -> Comparison {
        let mut open = HashMap::<(&str, &str, &str), Vec<&Expected>>::new();
        // Who has made such changes. Nobody else is judged.
        let mut judged = HashSet::new();
        for one in expected {
            open.entry((one.method, &one.actor, &one.scope)).or_default().push(one);
            judged.insert((one.method, one.actor.as_str(), collection(&one.scope)));
        }
        let mut surplus = Vec::new();
        let of_run = |entry: &&Entry| entry.time.is_none_or(|time| seconds(time) >= seconds(self.since));
        let own = |entry: &&Entry| owner(&entry.method) == entry.service && of_run(entry);
        for entry in self.entries.iter().filter(own) {
            if !judged.contains(&(entry.method.as_str(), entry.actor.as_str(), collection(&entry.scope))) {
                continue;
            }
            let key = (entry.method.as_str(), entry.actor.as_str(), entry.scope.as_str());
            let fits = |one: &&Expected| one.resource.is_empty() || entry.resources.contains(&one.resource);
            let found =
                open.get_mut(&key).and_then(|open| open.iter().position(fits).map(|at| open.swap_remove(at)));
            if found.is_none() {
                surplus.push(format!("{} of {:?} by {}", entry.method, entry.resources, entry.actor));
            }
        }
        let lost = open.into_values().flatten();
        let lost = lost.map(|one| format!("{} of {} by {}", one.method, one.resource, one.actor)).collect();
        Comparison { lost, surplus }
    }
}

fn seconds(time: Timestamp) -> (i64, i32) {
    (time.seconds, time.nanos)
}

/// The service of a method: the second part of its name.
fn owner(method: &str) -> &str {
    method.split('.').nth(1).unwrap_or_default()
}

fn collection(name: &str) -> &str {
    name.split_once('/').map_or(name, |(collection, _)| collection)
}

/// Follows a service's journal from its first entry, and goes on by the cursor whenever the stream ends.
pub(crate) async fn follow(load: Load, service: Service, seen: Rc<RefCell<Seen>>) {
    let mut cursor = String::new();
    loop {
        if let Err(status) = follow_once(&load, service, &seen, &mut cursor).await {
            let _ = load.tally().refused(METHOD, &status);
        }
        sleep(PAUSE).await;
    }
}

async fn follow_once(
    load: &Load,
    service: Service,
    seen: &RefCell<Seen>,
    cursor: &mut String,
) -> Result<(), Status> {
    let request = WatchEntriesRequest { cursor: cursor.clone(), ..WatchEntriesRequest::default() };
    let mut stream = load.service(OBSERVER).journal(service).watch_entries(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        cursor.clone_from(&message.cursor);
        if let Some(entry) = message.entry {
            seen.borrow_mut().take(service, entry);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: &str = "devspaces.space.v1.AppService/CreateApp";

    fn entry(app: &str, sequence: i64) -> Entry {
        Entry {
            service: "space".into(),
            scope: app.into(),
            sequence,
            actor: "users/a".into(),
            method: CREATE.into(),
            resources: vec![app.into()],
            ..Entry::default()
        }
    }

    fn expected(app: &str) -> Expected {
        let (actor, scope) = ("users/a".to_owned(), app.to_owned());
        Expected { method: CREATE, actor, scope, resource: app.to_owned() }
    }

    fn seen(entries: impl IntoIterator<Item = Entry>) -> Seen {
        let mut seen = Seen::since(Timestamp::default());
        entries.into_iter().for_each(|entry| seen.take(Service::Space, entry));
        seen
    }

    #[test]
    fn an_acknowledged_change_that_no_entry_tells_of_is_lost() {
        let comparison = seen([entry("apps/1", 1)]).compare(&[expected("apps/1"), expected("apps/2")]);
        assert_eq!((comparison.lost.len(), comparison.surplus.len()), (1, 0), "{comparison:?}");
    }

    #[test]
    fn a_change_that_was_made_twice_is_found() {
        for other in ["apps/1", "apps/2"] {
            let seen = seen([entry("apps/1", 1), entry(other, if other == "apps/1" { 2 } else { 1 })]);
            let comparison = seen.compare(&[expected("apps/1")]);
            assert_eq!((comparison.lost.len(), comparison.surplus.len()), (0, 1), "{comparison:?}");
        }
    }

    #[test]
    fn entries_may_come_again_and_none_may_be_left_out() {
        let mut again =
            seen([entry("apps/1", 1), entry("apps/1", 2), entry("apps/1", 1), entry("apps/1", 2)]);
        assert_eq!((again.gaps(), again.of(Service::Space)), (Vec::new(), 2));
        assert_eq!(seen([entry("apps/1", 1), entry("apps/1", 3)]).gaps().len(), 1);
        assert_eq!(seen([entry("apps/1", 2)]).gaps().len(), 1, "the first as well");
    }

    #[test]
    fn what_others_do_is_not_judged() {
        let foreign = Entry { actor: "users/b".into(), ..entry("apps/9", 1) };
        let effect = Entry { service: "membership".into(), ..entry("apps/1", 1) };
        let comparison = seen([entry("apps/1", 1), foreign, effect]).compare(&[expected("apps/1")]);
        assert_eq!(comparison, Comparison::default());
    }
}
