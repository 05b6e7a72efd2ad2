//! One page of a list: candidates, which owners list in the order of their keys, each decided by the gate.
use devspaces_kit::{
    clock::Timestamp,
    page::{FIELD, MAX_BYTES},
    server::QUESTIONS_AT_ONCE,
    status::Fault,
};
use devspaces_proto::authz::v1::Explanation;
use prost::Message;

use super::decide::{Question, decide};
use crate::{catalogue, gate::Gate, verdict::is_allowed};

/// The fewest candidates that are asked for at once: what most small pages need.
const FEWEST: usize = 16;

/// After so many candidates a page ends, however few entries it has: the next one goes on from there.
const MOST: usize = 2_000;

/// Some of those who may be on a list.
pub(crate) struct Candidates<K> {
    /// In the order of the list.
    pub(crate) keys: Vec<K>,
    /// Up to which key these are all. `None`: there are no more.
    pub(crate) through: Option<K>,
}

/// What is listed: what those have in common whose questions the gate allows.
pub(crate) trait Listing: Sync {
    /// What stands for a candidate, and orders the list.
    type Key: Clone + Send + Sync;
    /// How it is told.
    type Entry: Message;

    /// Candidates after one, about so many. None is left out that the gate would allow from now until it is decided.
    fn candidates(
        &self,
        after: Option<&Self::Key>,
        limit: usize,
    ) -> impl Future<Output = Result<Candidates<Self::Key>, Fault>> + Send;

    /// What is asked of a candidate.
    fn question(&self, key: &Self::Key) -> Question;

    /// A candidate that is on the list.
    fn entry(&self, key: &Self::Key, explanation: Option<Explanation>) -> Self::Entry;
}

/// A page of a list.
pub(crate) struct Page<L: Listing> {
    pub(crate) entries: Vec<L::Entry>,
    /// The last that was gone through, if another page follows.
    pub(crate) next: Option<L::Key>,
    /// Every revocation acknowledged before this time is seen.
    pub(crate) as_of: Timestamp,
}

/// The page after `after`, of at most `size` entries.
///
/// # Errors
/// `UNAVAILABLE` / `FACTS_UNAVAILABLE` where facts could not be had that say whether somebody is on the page, and
/// `RESOURCE_EXHAUSTED`: a page is whole or not given.
pub(crate) async fn page<L: Listing>(
    gate: &Gate,
    list: &L,
    after: Option<L::Key>,
    size: usize,
    explain: bool,
) -> Result<Page<L>, Fault> {
    let mut filling = Filling {
        list,
        size,
        explain,
        bytes: 0,
        page: Page { entries: Vec::new(), next: after, as_of: gate.now() },
    };
    let (mut looked_at, mut fewest) = (0, FEWEST);
    loop {
        let limit = (size + 1 - filling.page.entries.len()).max(fewest);
        let found = list.candidates(filling.page.next.as_ref(), limit).await?;
        for keys in found.keys.chunks(QUESTIONS_AT_ONCE) {
            if filling.decide(gate, keys).await? {
                return Ok(filling.page);
            }
        }
        looked_at += limit;
        let ended = found.through.is_none();
        filling.page.next = found.through;
        if ended || filling.page.entries.len() == size || looked_at >= MOST {
            return Ok(filling.page);
        }
        // Where few are on the list, fewer round trips look at as many.
        fewest = (2 * fewest).min(QUESTIONS_AT_ONCE);
    }
}

/// A page that is being filled.
struct Filling<'a, L: Listing> {
    list: &'a L,
    size: usize,
    explain: bool,
    bytes: usize,
    page: Page<L>,
}

impl<L: Listing> Filling<'_, L> {
    /// Goes through these candidates. Whether the page is full, and another follows.
    async fn decide(&mut self, gate: &Gate, keys: &[L::Key]) -> Result<bool, Fault> {
        let asked: Vec<Question> = keys.iter().map(|key| self.list.question(key)).collect();
        let decided = decide(gate, &asked).await?;
        for ((key, question), checked) in keys.iter().zip(&asked).zip(decided) {
            let allowed =
                checked.and_then(|checked| Ok((is_allowed(&checked.decision, question.resource)?, checked)));
            let (allowed, checked) = match allowed {
                // Whoever follows a full page is the next one's affair.
                Err(_) if self.page.entries.len() == self.size => return Ok(true),
                decided => decided?,
            };
            self.page.as_of = self.page.as_of.min(checked.as_of);
            if allowed {
                let why = self.explain.then(|| catalogue::explanation(&checked));
                if !self.takes(self.list.entry(key, why)) {
                    return Ok(true);
                }
            }
            self.page.next = Some(key.clone());
        }
        Ok(false)
    }

    /// Puts an entry on the page, unless it is full, by number or by bytes.
    fn takes(&mut self, entry: L::Entry) -> bool {
        self.bytes += entry.encoded_len() + FIELD;
        let full =
            self.page.entries.len() == self.size || (self.bytes > MAX_BYTES && !self.page.entries.is_empty());
        if !full {
            self.page.entries.push(entry);
        }
        !full
    }
}
