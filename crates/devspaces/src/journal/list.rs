//! Lists of entries, of one journal or of several put together by time.
use std::collections::VecDeque;

use devspaces_authz::Service;
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::Principal,
    page::{self, PageToken},
    server::long_work,
    status::{Fault, Fields},
};
use devspaces_ledger::{
    db::Error,
    journal::{self, Entry, PLACE, Place},
};
use devspaces_proto::journal::v1::{self as proto, ListEntriesRequest, ListEntriesResponse};
use prost::Message as _;

use super::{
    access::Parent,
    server::{Journal, JournalServer},
    wire,
};

/// How many entries a page looks at, at most.
const LOOKED_AT: usize = 10_000;

/// How large a page may be, in bytes, before its last entry. Clients take 4 MiB unless told otherwise, and no change
/// is larger than a request of 1 MiB.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// How many entries are read at a time, at most.
const CHUNK: usize = 250;

/// The longest name of a resource that is looked for, in bytes.
const MAX_RESOURCE: usize = 2048;

/// Which entries of a scope are meant.
struct Filter {
    scope: String,
    end: Option<Timestamp>,
    actor: Option<String>,
    resource: Option<String>,
    /// Whether they are told as they are chained.
    chained: bool,
}

impl Filter {
    /// Whether it may take few of those that are looked at.
    fn is_selective(&self) -> bool {
        self.actor.is_some() || self.resource.is_some()
    }

    /// Judged here and not in SQL: what is personal stands beside the bytes that are chained.
    fn takes(&self, entry: &Entry) -> bool {
        self.actor.as_deref().is_none_or(|actor| entry.is_of(actor))
            && self.resource.as_deref().is_none_or(|resource| entry.changes(resource))
    }
}

/// One journal, read from a place on.
struct Reader {
    journal: Journal,
    /// After the last entry that was taken.
    place: Place,
    read: VecDeque<Entry>,
    /// Whether there was no more to read.
    ended: bool,
}

impl Reader {
    fn new(journal: Journal, place: Place) -> Self {
        Self { journal, place, read: VecDeque::new(), ended: false }
    }

    /// Reads on if nothing is left of what was read.
    async fn fill(&mut self, filter: &Filter, chunk: usize) -> Result<(), Error> {
        if self.read.is_empty() && !self.ended {
            let mut db = self.journal.pool.read().await?;
            let limit = i64::try_from(chunk).unwrap_or(i64::MAX);
            self.read = journal::entries(&mut db, &filter.scope, self.place, filter.end, limit).await?.into();
            self.ended = self.read.len() < chunk;
        }
        Ok(())
    }

    fn take(&mut self) -> Option<Entry> {
        let entry = self.read.pop_front()?;
        self.place = Place::after(&entry);
        Some(entry)
    }
}

/// A page, and where the next one begins if there is one.
struct Page {
    entries: Vec<proto::Entry>,
    next: Option<Vec<u8>>,
}

/// Puts a page together. Of each journal the token has a place of its own: an entry that is committed meanwhile lies
/// after that place, whatever its time is compared with other journals' entries.
async fn page(mut readers: Vec<Reader>, filter: &Filter, size: usize) -> Result<Page, Error> {
    let chunk = if filter.is_selective() { CHUNK } else { CHUNK.min(size + 1) };
    let (mut entries, mut looked_at, mut bytes) = (Vec::new(), 0, 0);
    loop {
        for reader in &mut readers {
            reader.fill(filter, chunk).await?;
        }
        // Readers are in the order of their services' names, and the first of the earliest is taken.
        let first = readers.iter_mut().filter(|reader| !reader.read.is_empty());
        let Some(first) = first.min_by_key(|reader| reader.read[0].time) else {
            return Ok(Page { entries, next: None });
        };
        if entries.len() == size || bytes >= PAGE_BYTES || looked_at == LOOKED_AT {
            return Ok(Page { entries, next: Some(key(&readers)) });
        }
        let service = first.journal.service;
        if let Some(entry) = first.take() {
            looked_at += 1;
            if filter.takes(&entry) {
                let tell = if filter.chained { wire::chained } else { wire::entry };
                let entry = tell(service, entry);
                bytes += entry.encoded_len();
                entries.push(entry);
            }
        }
    }
}

/// The places of all readers, as a page token holds them: each after the number of its owner.
fn key(readers: &[Reader]) -> Vec<u8> {
    let part = |reader: &Reader| [&[reader.journal.service as u8], &reader.place.to_bytes()[..]].concat();
    readers.iter().flat_map(part).collect()
}

