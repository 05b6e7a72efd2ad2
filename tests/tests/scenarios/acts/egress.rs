//! A meter with dimensions, and cards that price it by them.
use devspaces_proto::billing::v1::{Exemption, ListRateCardsRequest, Meter, Rate, RateCard, UsageEvent};
use devspaces_tests::{Persona, Suite};

use crate::acts::{
    meters::{creates_meter, dimension, free_text, meter},
    usage::new_usage_event,
};

/// A meter that is priced by a dimension, and exempt by another.
pub(crate) const EGRESS: &str = "meters/egress.gb";

/// Makes a meter with three regions, and any job.
pub(crate) async fn makes_egress(suite: &Suite) -> Meter {
    let dimensions = vec![free_text("job", 16), dimension("region", &["ap", "eu", "us"])];
    creates_meter(suite, Meter { dimensions, ..meter("egress.gb", "GB") }).await.expect("a meter")
}

/// What a GB costs, everywhere or in a region.
pub(crate) fn rate(region: &str, allowance: &str, unit_price: &str) -> Rate {
    let dimension = if region.is_empty() { "" } else { "region" };
    Rate {
        meter: EGRESS.to_owned(),
        dimension: dimension.to_owned(),
        dimension_value: region.to_owned(),
        allowance: allowance.to_owned(),
        unit_price: unit_price.to_owned(),
    }
}

pub(crate) fn exemption(dimension: &str, value: &str) -> Exemption {
    let (dimension, dimension_value) = (dimension.to_owned(), value.to_owned());
    Exemption { meter: EGRESS.to_owned(), dimension, dimension_value }
}

/// The card in force, for a month to come, with these rates of the meter beside its own.
pub(crate) async fn card_with(
    who: &Persona,
    month: &str,
    rates: &[Rate],
    exemptions: &[Exemption],
) -> RateCard {
    let cards = who.usage().list_rate_cards(ListRateCardsRequest::default()).await.expect("cards");
    let mut card = cards.into_inner().rate_cards.remove(0);
    month.clone_into(&mut card.effective_month);
    card.rates.extend_from_slice(rates);
    card.exemptions = exemptions.to_vec();
    card
}

/// The same event with these dimensions.
pub(crate) fn with(event: UsageEvent, dimensions: &[(&str, &str)]) -> UsageEvent {
    let dimensions = dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    UsageEvent { dimensions: dimensions.collect(), ..event }
}

/// Egress of now.
pub(crate) fn egress(suite: &Suite, app: &str, quantity: &str, dimensions: &[(&str, &str)]) -> UsageEvent {
    with(new_usage_event(suite, app, EGRESS, quantity), dimensions)
}
