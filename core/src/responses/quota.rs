//! `Quota`: the public rate limits, by the headers `x-ratelimit-*`.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::by_members::{deserialize_by_members, serialize_by_members};
use crate::responses::failure::duration;
use crate::responses::headers::{HeaderPairs, field};
use crate::responses::json::lenient;

/// How much of one public rate limit is left, of requests or of tokens. A part that the server does not send, or that cannot be
/// read, is `None`.
///
/// ```
/// use core::time::Duration;
/// use turnwire::responses::Quota;
///
/// let headers = [
///     ("x-ratelimit-limit-requests", "60"),
///     ("x-ratelimit-remaining-requests", "59"),
///     ("x-ratelimit-reset-requests", "1m30s"),
/// ];
/// let quota = Quota::from_headers(&headers, "requests").expect("a limit of requests");
/// assert_eq!((quota.limit, quota.remaining, quota.reset), (Some(60), Some(59), Some(Duration::from_secs(90))));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quota {
    /// How many there are in a window.
    pub limit: Option<i64>,
    /// How many of them are left.
    pub remaining: Option<i64>,
    /// The time from the response to the moment at which all of them are there again.
    pub reset: Option<Duration>,
}

deserialize_by_members! { Quota { limit = None, remaining = None, reset = None } }
serialize_by_members! { Quota { limit, remaining, reset } }

impl Quota {
    /// Creates a quota with so many left of so many.
    #[must_use]
    pub const fn new(limit: i64, remaining: i64) -> Self {
        Self { limit: Some(limit), remaining: Some(remaining), reset: None }
    }

    /// Reads the headers `x-ratelimit-{limit,remaining,reset}-…` of one unit: `requests` or `tokens`. `None` when there is none
    /// that can be read.
    #[must_use]
    pub fn from_headers(fields: HeaderPairs<'_>, unit: &str) -> Option<Self> {
        let get = |part: &str| field(fields, &alloc::format!("x-ratelimit-{part}-{unit}")).map(str::trim);
        let quota = Self {
            limit: get("limit").and_then(lenient::count),
            remaining: get("remaining").and_then(lenient::count),
            reset: get("reset").and_then(reset),
        };
        (quota != Self::default()).then_some(quota)
    }

    /// Returns the quota as headers of a response.
    #[must_use]
    pub fn to_headers(&self, unit: &str) -> Vec<(String, String)> {
        let name = |part: &str| alloc::format!("x-ratelimit-{part}-{unit}");
        let mut headers = Vec::new();
        headers.extend(self.limit.map(|limit| (name("limit"), alloc::format!("{limit}"))));
        headers.extend(self.remaining.map(|remaining| (name("remaining"), alloc::format!("{remaining}"))));
        headers.extend(self.reset.map(|reset| (name("reset"), alloc::format!("{}ms", reset.as_millis()))));
        headers
    }
}

/// Returns a time as `1s`, `6m0s` or `120ms`, or a number of seconds.
fn reset(text: &str) -> Option<Duration> {
    match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => duration(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reset_is_a_time_in_any_unit() {
        for (text, expected) in [
            ("1s", Some(1000)),
            ("6m0s", Some(360_000)),
            ("120ms", Some(120)),
            ("8.64s", Some(8640)),
            ("1h2m3s", Some(3_723_000)),
            ("12", Some(12_000)),
            ("0.5", Some(500)),
            ("-1", None),
            ("NaN", None),
            ("1e300", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(reset(text), expected.map(Duration::from_millis), "{text}");
        }
    }
}
