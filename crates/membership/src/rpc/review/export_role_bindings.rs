use devspaces_authz::Plane;
use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    name::SpaceName,
    status::{Fault, Fields},
};
use devspaces_proto::membership::v1::{ExportRoleBindingsRequest, ExportRoleBindingsResponse, RoleBinding};
use futures::stream::{self, BoxStream};
use tonic::Status;

use super::{
    bindings::{Found, Told, after, told},
    csv,
    section::{Place, Question},
};

/// How many records a piece has at most: some 60 KiB, since a reader that is slow has a few of them waiting.
const PIECE: usize = 250;

/// R-M13
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ExportRoleBindingsRequest,
) -> Result<BoxStream<'static, Result<ExportRoleBindingsResponse, Status>>, Fault> {
    let mut fields = Fields::new();
    let space = fields.parse::<SpaceName>("parent", &request.parent);
    let space = fields.finish_with(space)?;
    let begun = told(context, &caller, space).await?;
    let mut fields = Fields::new();
    let question = Question::read(&mut fields, space, &request.user, request.expires_before);
    let question = fields.finish_with(question)?;
    let export =
        Export { context: context.clone(), question, told: begun.clone(), place: Some(Place::START) };
    let pieces = stream::try_unfold(export, async |mut export| {
        Ok(export.next_piece().await?.map(|piece| (piece, export)))
    });
    // Whoever may read less than when it began reads no further.
    let (asking, reader) = (context.clone(), caller.clone());
    context.streams.open(&caller, pieces, move || {
        let (context, reader, begun) = (asking.clone(), reader.clone(), begun.clone());
        async move { told(&context, &reader, space).await?.includes(&begun, space) }
    })
}

struct Export {
    context: Context,
    question: Question,
    told: Told,
    /// Where it goes on. `None`: it is whole.
    place: Option<Place>,
}

impl Export {
    async fn next_piece(&mut self) -> Result<Option<ExportRoleBindingsResponse>, Fault> {
        let Some(place) = self.place.take() else { return Ok(None) };
        let found = after(&self.context, &self.question, &self.told, &place, PIECE).await?;
        refuse_unknown(&found)?;
        let more = found.bindings.len() == PIECE;
        self.place = found.bindings.last().map(|(last, _)| last.clone()).filter(|_| more);
        let bindings: Vec<RoleBinding> =
            found.bindings.into_iter().filter_map(|(_, binding)| binding).collect();
        let csv = csv::records(&bindings, place == Place::START)?;
        Ok(Some(ExportRoleBindingsResponse { csv }))
    }
}

/// A file says nothing of what is missing in it.
fn refuse_unknown(found: &Found) -> Result<(), Fault> {
    let names: Vec<_> =
        found.unknown.iter().map(|plane| if *plane == Plane::App { "space" } else { plane.name() }).collect();
    if names.is_empty() { Ok(()) } else { Err(Fault::facts_unavailable(&names)) }
}
