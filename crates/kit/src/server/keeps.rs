//! What a call has from others while it lasts.
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::DropGuard;

use super::admission::{Place, Turn};

/// The place of a call that is open to everybody: it lasts until the last of its clones is dropped.
pub(super) type Permits = Arc<Vec<OwnedSemaphorePermit>>;

/// What a call has from others.
#[derive(Default)]
pub(super) struct Keeps {
    pub(super) place: Option<Place>,
    pub(super) turn: Option<Turn>,
    pub(super) permits: Option<Permits>,
    pub(super) answered: Option<DropGuard>,
}
