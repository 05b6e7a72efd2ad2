//! Rate cards, and when they take effect.
use devspaces_proto::billing::v1::{CreateRateCardRequest, Rate, RateCard};
use devspaces_tests::Persona;
use tonic::Status;

use crate::acts::usage::METERS;

/// How many months from now the first is whose card is announced in time, whatever day it is: 90 days before.
pub(crate) const ANNOUNCED: u32 = 5;

/// A card for a month, on which everything has this price.
pub(crate) fn card(effective_month: &str, unit_price: &str) -> RateCard {
    let rate = |meter: &str| Rate {
        meter: meter.to_owned(),
        allowance: "1.50".into(),
        unit_price: unit_price.to_owned(),
        ..Rate::default()
    };
    RateCard {
        currency_code: "USD".into(),
        effective_month: effective_month.to_owned(),
        rates: METERS.map(rate).to_vec(),
        ..RateCard::default()
    }
}

pub(crate) async fn creates(who: &Persona, card: RateCard) -> Result<RateCard, Status> {
    let request = CreateRateCardRequest { rate_card: Some(card), request_id: String::new() };
    who.usage().create_rate_card(request).await.map(tonic::Response::into_inner)
}