/// The place of an owner's journal in a key.
fn place(key: &[u8], service: Service) -> Option<Place> {
    let (parts, _) = key.as_chunks::<{ 1 + PLACE }>();
    let part = parts.iter().find(|part| part[0] == service as u8)?;
    Some(Place::from_bytes(std::array::from_fn(|index| part[1 + index])))
}

/// A request's filters beside its parent and service, of which every bad one is recorded.
fn parse(fields: &mut Fields, parent: Parent, request: &ListEntriesRequest) -> (Option<Timestamp>, Filter) {
    let mut time = |path: &str, time: Option<prost_types::Timestamp>| {
        time.and_then(|time| fields.check(path, Timestamp::try_from(time).map_err(|error| error.to_string())))
    };
    let (start, end) = (time("start_time", request.start_time), time("end_time", request.end_time));
    let actor = (!request.actor.is_empty())
        .then(|| fields.parse::<Principal>("actor", &request.actor))
        .flatten()
        .map(|actor| actor.to_string());
    let resource = (!request.resource.is_empty()).then(|| request.resource.clone());
    if !resource.as_deref().is_none_or(is_name) {
        fields.bad("resource", "must be the name of a resource: spaces/{uuid}/members/{user}");
    }
    (start, Filter { scope: parent.to_string(), end, actor, resource, chained: request.chained })
}

/// A sequence says nothing where several journals are listed: each counts its own.
fn check_start_sequence(fields: &mut Fields, request: &ListEntriesRequest) {
    if request.start_sequence < 0 {
        fields.bad("start_sequence", "must not be negative");
    } else if request.start_sequence > 0 && request.service.is_empty() {
        fields.bad("start_sequence", "counts the entries of one journal: service must say of which");
    }
}

/// Whether a text could be the name of a resource: a collection and an id at least.
fn is_name(text: &str) -> bool {
    text.len() <= MAX_RESOURCE && text.contains('/') && text.split('/').all(|part| !part.is_empty())
}

/// The page tokens of a request: everything but the size counts.
fn tokens(request: &ListEntriesRequest) -> PageToken {
    let time = |time: Option<prost_types::Timestamp>| {
        time.map(|time| format!("{}.{}", time.seconds, time.nanos)).unwrap_or_default()
    };
    let ListEntriesRequest { parent, service, actor, resource, start_sequence, .. } = request;
    let (start, end) = (time(request.start_time), time(request.end_time));
    let chained = if request.chained { "chained" } else { "" };
    let first = start_sequence.to_string();
    PageToken::for_arguments::<ListEntriesRequest>(&[
        parent, service, &start, &end, actor, resource, chained, &first,
    ])
}

impl JournalServer {
    /// R-J3
    pub(super) async fn list_entries(
        &self,
        caller: Caller,
        request: ListEntriesRequest,
    ) -> Result<ListEntriesResponse, Fault> {
        let mut fields = Fields::new();
        let parent = fields.parse::<Parent>("parent", &request.parent);
        let parent = fields.finish_with(parent)?;
        let wanted = self.hosted(&request.service).map(|journal| journal.service);
        let journals = self.readable(&caller, parent, wanted).await?;

        let mut fields = Fields::new();
        if wanted.is_none() && !request.service.is_empty() {
            fields.bad("service", self.services());
        }
        let (start, filter) = parse(&mut fields, parent, &request);
        check_start_sequence(&mut fields, &request);
        let size = fields.check("page_size", page::size(request.page_size));
        let size = fields.finish_with(size)?;
        let tokens = tokens(&request);
        let key = tokens.decode(&request.page_token)?.unwrap_or_default();

        // By time an index finds the entries; by actor and resource all are looked at.
        let _long = if filter.is_selective() { Some(long_work().await?) } else { None };
        let start = Place::before(start.unwrap_or(Timestamp::EPOCH));
        let mut readers = Vec::with_capacity(journals.len());
        for journal in journals {
            let place = match place(&key, journal.service) {
                Some(place) => place,
                None if request.start_sequence == 0 => start,
                None => {
                    let mut db = journal.pool.read().await?;
                    journal::place_of(&mut db, &filter.scope, request.start_sequence).await?.max(start)
                }
            };
            readers.push(Reader::new(journal, place));
        }
        let Page { entries, next } = page(readers, &filter, size).await?;
        let next_page_token = tokens.next(next);
        Ok(ListEntriesResponse { entries, next_page_token })
    }

    /// What a field must be that names a service, as a sentence.
    pub(super) fn services(&self) -> String {
        let names: Vec<&str> = self.journals.iter().map(|journal| journal.service.name()).collect();
        format!("must be a service of this port: {}", names.join(", "))
    }
}
