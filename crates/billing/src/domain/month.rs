use std::{fmt, str::FromStr};

use devspaces_kit::{clock::Timestamp, name::Malformed};

/// A calendar month in UTC, of the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Month {
    year: u16,
    /// 1 to 12.
    month: u8,
}

impl Month {
    /// The month that a time lies in.
    pub(crate) fn of(time: Timestamp) -> Self {
        // Counted from a first of March, a leap day ends its year, and a month begins 153 days after the fifth before it.
        let days = time.seconds() / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let months = (5 * day_of_year + 2) / 153;
        let (year, month) = if months < 10 { (0, months + 3) } else { (1, months - 9) };
        let year = u16::try_from(era * 400 + year_of_era + year).unwrap_or(9999);
        Self { year, month: u8::try_from(month).unwrap_or(1) }
    }

    /// Its first moment.
    pub(crate) fn start(self) -> Timestamp {
        self.day(1)
    }

    /// The first moment of one of its first 28 days.
    pub(crate) fn day(self, day: u8) -> Timestamp {
        format!("{self}-{day:02}T00:00:00Z").parse().unwrap_or(Timestamp::EPOCH)
    }

    /// The month before; the first one stays.
    pub(crate) fn previous(self) -> Self {
        match (self.year, self.month) {
            (1970, 1) => self,
            (year, 1) => Self { year: year - 1, month: 12 },
            (year, month) => Self { year, month: month - 1 },
        }
    }

    /// The month after; the last one stays.
    pub(crate) fn next(self) -> Self {
        match (self.year, self.month) {
            (9999, 12) => self,
            (year, 12) => Self { year: year + 1, month: 1 },
            (year, month) => Self { year, month: month + 1 },
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for Month {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed { expected: "YYYY-MM, of the years 1970 to 9999" };
        let (year, month) = text.split_once('-').ok_or(malformed)?;
        let digits =
            |text: &str, width| text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) {
            return Err(malformed);
        }
        let (year, month) = (year.parse().map_err(|_| malformed)?, month.parse().map_err(|_| malformed)?);
        if (1970..=9999).contains(&year) && (1..=12).contains(&month) {
            return Ok(Self { year, month });
        }
        Err(malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_month_is_what_its_times_begin_with(micros in 0..=253_402_300_799_999_999_i64) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(Month::of(time).to_string(), time.to_string()[..7].to_owned());
        }
    }

    #[test]
    fn each_day_of_a_cycle_of_the_calendar_is_in_its_month() {
        for day in 0..=146_097 {
            let time = Timestamp::from_micros(day * 86_400_000_000);
            assert_eq!(Month::of(time).to_string(), time.to_string()[..7]);
        }
    }

    #[test]
    fn months_follow_on_one_another_and_hold_their_days() {
        let month: Month = "2026-12".parse().unwrap();
        assert_eq!((month.next().to_string(), month.next().previous()), ("2027-01".to_owned(), month));
        assert_eq!(month.previous().to_string(), "2026-11");
        assert_eq!(month.start().to_string(), "2026-12-01T00:00:00.000000Z");
        assert_eq!(month.day(3).to_string(), "2026-12-03T00:00:00.000000Z");
        let last = Timestamp::from_micros(month.next().start().micros() - 1);
        assert_eq!(
            (Month::of(month.start()), Month::of(last), Month::of(month.next().start())),
            (month, month, month.next())
        );
        for bad in ["", "2026", "2026-13", "2026-00", "2026-1", "26-01", "1969-12", "2026-+1", "2026-11-01"] {
            assert!(bad.parse::<Month>().is_err(), "{bad}");
        }
    }
}
