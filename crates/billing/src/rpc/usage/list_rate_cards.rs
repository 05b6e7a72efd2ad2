use devspaces_gate::Context;
use devspaces_kit::{
    identity::Caller,
    page::{self, PageToken},
    status::{Fault, Fields},
};
use devspaces_proto::billing::v1::{ListRateCardsRequest, ListRateCardsResponse};

use crate::{convert, domain::Month, store};

/// A card may have thousands of rates and exemptions: so many are read at a time.
const LONGEST_PAGE: usize = 10;

/// R-B6: what things cost is open to whoever is signed in.
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListRateCardsRequest,
) -> Result<ListRateCardsResponse, Fault> {
    context.gate.require_active_person(&caller).await?;
    let mut fields = Fields::new();
    let size = fields.check("page_size", page::size(request.page_size));
    let size = fields.finish_with(size)?.min(LONGEST_PAGE);
    let tokens = PageToken::for_arguments::<ListRateCardsRequest>(&[]);
    let before: Option<Month> = match tokens.decode_text(&request.page_token)?.as_str() {
        "" => None,
        month => Some(month.parse().map_err(|_| Fault::page_token_invalid())?),
    };
    let limit = page::limit(size);
    let cards = store::rate_card::before(&mut context.pool.read().await?, before, limit).await?;
    let (rate_cards, last) = page::fill(
        cards,
        size,
        |(card, _)| card.effective_month.to_string(),
        |(card, made)| Some(convert::rate_card::to_wire(&card, made)),
    );
    Ok(ListRateCardsResponse { rate_cards, next_page_token: tokens.next(last) })
}
