//! Unix time in the format of RFC 3339.

use crate::Error;

const DAY: u64 = 86_400;

/// The first second of the year 10000, which RFC 3339 cannot express.
const LIMIT: u64 = 253_402_300_800;

/// Formats seconds since 1970: 1,700,000,000 as `2023-11-14T22:13:20Z`.
///
/// # Errors
/// [`Error::Time`] for the year 10000 and later.
pub fn rfc3339(seconds: u64) -> Result<String, Error> {
    if seconds >= LIMIT {
        return Err(Error::Time { seconds });
    }
    let (year, month, day) = civil(seconds / DAY);
    let (hour, minute, second) = (seconds % DAY / 3600, seconds % 3600 / 60, seconds % 60);
    Ok(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// Converts days since 1970-01-01 to year, month and day of the Gregorian calendar.
///
/// Counts in eras of 400 years from 0000-03-01, so that a leap day is the last day of its year (Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_agrees_with_date() {
        // `date -u -d @SECONDS +%FT%TZ`
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (86_399, "1970-01-01T23:59:59Z"),
            (68_169_600, "1972-02-29T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_700_000_000, "2023-11-14T22:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (LIMIT - 1, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(rfc3339(seconds).unwrap(), expected);
        }
        assert!(rfc3339(LIMIT).is_err());
        assert!(rfc3339(u64::MAX).is_err());
    }
}
