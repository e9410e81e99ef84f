//! Delays that a server requests with a failure, in headers or in the message, and whether to retry
//! retry ([docs/differences.md rows 14](crate::docs::differences), 16 and 41).

use alloc::vec::Vec;
use core::time::Duration;

use crate::responses::HeaderPairs;
use crate::responses::headers::field;

/// The phrases before a delay.
const PHRASES: [&str; 4] = ["try again in", "try again after", "retry after", "retry in"];

/// The units of a delay in a message.
const UNITS: [(&[&str], Duration); 4] = [
    (&["ms"], Duration::from_millis(1)),
    (&["s", "sec", "secs", "second", "seconds"], Duration::from_secs(1)),
    (&["m", "min", "mins", "minute", "minutes"], Duration::from_secs(60)),
    (&["h", "hour", "hours"], Duration::from_secs(3600)),
];

/// Returns the delay in a message that contains `try again in …` or `retry after …`
/// ([docs/protocol.md §6.4](crate::docs::protocol#64-retry-after-parsing)): numbers with whole-word units, and
/// compounds such as `1m30s`. A number that is too large for its unit gives the longest delay.
#[must_use]
pub fn try_again_in(message: &str) -> Option<Duration> {
    let bytes = message.as_bytes();
    (0..bytes.len()).filter(|at| matches!(bytes[*at], b't' | b'T' | b'r' | b'R')).find_map(|at| {
        let phrase = PHRASES.iter().find(|phrase| {
            bytes.get(at..at + phrase.len()).is_some_and(|words| words.eq_ignore_ascii_case(phrase.as_bytes()))
        })?;
        duration(message.get(at + phrase.len()..)?)
    })
}

/// Parses one quantity, or the sum of several.
pub(in crate::responses) fn duration(mut rest: &str) -> Option<Duration> {
    let mut total: Option<Duration> = None;
    while let Some((part, after)) = quantity(rest) {
        total = Some(total.unwrap_or_default().saturating_add(part));
        rest = after;
    }
    total
}

/// Parses a number and its unit. Fractions of milliseconds are truncated.
fn quantity(text: &str) -> Option<(Duration, &str)> {
    let text = text.trim_start();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let mut number = Decimal::parse(&text[..digits])?;
    let rest = text[digits..].trim_start();
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let (_, unit) = UNITS.iter().find(|(names, _)| names.iter().any(|known| name.eq_ignore_ascii_case(known)))?;
    if *unit < Duration::from_secs(1) {
        number.billionths = 0;
    }
    Some((number.times(*unit), rest))
}

/// Returns the delay that the headers of a response contain: `retry-after-ms`, a number of milliseconds, else `Retry-After`
/// (RFC 9110 §10.2.3), a number of seconds or a date. A date counts only when `unix`, the Unix time, is known. Both numbers may
/// have a fraction. One that is too large gives the longest delay.
#[must_use]
pub fn retry_after(fields: HeaderPairs<'_>, unix: Option<u64>) -> Option<Duration> {
    let number = |name: &str| Decimal::parse(field(fields, name)?.trim());
    if let Some(milliseconds) = number("retry-after-ms") {
        return Some(milliseconds.times(Duration::from_millis(1)));
    }
    if let Some(seconds) = number("retry-after") {
        return Some(seconds.times(Duration::from_secs(1)));
    }
    let date = http_date(field(fields, "retry-after")?.trim())?;
    Some(Duration::from_secs(date.saturating_sub(unix?)))
}

/// Returns what `x-should-retry` contains.
pub(super) fn should_retry(fields: HeaderPairs<'_>) -> Option<bool> {
    match field(fields, "x-should-retry")?.trim() {
        value if value.eq_ignore_ascii_case("true") => Some(true),
        value if value.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A decimal number without sign and exponent.
struct Decimal {
    /// The whole part, saturated.
    whole: u64,
    /// The fraction, truncated.
    billionths: u32,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if !is_digits(whole) || !is_digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let digit = |byte: u8| byte - b'0';
        let whole = whole.bytes().fold(0_u64, |sum, byte| sum.saturating_mul(10).saturating_add(digit(byte).into()));
        let places = fraction.bytes().map(digit).chain(core::iter::repeat(0)).take(9);
        Some(Self { whole, billionths: places.fold(0, |sum, digit| sum * 10 + u32::from(digit)) })
    }

    /// Returns this many units, or the longest duration.
    fn times(&self, unit: Duration) -> Duration {
        const BILLION: u128 = 1_000_000_000;
        let nanos = u128::from(self.whole) * unit.as_nanos() + u128::from(self.billionths) * unit.as_nanos() / BILLION;
        match (u64::try_from(nanos / BILLION), u32::try_from(nanos % BILLION)) {
            (Ok(seconds), Ok(rest)) => Duration::new(seconds, rest),
            _ => Duration::MAX,
        }
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses a number of digits only.
fn digits(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| is_digits(text))
}

/// Reads an HTTP date in any of its three forms (RFC 9110 §5.6.7) as Unix seconds.
fn http_date(text: &str) -> Option<u64> {
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, clock) = match words[..] {
        [_, day, month, year, clock, "GMT"] => (day, month, year, clock),
        [_, month, day, clock, year] => (day, month, year, clock),
        _ => return None,
    };
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|known| *known == month)? as u64 + 1;
    let day = digits(day).filter(|day| (1..=31).contains(day))?;
    let year = match (year.len(), digits(year)?) {
        (2, year @ 70..) => year + 1900,
        (2, year) => year + 2000,
        (4, year @ 1970..) => year,
        _ => return None,
    };
    let mut clock = clock.split(':').map(digits);
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // The year starts in March here, so that the leap day is the last day of a year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let since_epoch = days.checked_sub(719_468)?;
    Some(((since_epoch * 24 + hour) * 60 + minute) * 60 + second)
}
