//! What the attacker owns, and who the attackers are.
use devspaces_kit::name::Principal;
use devspaces_proto::space::v1::{CreateSpaceRequest, Space, UpdateSpaceRequest};
use devspaces_tests::Persona;
use futures::{StreamExt as _, stream};
use tonic::Status;

use crate::{Outcome, Size, attacker::Briefing, target::Target, wire::channel};

/// Changes of the space with the large entries: what they list comes to 1 MiB.
const LARGE_ENTRIES: u32 = 130;
/// The longest description, of characters that take four bytes each. Its entry has the one before, too.
const DESCRIPTION: usize = 1000;

/// The one attacker who has data.
pub(crate) fn mallory() -> Principal {
    Principal::user("mallory")
}

/// A service that may follow the journals.
pub(crate) fn observer() -> Principal {
    Principal::service("observer")
}

/// Attackers who act together.
pub(crate) fn accomplices() -> [Principal; 4] {
    ["ann", "ben", "cleo", "dan"].map(Principal::user)
}

/// A space, to be created.
pub(crate) fn creation() -> CreateSpaceRequest {
    let space = Space { display_name: "Mine".to_owned(), ..Space::default() };
    CreateSpaceRequest { space: Some(space), ..CreateSpaceRequest::default() }
}

/// Makes what the attacker owns, and says what an attacker has to know.
pub(crate) async fn prepare(target: &Target, size: Size) -> Outcome<Briefing> {
    let who = &target.persona(&mallory(), &channel(target.address));
    let (long_journal, large_entries) = (who.creates_space("Mine").await, who.creates_space("Large").await);
    let spaces = stream::iter(0..size.spaces)
        .map(|_| async { who.spaces().create_space(creation()).await.map(drop) })
        .buffer_unordered(16);
    let (spaces, entries, large) = tokio::join!(
        spaces.collect::<Vec<_>>(),
        changes(who, &long_journal, size.entries, 0),
        changes(who, &large_entries, LARGE_ENTRIES, DESCRIPTION),
    );
    let made = spaces.into_iter().chain(entries).chain(large).collect::<Result<(), Status>>();
    made.map_err(|status| format!("the attacker's data: {status}"))?;
    let callers = accomplices().into_iter().chain([mallory(), observer()]);
    let tokens = callers.map(|caller| (caller.to_string(), target.token(&caller))).collect();
    let Size { connections, floods, pause, .. } = size;
    Ok(Briefing { address: target.address, tokens, long_journal, large_entries, connections, floods, pause })
}

/// Changes a space so often, to descriptions of so many characters.
async fn changes(who: &Persona, space: &str, count: u32, length: usize) -> Vec<Result<(), Status>> {
    let change = |number: u32| async move {
        let filling = char::from_u32(0x2_0000 + number).map(String::from).unwrap_or_default();
        let (display_name, description) = (format!("Mine {number}"), filling.repeat(length));
        let space = Space { name: space.to_owned(), display_name, description, ..Space::default() };
        let request = UpdateSpaceRequest { space: Some(space), ..UpdateSpaceRequest::default() };
        who.spaces().update_space(request).await.map(drop)
    };
    stream::iter(0..count).map(change).buffer_unordered(8).collect().await
}
