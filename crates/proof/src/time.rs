//! Times and months, in UTC.

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600_000_000;
/// How long before an app was held a meter may have stamped what counts as used when it began to be: 5 minutes.
const LEEWAY: i64 = 300_000_000;

/// The microseconds since 1970 of a time such as `2026-11-30T12:00:00.000001Z`.
pub(crate) fn micros(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z')?;
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, part) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers(time, ':')?;
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && part.len() <= 6
        && part.bytes().all(|byte| byte.is_ascii_digit());
    let part: i64 = format!("{part:0<6}").parse().ok()?;
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second;
    in_range.then_some(seconds * 1_000_000 + part)
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let numbers: Option<Vec<i64>> = text.split(between).map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok()
}

/// How many days after the first of 1970 a day is.
fn days(year: i64, month: i64, day: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let before = usize::try_from(month - 1).ok().and_then(|month| BEFORE.get(month)).copied();
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
        + before.unwrap_or_default()
        + i64::from(is_leap && month > 2)
        + day
        - 1
}

/// The month of a time: `2026-11`.
pub(crate) fn month(micros: i64) -> String {
    let day = micros.div_euclid(DAY * 1_000_000);
    let mut year = 1970 + day / 366;
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| days(year, *month, 1) <= day).unwrap_or(1);
    format!("{year:04}-{month:02}")
}

/// When a month begins, in microseconds since 1970.
pub(crate) fn start(month: &str) -> Option<i64> {
    micros(&format!("{month}-01T00:00:00Z"))
}

/// The month before: `2026-10`.
pub(crate) fn month_before(month: &str) -> Option<String> {
    let (year, month) = month.split_once('-')?;
    let (year, month): (i64, i64) = (year.parse().ok()?, month.parse().ok()?);
    Some(if month == 1 { format!("{:04}-12", year - 1) } else { format!("{year:04}-{:02}", month - 1) })
}

/// The moment as of which an event counts (R-B5): its time, or the beginning of the holding, if the time lies before that by no more
/// than meters stamp too early.
pub(crate) fn counts_from(time: i64, held_from: Option<i64>) -> i64 {
    match held_from {
        Some(from) if from > time && (from - time <= LEEWAY || time == from / HOUR * HOUR) => from,
        _ => time,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_have_their_month() {
        for (text, expected, of) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01"),
            ("1970-01-01T00:00:01.000002Z", 1_000_002, "1970-01"),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000, "2000-02"),
            ("2026-11-30T23:59:59.999999Z", 1_796_083_199_999_999, "2026-11"),
            ("2026-12-01T00:00:00Z", 1_796_083_200_000_000, "2026-12"),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000_000, "2100-03"),
        ] {
            let read = micros(text).expect("a time");
            assert_eq!((read, month(read).as_str()), (expected, of), "{text}");
        }
        for bad in ["", "2026-13-01T00:00:00Z", "2026-11-30T24:00:00Z", "2026-11-30T00:00:00", "x"] {
            assert_eq!(micros(bad), None, "{bad}");
        }
        assert_eq!(month_before("2027-01").as_deref(), Some("2026-12"));
        assert_eq!(month_before("2026-11").as_deref(), Some("2026-10"));
    }

    // R-B5
    #[test]
    fn what_is_stamped_just_before_a_holding_counts_when_it_begins() {
        let at = |text: &str| micros(text).expect("a time");
        let from = Some(at("2026-12-01T00:01:02Z"));
        let usage_month = |time, from| month(counts_from(time, from));
        assert_eq!(usage_month(at("2026-11-30T23:58:00Z"), from), "2026-12");
        assert_eq!(usage_month(at("2026-11-30T23:00:00Z"), from), "2026-11");
        assert_eq!(usage_month(at("2026-12-02T00:00:00Z"), from), "2026-12");
    }
}
