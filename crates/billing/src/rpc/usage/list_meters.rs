use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{ListMetersRequest, ListMetersResponse};

use crate::store;

/// A meter may name thousands of values: so many are read at a time.
const LONGEST_PAGE: usize = 50;

/// R-B6: what is measured is open to whoever is signed in.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListMetersRequest,
) -> Result<ListMetersResponse, Fault> {
    context.gate.require_active_person(&caller).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?.min(LONGEST_PAGE);
    let tokens = PageToken::for_arguments::<ListMetersRequest>(&[]);
    let after = tokens.decode_text(&request.page_token)?;
    let meters = store::meter::after(&mut context.pool.read().await?, &after, page::limit(size)).await?;
    let (meters, last) =
        page::fill(meters, size, |meter| meter.name.id().to_owned(), |meter| Some(meter.into()));
    Ok(ListMetersResponse { meters, next_page_token: tokens.next(last) })
}
