//! Time and identifiers, injected so that tests own both.
use std::{fmt, sync::Arc, time::Duration};

use prost_types::Timestamp as WireTime;
use sqlx::{
    Postgres, Sqlite,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef},
    sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef},
};
use time::{
    OffsetDateTime,
    format_description::{BorrowedFormatItem, well_known::Rfc3339},
    macros::format_description,
};
use uuid::Uuid;

/// The source of time and of new identifiers.
pub trait Clock: Send + Sync + 'static {
    /// The time now, in UTC.
    fn now(&self) -> Timestamp;
    /// How much time has passed, whatever the clock is set to and also while the machine was suspended: since some moment
    /// before the process began. A clock that is only ever moved on by the time that passes need not tell it.
    fn uptime(&self) -> Duration {
        Duration::from_micros(self.now().micros().unsigned_abs())
    }
    /// A new UUID, version 7: later ones sort after earlier ones of the same process.
    fn new_id(&self) -> Uuid;
}

/// By how much the clocks of the suite's services may differ. One that differs by more is wrong.
const SKEW: Duration = Duration::from_secs(30);

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The machine's clock, to be shared.
    #[must_use]
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock and id source that all else must use")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from(OffsetDateTime::now_utc())
    }

    fn uptime(&self) -> Duration {
        since_boot()
    }

    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// How long the machine has been up, the time included in which it was suspended: whoever slept must not take what was
/// confirmed before for young.
fn since_boot() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    // Elsewhere the monotonic clock is the one that goes on.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::Monotonic;

    // The kernel's are within these types.
    Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
}

/// A moment in UTC, in whole microseconds since 1970: what both database engines keep exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// SQLite compares times as text, so their width is fixed.
const SQLITE_TEXT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// 9999-12-31T23:59:59.999999Z: the last moment that protobuf and both engines share.
const LAST: i64 = 253_402_300_799_999_999;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The moment so many microseconds after 1970-01-01T00:00:00Z, kept within the years 1970 to 9999.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(0, LAST))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0 / 1_000_000
    }

    /// The day of its month in UTC: 1 to 31.
    #[must_use]
    pub fn day_of_month(self) -> u8 {
        self.datetime().day()
    }

    /// This time, as a clock shows it, or that of what has happened already, if that is later: clocks differ. What is stamped
    /// further ahead than they may differ was stamped by a clock that was wrong, and nothing else is judged by it.
    #[must_use]
    pub fn not_before(self, happened: Self) -> Self {
        if happened <= self + SKEW { self.max(happened) } else { self }
    }

    fn datetime(self) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + time::Duration::microseconds(self.0)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl From<OffsetDateTime> for Timestamp {
    fn from(time: OffsetDateTime) -> Self {
        Self::from_micros(i64::try_from(time.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with six fraction digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.datetime().format(SQLITE_TEXT).map_err(|_| fmt::Error)?)
    }
}

/// A text that is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a time in the years 1970 to 9999, as RFC 3339 writes it: 2026-01-31T00:00:00Z")]
pub struct NotATime;

impl std::str::FromStr for Timestamp {
    type Err = NotATime;

    /// Takes RFC 3339 and rounds down to the microsecond.
    fn from_str(text: &str) -> Result<Self, NotATime> {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NotATime)?;
        let micros = i64::try_from(time.unix_timestamp_nanos().div_euclid(1000)).map_err(|_| NotATime)?;
        if (0..=LAST).contains(&micros) { Ok(Self(micros)) } else { Err(NotATime) }
    }
}

impl From<Timestamp> for WireTime {
    fn from(time: Timestamp) -> Self {
        let nanos = i32::try_from(time.0.rem_euclid(1_000_000) * 1000).unwrap_or(0);
        Self { seconds: time.0.div_euclid(1_000_000), nanos }
    }
}

impl TryFrom<WireTime> for Timestamp {
    type Error = OutOfRange;

    /// Rounds down to the microsecond.
    fn try_from(time: WireTime) -> Result<Self, OutOfRange> {
        if !(0..1_000_000_000).contains(&time.nanos) {
            return Err(OutOfRange);
        }
        let micros =
            time.seconds.checked_mul(1_000_000).and_then(|m| m.checked_add(i64::from(time.nanos / 1000)));
        let micros = micros.ok_or(OutOfRange)?;
        if (0..=LAST).contains(&micros) { Ok(Self(micros)) } else { Err(OutOfRange) }
    }
}

