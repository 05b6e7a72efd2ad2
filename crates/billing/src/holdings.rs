//! Which spaces hold apps, and held them, as the space service tells.
use std::collections::{BTreeMap, BTreeSet};

use devspaces_authz::Service;
use devspaces_gate::{Context, Peers};
use devspaces_kit::{
    clock::Timestamp,
    name::{AppName, Malformed},
    status::Fault,
};
use devspaces_proto::facts::v1::{
    AppAt, Holding, ListHoldingsAtRequest, space_records_service_client::SpaceRecordsServiceClient,
};

use crate::domain::usage::{Held, Holdings};

/// Asks the space service which spaces held these apps at these times. An app that one space held at the first of them and at the
/// last was held by it all the while: times between are asked of others only.
pub(crate) async fn holdings(
    context: &Context,
    questions: BTreeSet<(AppName, Timestamp)>,
) -> Result<Holdings, Fault> {
    let mut times = BTreeMap::<AppName, Vec<Timestamp>>::new();
    for (app, time) in questions {
        times.entry(app).or_default().push(time);
    }
    let ends = times
        .iter()
        .flat_map(|(app, times)| [times.first(), times.last()].map(|it| it.map(|time| (*app, *time))));
    let mut holdings = ask(context, ends.flatten().collect()).await?;
    times.retain(|app, times| match times.as_slice() {
        [first, .., last] => times.len() > 2 && !holdings.is_held_through(*app, *first, *last),
        _ => false,
    });
    let others = times.iter().flat_map(|(app, times)| times.iter().map(|time| (*app, *time)));
    // Each app's answer is of one moment.
    holdings.replace(ask(context, others.collect()).await?);
    Ok(holdings)
}

async fn ask(context: &Context, questions: BTreeSet<(AppName, Timestamp)>) -> Result<Holdings, Fault> {
    let mut holdings = Holdings::default();
    if questions.is_empty() {
        return Ok(holdings);
    }
    let question =
        |(app, time): (AppName, Timestamp)| AppAt { app: app.to_string(), time: Some(time.into()) };
    let question = ListHoldingsAtRequest { questions: questions.into_iter().map(question).collect() };
    let asked = context.peers.ask(Service::Space, question, async |channel, request| {
        SpaceRecordsServiceClient::new(channel).list_holdings_at(request).await
    });
    for holding in asked.await?.holdings {
        let (app, held) = held(&holding).ok_or_else(|| Peers::unreadable(Service::Space))?;
        holdings.add(app, held);
    }
    Ok(holdings)
}

fn held(holding: &Holding) -> Option<(AppName, Held)> {
    let until = holding.end_time.map(Timestamp::try_from).transpose().ok()?;
    let from = Timestamp::try_from(holding.start_time?).ok()?;
    let app: Result<_, Malformed> = holding.app.parse();
    Some((app.ok()?, Held { space: holding.space.parse().ok()?, from, until }))
}

/// The space that holds an app now, and from when on. Nothing: it is in none, or there is no such app.
pub(crate) async fn holder(context: &Context, app: AppName) -> Result<Option<Held>, Fault> {
    let now = context.clock.now();
    let holdings = holdings(context, BTreeSet::from([(app, now)])).await?;
    Ok(holdings.of(app, now, now).copied().filter(|held| held.until.is_none()))
}
