use std::{collections::BTreeMap, time::Duration};

use devspaces_authz::Permission;
use devspaces_gate::Context;
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{AppName, SpaceName},
    page::{self, PageToken},
    status::{Fault, Fields, Reason},
};
use devspaces_ledger::db::{Conn, Error};
use devspaces_proto::billing::v1::{QueryUsageRequest, QueryUsageResponse};
use tonic::Code;
use uuid::Uuid;

use crate::{
    convert::usage_query::{self, Question},
    domain::{
        Month,
        usage::query::{Grouping, Of, Point, Points, Step},
    },
    store::{
        summed::{self, Row, Whose},
        unsummed::{self, Place},
    },
    summing::{beside, sum_up_for_reading},
};

/// How many rows are read at once.
const PART: i64 = 2000;
/// How often is read anew what was summed up while it was read.
const TRIES: usize = 10;
/// After so many rows a page ends where a step ends, however few points it has.
const MOST_ROWS: usize = 20_000;

/// R-B14
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    request: QueryUsageRequest,
) -> Result<QueryUsageResponse, Fault> {
    let whose = whose(&request)?;
    require(context, &caller, whose).await?;
    let Question { size, step, from, to, grouping } = usage_query::question(&request)?;
    let tokens = tokens(&request);
    let place = tokens.decode(&request.page_token)?.map(|key| place(&key)).transpose()?;
    let (begun, after) = place.unzip();
    // Pages that follow begin as the first, also when another month has begun meanwhile.
    let this_month = || Month::of(context.clock.now()).start();
    let from = begun.map(Timestamp::from_micros).or(from).unwrap_or_else(this_month);
    if from >= to {
        let sentence = "must be later than from, which is the beginning of this month where it is not given";
        return Err(Fault::bad_field("to", sentence));
    }
    let query = Query { whose, step, from, to, grouping, after, size };
    let spaces = match whose {
        Whose::Space(space) | Whose::AppInSpace(_, space) => vec![space],
        Whose::App(app) => summed::spaces_of(&mut context.pool.read().await?, app).await?,
    };
    for space in &spaces {
        sum_up_for_reading(context, *space).await?;
    }
    let (points, next) = query.page(&mut context.pool.read().await?, &spaces).await?;
    let told = |point| Some(usage_query::point(point, &query.grouping));
    let (points, last) = page::fill(points, size, |(of, _)| of.clone(), told);
    // A pair of numbers and texts has no way to fail.
    let key = |of: Of| serde_json::to_vec(&(from.micros(), of)).unwrap_or_default();
    Ok(QueryUsageResponse { points, next_page_token: tokens.next(last.or(next).map(key)) })
}

fn whose(request: &QueryUsageRequest) -> Result<Whose, Fault> {
    let mut fields = Fields::new();
    let whose = match (request.app.as_str(), request.space.as_str()) {
        ("", "") => {
            fields.bad("app", "must be given, or space, or both");
            None
        }
        (app, "") => fields.parse::<AppName>("app", app).map(Whose::App),
        ("", space) => fields.parse::<SpaceName>("space", space).map(Whose::Space),
        (app, space) => {
            let app = fields.parse::<AppName>("app", app);
            let space = fields.parse::<SpaceName>("space", space);
            app.zip(space).map(|(app, space)| Whose::AppInSpace(app, space))
        }
    };
    fields.finish_with(whose)
}

/// Of an app in a space, who sees the usage of either sees it.
async fn require(context: &Context, caller: &Caller, whose: Whose) -> Result<(), Fault> {
    let gate = &context.gate;
    match whose {
        Whose::Space(space) => gate.require_read(caller, Permission::UsageGet, space).await,
        Whose::App(app) => gate.require_read(caller, Permission::AppUsageGet, app).await,
        Whose::AppInSpace(app, space) => {
            let Err(of_app) = gate.require_read(caller, Permission::AppUsageGet, app).await else {
                return Ok(());
            };
            let of_space = gate.require_read(caller, Permission::UsageGet, space).await;
            // What could not be decided is no denial (R-P2).
            of_space.map_err(|of_space| match (of_app.code(), of_space.code()) {
                (Code::PermissionDenied, Code::PermissionDenied) => of_app,
                (Code::PermissionDenied, _) => of_space,
                _ => of_app,
            })
        }
    }
}