/// A time outside the years 1970 to 9999, or with nanoseconds outside one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must lie in the years 1970 to 9999, with nanos from 0 to 999,999,999")]
pub struct OutOfRange;

/// When a role that is given is to end: `None` if it is not, and else a time that lies ahead.
///
/// # Errors
/// What is wrong, to be told of the field.
pub fn end_ahead(wire: Option<WireTime>, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let Some(wire) = wire else { return Ok(None) };
    let end = Timestamp::try_from(wire).map_err(|error| error.to_string())?;
    if end > now { Ok(Some(end)) } else { Err("must lie in the future".to_owned()) }
}

impl sqlx::Type<Postgres> for Timestamp {
    fn type_info() -> PgTypeInfo {
        <OffsetDateTime as sqlx::Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for Timestamp {
    fn array_type_info() -> PgTypeInfo {
        <OffsetDateTime as PgHasArrayType>::array_type_info()
    }
}

impl sqlx::Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        sqlx::Encode::<Postgres>::encode(self.datetime(), buffer)
    }
}

impl<'r> sqlx::Decode<'r, Postgres> for Timestamp {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        <OffsetDateTime as sqlx::Decode<Postgres>>::decode(value).map(Self::from)
    }
}

impl sqlx::Type<Sqlite> for Timestamp {
    fn type_info() -> SqliteTypeInfo {
        <OffsetDateTime as sqlx::Type<Sqlite>>::type_info()
    }

    fn compatible(ty: &SqliteTypeInfo) -> bool {
        <OffsetDateTime as sqlx::Type<Sqlite>>::compatible(ty)
    }
}

impl sqlx::Encode<'_, Sqlite> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        sqlx::Encode::<Sqlite>::encode(self.to_string(), buffer)
    }
}

impl<'r> sqlx::Decode<'r, Sqlite> for Timestamp {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        <OffsetDateTime as sqlx::Decode<Sqlite>>::decode(value).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // SQLite sorts times as text: the order of the text must be the order of the moments.
        #[test]
        fn text_sorts_as_the_moments_do(a in 0..=LAST, b in 0..=LAST) {
            let (a, b) = (Timestamp(a), Timestamp(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn the_wire_keeps_every_microsecond(micros in 0..=LAST) {
            prop_assert_eq!(Timestamp::try_from(WireTime::from(Timestamp(micros))), Ok(Timestamp(micros)));
        }
    }

    // A clock that was ahead for a minute: nothing is judged by what it stamped.
    #[test]
    fn what_has_happened_is_believed_as_far_as_clocks_differ() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let now = at(1000);
        for (happened, judged) in [(0, 1000), (1000, 1000), (1030, 1030), (1031, 1000), (40_000_000, 1000)] {
            assert_eq!(now.not_before(at(happened)), at(judged), "{happened}");
        }
    }

    #[test]
    fn a_day_of_the_month_begins_at_midnight_in_utc() {
        let day = |time: &str| time.parse::<Timestamp>().expect("a time").day_of_month();
        assert_eq!((day("2026-12-02T23:59:59.999999Z"), day("2026-12-03T00:00:00Z")), (2, 3));
        assert_eq!((day("2028-02-29T00:00:00Z"), day("2026-12-01T00:30:00+01:00")), (29, 30));
    }

    #[test]
    fn a_time_is_read_as_rfc_3339_writes_it() {
        let read = |text: &str| text.parse::<Timestamp>().map(Timestamp::micros);
        assert_eq!(read("1970-01-01T00:00:01Z"), Ok(1_000_000));
        assert_eq!(read("1970-01-01T01:00:00.0000019+01:00"), Ok(1));
        for bad in ["", "1970-01-01", "1969-12-31T23:59:59Z", "yesterday", "1970-01-01T00:00:00"] {
            assert_eq!(read(bad), Err(NotATime), "{bad}");
        }
    }

    #[test]
    fn times_outside_the_shared_range_are_refused() {
        for (seconds, nanos) in [
            (-1, 0),
            (0, -1),
            (0, 1_000_000_000),
            (253_402_300_800, 0),
            (i64::MAX, 0),
            (9_223_372_036_854, 999_999_999),
        ] {
            assert_eq!(Timestamp::try_from(WireTime { seconds, nanos }), Err(OutOfRange));
        }
    }
}
