//! Points in time as text, `2026-03-09T22:16:08.728Z`, after ISO 8601, from year 1 to 9999.

/// What to do about a time that is none.
pub(super) const HINT: &str = "a time is written 2026-03-09T22:16:08Z or 2026-03-09 22:16:08+01:00; leave it out where nobody knows";

const DAY: i64 = 86_400_000;
/// From the first day of year 1 to the first of 1970.
const DAYS_TO_1970: i64 = 719_162;

/// Milliseconds since 1970 as text; none outside the years that have four digits.
pub(super) fn text(milliseconds: i64) -> Option<String> {
    let days = milliseconds.div_euclid(DAY).checked_add(DAYS_TO_1970)?;
    if !(0..days_before(10_000)).contains(&days) {
        return None;
    }
    // Not later than the year sought, and at most a year before it.
    let mut year = days / 366 + 1;
    while days_before(year + 1) <= days {
        year += 1;
    }
    let mut day = days - days_before(year);
    let mut month = 1;
    while day >= days_of(year, month) {
        day -= days_of(year, month);
        month += 1;
    }
    let rest = milliseconds.rem_euclid(DAY);
    let [hour, minute] = [rest / 3_600_000, rest / 60_000 % 60];
    let [second, milli] = [rest / 1000 % 60, rest % 1000];
    let day = day + 1;
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
    ))
}

/// Milliseconds since 1970; what is shorter is cut off. A time without a zone is in UTC.
pub(super) fn parse(text: &str) -> Option<i64> {
    let (date, rest) = text.trim().split_once(['T', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| number(part, 4));
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (clock, zone) = match rest.find(['Z', '+', '-']) {
        Some(at) => rest.split_at(at),
        None => (rest, "Z"),
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = clock.splitn(3, ':').map(|part| number(part, 2));
    let (hour, minute) = (clock.next()??, clock.next()??);
    let second = clock.next().unwrap_or(Some(0))?;
    number(fraction, 9)?;
    let milli = number(format!("{fraction}00").get(..3)?, 3)?;
    let exists = (1..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let days = days_before(year) + days_before_month(year, month) + day - 1 - DAYS_TO_1970;
    let local = days * DAY + hour * 3_600_000 + minute * 60_000 + second * 1000 + milli;
    exists.then_some(local - offset(zone)?)
}

/// Milliseconds since 1970 of a number of seconds or of milliseconds since then, whichever is after the year 1973 and
/// before 5138.
pub(super) fn since_1970(number: f64) -> Option<i64> {
    const MOST_SECONDS: f64 = 1e11;
    let milliseconds = match number.abs() < MOST_SECONDS {
        true => number * 1000.0,
        false => number,
    };
    (milliseconds.abs() < 1e15).then_some(milliseconds.round() as i64)
}

/// How far a zone such as `+02:00` is before UTC, in milliseconds.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.get(1..)?.split(':').collect();
    let hours = number(digits.get(..2)?, 2)?;
    let minutes = match digits.get(2..)? {
        "" => 0,
        minutes => number(minutes, 2)?,
    };
    Some(sign * (hours * 60 + minutes) * 60_000)
}

/// A number of at most so many digits, and of nothing else.
fn number(digits: &str, most: usize) -> Option<i64> {
    let good = (1..=most).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    good.then(|| digits.parse().ok())?
}

/// Days from the first day of year 1.
fn days_before(year: i64) -> i64 {
    let years = year - 1;
    years * 365 + years / 4 - years / 100 + years / 400
}

fn days_before_month(year: i64, month: i64) -> i64 {
    (1..month).map(|month| days_of(year, month)).sum()
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    //! Against what `date -u` says, and there and back.

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times() {
        for (milliseconds, written) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_615_328_168_728, "2021-03-09T22:16:08.728Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(text(milliseconds).unwrap(), written);
            assert_eq!(parse(written), Some(milliseconds));
        }
        for other in [
            "2021-03-09T22:16:08.728353Z",
            "2021-03-09 22:16:08.728",
            "2021-03-10T00:16:08.728+02:00",
            "2021-03-09T20:46:08.728-0130",
        ] {
            assert_eq!(parse(other), Some(1_615_328_168_728), "{other}");
        }
        for none in [
            "",
            "yesterday",
            "2021-02-29T00:00:00Z",
            "2021-01-01T24:00:00Z",
        ] {
            assert_eq!(parse(none), None, "{none}");
        }
        assert_eq!(text(i64::MAX), None);
        assert_eq!(text(i64::MIN), None);
    }

    proptest! {
        #[test]
        fn there_and_back(milliseconds in -62_135_596_800_000i64..=253_402_300_799_999) {
            prop_assert_eq!(parse(&text(milliseconds).unwrap()), Some(milliseconds));
        }

        #[test]
        fn any_text_is_a_time_or_none(text in "[0-9T:+Z. -]{0,30}|.{0,30}") {
            let _ = parse(&text);
        }
    }
}
