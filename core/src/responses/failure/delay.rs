//! How long a server asks to wait: in its message, or in `Retry-After`.

use alloc::vec::Vec;
use core::time::Duration;

use crate::responses::HeaderPairs;
use crate::responses::headers::field;

/// The delay in a message that says `try again in …` (`docs/protocol.md` §6.4): numbers with whole-word units, and compounds of
/// them such as `1m30s`.
#[must_use]
pub fn try_again_in(message: &str) -> Option<Duration> {
    const WORDS: &[u8] = b"try again in";
    let places = message.as_bytes().windows(WORDS.len()).enumerate();
    let mut behind =
        places.filter_map(
            |(at, words)| {
                if words.eq_ignore_ascii_case(WORDS) { message.get(at + WORDS.len()..) } else { None }
            },
        );
    behind.find_map(duration)
}

/// One quantity, or several that add up.
fn duration(mut rest: &str) -> Option<Duration> {
    let mut total: Option<Duration> = None;
    while let Some((part, after)) = quantity(rest) {
        total = Some(total.unwrap_or_default().saturating_add(part));
        rest = after;
    }
    total
}

/// A number and its unit.
fn quantity(text: &str) -> Option<(Duration, &str)> {
    let text = text.trim_start();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number: f64 = text[..digits].parse().ok()?;
    let rest = text[digits..].trim_start();
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    const UNITS: [(&[&str], f64); 4] = [
        (&["ms"], 0.001),
        (&["s", "sec", "secs", "second", "seconds"], 1.0),
        (&["m", "min", "mins", "minute", "minutes"], 60.0),
        (&["h", "hour", "hours"], 3600.0),
    ];
    let (_, seconds) = UNITS.iter().find(|(names, _)| names.iter().any(|name| unit.eq_ignore_ascii_case(name)))?;
    let delay = if *seconds < 1.0 {
        // Whole milliseconds, truncated, as servers mean them.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates, and no sign was read"
        )]
        Duration::from_millis(number as u64)
    } else {
        Duration::try_from_secs_f64(number * seconds).ok()?
    };
    Some((delay, rest))
}

/// The delay in `Retry-After` (RFC 9110 §10.2.3): seconds, or a date where the Unix time is known.
#[must_use]
pub fn retry_after(fields: HeaderPairs<'_>, unix: Option<u64>) -> Option<Duration> {
    let value = field(fields, "retry-after")?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(Duration::from_secs(http_date(value)?.saturating_sub(unix?)))
}

/// An HTTP date in any of its three forms (RFC 9110 §5.6.7), as Unix seconds.
fn http_date(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, clock) = match words[..] {
        [_, day, month, year, clock, "GMT"] => (day, month, year, clock),
        [_, month, day, clock, year] => (day, month, year, clock),
        _ => return None,
    };
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|known| *known == month)? as u64 + 1;
    let day: u64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let year: u64 = match (year.len(), year.parse().ok()?) {
        (2, year @ 70..) => year + 1900,
        (2, year) => year + 2000,
        (4, year @ 1970..) => year,
        _ => return None,
    };
    let mut clock = clock.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years are counted from March, so that the leap day is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let since_epoch = days.checked_sub(719_468)?;
    Some(((since_epoch * 24 + hour) * 60 + minute) * 60 + second)
}
