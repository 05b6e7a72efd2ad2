use devspaces_authz::Service;
use devspaces_gate::{Context, admit};
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::AppName,
    status::{Fault, Fields},
};
use devspaces_proto::facts::v1::{AppAt, Holding, ListHoldingsAtRequest, ListHoldingsAtResponse};

use crate::store;

/// The most questions of one call: as many as there are events in a batch.
const MAX_QUESTIONS: usize = 1000;

/// R-B5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: ListHoldingsAtRequest,
) -> Result<ListHoldingsAtResponse, Fault> {
    admit(&caller, Service::Space, &[Service::Billing])?;
    if request.questions.len() > MAX_QUESTIONS {
        return Err(Fault::bad_field("questions", format!("must have at most {MAX_QUESTIONS} entries")));
    }
    let mut fields = Fields::new();
    let questions = request.questions.iter().enumerate();
    let questions: Vec<_> =
        questions.filter_map(|(index, asked)| question(&mut fields, index, asked)).collect();
    fields.finish()?;
    let found = store::holding::around(&mut context.pool.read().await?, &questions).await?;
    let holding = |it: store::holding::Holding| Holding {
        app: it.app.to_string(),
        space: it.space.to_string(),
        start_time: Some(it.start.into()),
        end_time: it.end.map(Into::into),
    };
    Ok(ListHoldingsAtResponse { holdings: found.into_iter().map(holding).collect() })
}

fn question(fields: &mut Fields, index: usize, asked: &AppAt) -> Option<(AppName, Timestamp)> {
    let app = fields.parse(format!("questions[{index}].app"), &asked.app);
    let time = asked.time.map(Timestamp::try_from).and_then(Result::ok);
    let time = fields.check(format!("questions[{index}].time"), time.ok_or("must be a time"));
    app.zip(time)
}
