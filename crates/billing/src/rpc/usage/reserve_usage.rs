use std::collections::BTreeSet;

use devspaces_authz::{Permission, takes_away};
use devspaces_gate::{Confirmed, Context, GuardedChange, Pass, Resource};
use devspaces_kit::{
    clock::Timestamp,
    identity::Caller,
    name::{AccountName, AppName, BudgetName, MeterName, ReservationName, Scope},
    status::{Fault, Reason},
};
use devspaces_ledger::{Abort, Call, Change, Tx, db::Conn};
use devspaces_proto::billing::v1::{Reservation as WireReservation, ReserveUsageRequest};
use serde_json::{Value, json};

use crate::{
    convert::reservation::{Wanted, to_wire, wanted},
    domain::{
        Budget, Meter, Month,
        pricing::Usage,
        reservation::{Grant, Reservation, count_in, grant},
        usage::Held,
    },
    holdings::holder,
    statement::usage,
    store,
};

/// How many reservations a space has at a time: what is granted is found by looking at all of them.
const MOST: i64 = 10_000;
/// How often it is tried with the scopes of an app that moves, or that other spaces begin to use something of.
const ROUNDS: usize = 10;

/// R-E5
pub(super) async fn handle(
    context: &Context,
    caller: Caller,
    mut request: ReserveUsageRequest,
) -> Result<WireReservation, Fault> {
    let (names, call) = Call::parse(caller, &mut request, |fields, it| {
        let app = fields.parse::<AppName>("app", &it.app);
        app.zip(fields.parse::<MeterName>("meter", &it.meter))
    })?;
    context.mutations.answer(&call, reserve(context, &call, names, request)).await
}

async fn reserve(
    context: &Context,
    call: &Call,
    (app, meter): (AppName, MeterName),
    request: ReserveUsageRequest,
) -> Result<WireReservation, Fault> {
    let pass = context.gate.require(&call.caller, Permission::UsageReport, Resource::Platform).await?;
    let found = store::meter::find(&mut context.pool.read().await?, &meter).await?;
    let wanted = wanted(request, app, &meter, found.as_ref())?;
    let found = found.ok_or_else(|| Fault::not_found(&meter))?;
    require_in_use(&found, context.clock.now())?;
    let mut left = ROUNDS;
    loop {
        let done = reserve_once(context, call, &pass, &wanted).await;
        left -= 1;
        match done {
            Err(fault) if fault.reason() == Reason::Overtaken && left > 0 => {}
            done => return done,
        }
    }
}

/// R-B6
fn require_in_use(meter: &Meter, now: Timestamp) -> Result<(), Fault> {
    if meter.is_retired(now) {
        let sentence = "The meter is retired: what is used from now on is not taken";
        return Err(Fault::precondition(Reason::MeterRetired, meter.name.to_string(), sentence));
    }
    Ok(())
}

async fn reserve_once(
    context: &Context,
    call: &Call,
    pass: &Pass,
    wanted: &Wanted,
) -> Result<WireReservation, Fault> {
    let held = holder(context, wanted.app).await?.ok_or_else(|| Fault::not_found(wanted.app))?;
    let of_app = [(wanted.app, Month::of(context.clock.now()))];
    let mut spaces = BTreeSet::from([held.space]);
    let mut db = context.pool.read().await?;
    spaces.extend(store::total::holders(&mut db, &of_app).await?);
    spaces.extend(store::reservation::of_apps(&mut db, &of_app).await?.iter().map(|it| it.space));
    drop(db);
    // Of the app as well: of two spaces that hold it one after the other each so sees what was set aside for the other.
    let scopes = spaces.into_iter().map(Scope::from).chain([wanted.app.into()]).collect();
    let name = ReservationName(context.clock.new_id());
    let reserving = Reserving { name, wanted: wanted.clone(), held };
    context.mutations.run(call.clone(), scopes, pass.clone().guard(reserving)).await
}

struct Reserving {
    name: ReservationName,
    wanted: Wanted,
    held: Held,
}

impl GuardedChange for Reserving {
    type Reply = WireReservation;

    fn takes_away(&self) -> bool {
        takes_away(&[])
    }