fn tokens(request: &QueryUsageRequest) -> PageToken {
    let text = |time: Option<prost_types::Timestamp>| {
        time.map(|time| format!("{}.{:09}", time.seconds, time.nanos)).unwrap_or_default()
    };
    let (from, to) = (text(request.from), text(request.to));
    let lists = serde_json::to_string(&(&request.meters, &request.group_by)).unwrap_or_default();
    let step = request.step.to_string();
    PageToken::for_arguments::<QueryUsageRequest>(&[&request.app, &request.space, &from, &to, &lists, &step])
}

/// From when on is asked, in microseconds, and after which point the page begins.
fn place(key: &[u8]) -> Result<(i64, Of), Fault> {
    serde_json::from_slice(key).map_err(|_| Fault::page_token_invalid())
}

struct Query {
    whose: Whose,
    step: Step,
    from: Timestamp,
    to: Timestamp,
    grouping: Grouping,
    after: Option<Of>,
    size: usize,
}

/// Points, and after what the page that follows begins if they do not say that.
type Page = (Vec<(Of, Point)>, Option<Of>);

impl Query {
    /// The points of a page. What is summed up meanwhile would be read twice, or not at all: then it is read anew.
    async fn page(&self, db: &mut Conn, spaces: &[SpaceName]) -> Result<Page, Fault> {
        for _ in 0..TRIES {
            let places = places(db, spaces).await?;
            let (mut points, complete) = self.summed(db).await?;
            for (space, place) in &places {
                let beside = beside(db, *space, place, self.step).await?;
                for used in beside.ok_or_else(being_summed_up)? {
                    let is_of = match self.whose {
                        Whose::Space(_) => true,
                        Whose::App(app) | Whose::AppInSpace(app, _) => used.app == app,
                    };
                    if is_of && (self.from..self.to).contains(&used.start) {
                        points.add(&self.grouping, &used).map_err(|_| too_large())?;
                    }
                }
            }
            if self::places(db, spaces).await? == places {
                let points = points.between(self.after.as_ref(), complete.as_ref()).collect();
                return Ok((points, complete));
            }
        }
        Err(being_summed_up())
    }

    /// The points that the sums add up to, until there are enough for a page; and the first that is not complete, if all before it
    /// are.
    async fn summed(&self, db: &mut Conn) -> Result<(Points, Option<Of>), Fault> {
        let (mut points, mut read) = (Points::default(), 0);
        let mut after = self.begin();
        let mut last: Option<Of> = None;
        loop {
            let rows = summed::rows(db, self.whose, self.step, &after, self.to, PART).await?;
            let more = i64::try_from(rows.len()).is_ok_and(|rows| rows == PART);
            for row in rows {
                let used = row.used()?;
                let first = self.grouping.first_of(&used);
                let is_new = last.as_ref().is_some_and(|last| *last < first);
                if is_new && (read >= MOST_ROWS || points.after(self.after.as_ref()) > self.size) {
                    return Ok((points, Some(first)));
                }
                points.add(&self.grouping, &used).map_err(|_| too_large())?;
                (last, after, read) = (Some(first), row, read + 1);
            }
            if !more {
                return Ok((points, None));
            }
        }
    }

    /// What the rows of the page come after.
    fn begin(&self) -> Row {
        match &self.after {
            Some(of) => Row::before(
                Timestamp::from_micros(of.start).max(self.from),
                AppName(Uuid::from_bytes(of.app.unwrap_or_default())),
            ),
            None => Row::before(self.from, AppName::NIL),
        }
    }
}

/// Up to where the usage of spaces is summed up.
async fn places(db: &mut Conn, spaces: &[SpaceName]) -> Result<BTreeMap<SpaceName, Place>, Error> {
    let mut places = BTreeMap::new();
    for space in spaces {
        places.insert(*space, unsummed::place(db, *space).await?);
    }
    Ok(places)
}

/// While much of what was used is being summed up there is no answer that is complete.
fn being_summed_up() -> Fault {
    let sentence =
        "Much usage of the space is being summed up; the question can be asked again in some seconds";
    Fault::new(Code::Unavailable, Reason::UsageBeingSummedUp, sentence).retry_after(Duration::from_secs(2))
}

/// What is accepted is bounded, so that its sums can be told.
fn too_large() -> Fault {
    Fault::internal("a sum of bounded quantities can't be kept exactly")
}
