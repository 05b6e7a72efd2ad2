//! What the attacker owns, and who the attackers are.
use devspaces_kit::name::Principal;
use devspaces_proto::space::v1::{CreateSpaceRequest, Space, UpdateSpaceRequest};
use devspaces_tests::Persona;
use futures::{StreamExt as _, stream};
use tonic::Status;

use crate::{Outcome, Size, attacker::Briefing, target::Target, wire::channel};

/// The one attacker who has data.
pub(crate) fn mallory() -> Principal {
    Principal::user("mallory")
}

/// A service that may follow the journals.
pub(crate) fn observer() -> Principal {
    Principal::service("observer")
}

/// A space, to be created.
pub(crate) fn creation() -> CreateSpaceRequest {
    let space = Space { display_name: "Mine".to_owned(), ..Space::default() };
    CreateSpaceRequest { space: Some(space), ..CreateSpaceRequest::default() }
}

/// Makes what the attacker owns, and says what an attacker has to know.
pub(crate) async fn prepare(target: &Target, size: Size) -> Outcome<Briefing> {
    let who = &target.persona(&mallory(), &channel(target.address));
    let long_journal = who.creates_space("Mine").await;
    let spaces = stream::iter(0..size.spaces)
        .map(|_| async { who.spaces().create_space(creation()).await.map(drop) })
        .buffer_unordered(16);
    let (spaces, entries) =
        tokio::join!(spaces.collect::<Vec<_>>(), changes(who, &long_journal, size.entries),);
    let made = spaces.into_iter().chain(entries).collect::<Result<(), Status>>();
    made.map_err(|status| format!("the attacker's data: {status}"))?;
    let tokens = [mallory(), observer()]
        .into_iter()
        .map(|caller| (caller.to_string(), target.token(&caller)))
        .collect();
    let (address, connections) = (target.address, size.connections);
    Ok(Briefing { address, tokens, long_journal, connections })
}

/// Changes a space so often.
async fn changes(who: &Persona, space: &str, count: u32) -> Vec<Result<(), Status>> {
    let change = |number: u32| async move {
        let display_name = format!("Mine {number}");
        let space = Space { name: space.to_owned(), display_name, ..Space::default() };
        let request = UpdateSpaceRequest { space: Some(space), ..UpdateSpaceRequest::default() };
        who.spaces().update_space(request).await.map(drop)
    };
    stream::iter(0..count).map(change).buffer_unordered(8).collect().await
}
