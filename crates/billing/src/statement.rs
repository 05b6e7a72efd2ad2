//! What a space owes for a month, as the usage stands.
use std::collections::{BTreeMap, BTreeSet, HashSet};

use devspaces_kit::{
    db::{Conn, Error},
    name::{AppName, SpaceName},
};

use crate::{
    domain::{
        Month,
        pricing::{Line, Usage, lines},
    },
    store,
};

/// The lines of a space's invoice for a month that is not issued yet (R-B7).
pub(crate) async fn statement(db: &mut Conn, space: SpaceName, month: Month) -> Result<Vec<Line>, Error> {
    let touched = store::total::touched_by(db, space, month).await?;
    Ok(lines(space, month, &usage(db, &touched).await?))
}

/// All that decides what the usage of these apps in these months costs.
async fn usage(db: &mut Conn, touched: &[(AppName, Month)]) -> Result<Usage, Error> {
    let mut open = store::total::of_apps(db, touched).await?;
    let invoices: HashSet<_> = open.iter().map(|(key, _)| (key.space, key.billed_month)).collect();
    let invoices: Vec<_> = invoices.into_iter().collect();
    let issued = store::usage::issued_months(db, &invoices).await?;
    open.retain(|(key, _)| !key.billable || !issued.contains(&(key.space, key.billed_month)));
    let consumed = store::line::consumed(db, touched).await?;
    let mut cards = BTreeMap::new();
    for month in touched.iter().map(|(_, month)| *month).collect::<BTreeSet<_>>() {
        cards.insert(month, store::rate_card::for_month(db, month).await?);
    }
    Ok(Usage { open, consumed, cards })
}