    async fn once(&self, tx: &mut Tx, _: &Confirmed<'_>) -> Result<WireReservation, Abort> {
        let asked = self.asked(tx).await?;
        let caps = [None, Some(asked.app)].map(|app| BudgetName { space: asked.space, app });
        let caps = store::budget::caps(tx, &caps).await?;
        let grant = if caps.is_empty() {
            Grant { quantity: asked.remaining, limited_by: None }
        } else {
            granted(tx, &asked, &caps).await?
        };
        let meter = &self.wanted.meter;
        if grant.quantity.is_zero() {
            return Ok(to_wire(None, &asked, meter, grant));
        }
        if store::reservation::count(tx, asked.space).await? >= MOST {
            let sentence = format!("The space has {MOST} reservations, and can't have more at a time");
            let resource = asked.space.to_string();
            return Err(Fault::precondition(Reason::TooManyReservations, resource, sentence).into());
        }
        let made = Reservation { remaining: grant.quantity, ..asked };
        record(tx, &made, Value::Null, &self.told(&made)).await?;
        store::reservation::add(tx, &made).await?;
        Ok(to_wire(Some(self.name), &made, meter, grant))
    }
}

impl Reserving {
    /// The reservation of all that is asked for. It ends with the month, since each has costs and allowances of its own.
    async fn asked(&self, tx: &mut Tx) -> Result<Reservation, Abort> {
        let Self { name, wanted, held } = self;
        let now = tx.time();
        let month = Month::of(now);
        let card = store::rate_card::for_month(tx, month).await?;
        Ok(Reservation {
            name: *name,
            space: held.space,
            app: wanted.app,
            held_from: held.from,
            month,
            tariff: card.tariff(&wanted.meter, &wanted.dimensions),
            remaining: wanted.quantity,
            end_time: (now + wanted.ttl).min(month.next().start()),
        })
    }

    fn told(&self, made: &Reservation) -> Value {
        json!({"reservation": {
            "name": made.name.to_string(),
            "app": made.app.to_string(),
            "tariff": made.tariff.to_string(),
            "asked_for": self.wanted.quantity.to_string(),
            "granted": made.remaining.to_string(),
            "end_time": made.end_time.to_string(),
        }})
    }
}

/// R-J1
pub(super) async fn record(tx: &mut Tx, of: &Reservation, before: Value, after: &Value) -> Result<(), Abort> {
    let resources = vec![AccountName(of.space).to_string(), of.app.to_string(), of.name.to_string()];
    let change = Change { scope: of.space.into(), resources, before, after: after.clone(), facts: false };
    tx.record(change).await?;
    Ok(())
}

/// How much of it these caps leave.
async fn granted(tx: &mut Tx, asked: &Reservation, caps: &[Budget]) -> Result<Grant, Abort> {
    let is_of_space = caps.iter().any(|cap| cap.name.app.is_none());
    let mut touched = store::total::touched_by(tx, asked.space, asked.month).await?;
    if is_of_space {
        let reserved = store::reservation::apps_in(tx, asked.space, asked.month).await?;
        touched.extend(reserved.into_iter().map(|app| (app, asked.month)));
    } else {
        touched.retain(|(app, _)| *app == asked.app);
    }
    touched.push((asked.app, asked.month));
    touched.sort_unstable();
    touched.dedup();
    let usage = with_reserved(tx, &touched).await?;
    require_latest(tx, asked, &usage)?;
    Ok(grant(asked, &usage, caps))
}

/// What these apps have used in these months, and what is set aside for them. That is read first: what another space turns
/// from one into the other meanwhile is counted twice so, and not left out.
async fn with_reserved(db: &mut Conn, touched: &[(AppName, Month)]) -> Result<Usage, Abort> {
    let reserved = store::reservation::of_apps(db, touched).await?;
    let mut usage = usage(db, touched).await?;
    count_in(&mut usage, &reserved);
    Ok(usage)
}

/// Sees to it that all spaces with which an allowance is shared are held, and that none has got the app after the one that asks: what was
/// granted there did not reckon with this. Then it is asked anew who holds it.
fn require_latest(tx: &Tx, asked: &Reservation, usage: &Usage) -> Result<(), Abort> {
    let held = tx.scopes();
    let of_app = usage.open.iter().map(|(key, _)| key);
    let mut of_app = of_app.filter(|key| key.app == asked.app && key.usage_month == asked.month);
    if of_app.any(|key| key.held_from > asked.held_from || !held.contains(&key.space.into())) {
        return Err(Fault::overtaken().into());
    }
    Ok(())
}
