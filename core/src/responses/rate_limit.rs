//! Rate limits (`docs/protocol.md` §7).

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde_core::{Deserialize, Deserializer};

use crate::by_members::{deserialize_by_members, serialize_by_members};
use crate::responses::event::envelope::{Envelope, Member};
use crate::responses::headers::{HeaderPairs, field, visible};
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{Object, object};
use crate::responses::json::raw::RawJson;
use crate::responses::limits;
use crate::responses::quota::Quota;
use crate::responses::record::serde_by_text;

/// The type of the event that contains a snapshot.
pub(in crate::responses) const RATE_LIMITS: &str = "codex.rate_limits";

/// The default family, which every account has.
const DEFAULT: &str = "codex";

/// A snapshot of one family of limits.
///
/// ```
/// use turnwire::responses::{RateLimitWindow, RateLimits};
///
/// let mut limits = RateLimits::new("codex");
/// limits.primary = Some(RateLimitWindow::new(12.5));
/// assert!(limits.has_data());
///
/// let public = RateLimits::from_headers(&[("x-ratelimit-remaining-tokens", "149984"), ("x-ratelimit-reset-tokens", "6ms")]);
/// assert_eq!(public[0].limit_id, RateLimits::PUBLIC);
/// assert_eq!(public[0].tokens.and_then(|tokens| tokens.remaining), Some(149_984));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RateLimits {
    /// The id of the family, lower-case, with `_`: `codex`, `codex_other`.
    pub limit_id: String,
    /// The display name.
    pub limit_name: Option<String>,
    /// The primary (short) window.
    pub primary: Option<RateLimitWindow>,
    /// The secondary (long) window.
    pub secondary: Option<RateLimitWindow>,
    /// Credits, which only the default family has.
    pub credits: Option<Credits>,
    /// The plan, as the server names it.
    pub plan_type: Option<String>,
    /// The type of the limit that was reached, as the server names it; only in a usage-limit failure.
    pub reached_type: Option<String>,
    /// The public limit of requests; in the family [`PUBLIC`](Self::PUBLIC) only.
    pub requests: Option<Quota>,
    /// The public limit of tokens; in the family [`PUBLIC`](Self::PUBLIC) only.
    pub tokens: Option<Quota>,
}

/// One window of a limit.
///
/// ```
/// use turnwire::responses::RateLimitWindow;
///
/// let mut window = RateLimitWindow::new(12.5);
/// window.window_minutes = Some(300);
/// assert_eq!(window.used_percent, 12.5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RateLimitWindow {
    /// The used part in percent.
    pub used_percent: f64,
    /// The length of the window in minutes.
    pub window_minutes: Option<i64>,
    /// When it resets, in Unix seconds.
    pub resets_at: Option<i64>,
}

/// Credits.
///
/// ```
/// use turnwire::responses::Credits;
///
/// assert!(Credits::new(true, false).has_credits);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credits {
    /// Whether there are credits.
    pub has_credits: bool,
    /// Whether they are unlimited.
    pub unlimited: bool,
    /// The balance, as the server formats it.
    pub balance: Option<String>,
}

deserialize_by_members! { Credits { has_credits, unlimited, balance = None } }
serialize_by_members! { Credits { has_credits, unlimited, balance } }

serialize_by_members! { RateLimitWindow { used_percent, window_minutes, resets_at("reset_at") } }

impl<'de> Deserialize<'de> for RateLimitWindow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Window {
            used_percent: Exact,
            window_minutes: Option<i64>,
            reset_at: Option<i64>,
        }

        deserialize_by_members! { Window { used_percent, window_minutes = None, reset_at = None } }

        let Window { used_percent: Exact(used_percent), window_minutes, reset_at } =
            Deserialize::deserialize(deserializer)?;
        Ok(Self { used_percent, window_minutes, resets_at: reset_at })
    }
}

impl RateLimitWindow {
    /// Creates a window with this used part in percent.
    #[must_use]
    pub const fn new(used_percent: f64) -> Self {
        Self { used_percent, window_minutes: None, resets_at: None }
    }
}

impl Credits {
    /// Creates credits without a balance.
    #[must_use]
    pub const fn new(has_credits: bool, unlimited: bool) -> Self {
        Self { has_credits, unlimited, balance: None }
    }
}

impl RateLimits {
    /// The id of the family of the public limits, which the headers `x-ratelimit-*` describe.
    pub const PUBLIC: &'static str = "x-ratelimit";

    /// Creates an empty snapshot of this family.
    #[must_use]
    pub fn new(limit_id: &str) -> Self {
        Self { limit_id: normal(limit_id), ..Self::default() }
    }

    /// Returns whether it contains data: a window or credits.
    #[must_use]
    pub const fn has_data(&self) -> bool {
        self.primary.is_some()
            || self.secondary.is_some()
            || self.credits.is_some()
            || self.requests.is_some()
            || self.tokens.is_some()
    }

    /// Returns the families that the headers of a response describe: the default one first, the others by id, and the public
    /// limits last. At most 64 families are parsed beside the public limits.
    #[must_use]
    pub fn from_headers(fields: HeaderPairs<'_>) -> Vec<Self> {
        let mut families: BTreeMap<String, FamilyValues<'_>> = BTreeMap::new();
        families.insert(DEFAULT.into(), [None; SUFFIXES.len()]);
        for (name, _) in fields {
            if families.len() == limits::RATE_LIMIT_FAMILIES {
                break;
            }
            // Only the header for the primary window's used part defines a family (docs/protocol.md §7.3).
            if let Some((family, 0)) = family_of(name) {
                families.entry(normal(family)).or_default();
            }
        }
        for (name, value) in fields {
            let Some((family, suffix)) = family_of(name).filter(|(family, _)| !family.contains('_')) else { continue };
            if let Some(values) = families.get_mut(&normal(family)) {
                values[suffix].get_or_insert(value);
            }
        }
        let default = families.remove_entry(DEFAULT);
        let read = |(limit_id, values): (String, FamilyValues<'_>)| Self::of_values(fields, limit_id, &values);
        let public = Self {
            limit_id: Self::PUBLIC.into(),
            requests: Quota::from_headers(fields, "requests"),
            tokens: Quota::from_headers(fields, "tokens"),
            ..Self::default()
        };
        default.into_iter().chain(families).map(read).chain([public]).filter(Self::has_data).collect()
    }

    /// Parses one family (`docs/protocol.md` §7.2); empty if the headers do not describe it.
    #[must_use]
    pub fn family(fields: HeaderPairs<'_>, limit_id: &str) -> Self {
        let limit_id = normal(limit_id);
        let mut values: FamilyValues<'_> = [None; SUFFIXES.len()];
        for (name, value) in fields {
            let Some((family, suffix)) = family_of(name).filter(|(family, _)| !family.contains('_')) else { continue };
            if normal(family) == limit_id {
                values[suffix].get_or_insert(value);
            }
        }
        Self::of_values(fields, limit_id, &values)
    }

    fn of_values(fields: HeaderPairs<'_>, limit_id: String, values: &FamilyValues<'_>) -> Self {
        let values = values.map(|value| value.and_then(visible));
        let [primary_used, primary_minutes, primary_reset, secondary_used, secondary_minutes, secondary_reset, name] =
            values;
        Self {
            limit_name: name.map(str::trim).filter(|name| !name.is_empty()).map(String::from),
            primary: window(primary_used, primary_minutes, primary_reset),
            secondary: window(secondary_used, secondary_minutes, secondary_reset),
            credits: if limit_id == DEFAULT { credits(fields) } else { None },
            plan_type: None,
            reached_type: None,
            limit_id,
            requests: None,
            tokens: None,
        }
    }

    /// Parses a `codex.rate_limits` event (`docs/protocol.md` §7.4). `None` if a member has another type.
    #[must_use]
    pub fn from_event(envelope: &Envelope<'_>) -> Option<Self> {
        #[derive(Default)]
        struct Windows {
            primary: Option<RateLimitWindow>,
            secondary: Option<RateLimitWindow>,
        }

        deserialize_by_members! { Windows { primary = None, secondary = None } }

        if envelope.kind() != RATE_LIMITS {
            return None;
        }
        let windows: Windows = read(envelope, Member::rate_limits)?.unwrap_or_default();
        let metered: Option<String> = read(envelope, Member::metered_limit_name)?;
        let named: Option<String> = read(envelope, Member::limit_name)?;
        Some(Self {
            limit_id: normal(metered.or(named).as_deref().unwrap_or_default()),
            limit_name: None,
            primary: windows.primary,
            secondary: windows.secondary,
            credits: read(envelope, Member::credits)?,
            plan_type: read(envelope, Member::plan_type)?,
            reached_type: None,
            requests: None,
            tokens: None,
        })
    }

    /// Returns the snapshot as headers of a response.
    #[must_use]
    pub fn to_headers(&self) -> Vec<(String, String)> {
        let prefix = alloc::format!("x-{}", self.limit_id.replace('_', "-"));
        let mut headers = Vec::new();
        for (unit, quota) in [("requests", self.requests), ("tokens", self.tokens)] {
            headers.extend(quota.iter().flat_map(|quota| quota.to_headers(unit)));
        }
        for (name, window) in [("primary", self.primary), ("secondary", self.secondary)] {
            let Some(window) = window else { continue };
            headers.push((alloc::format!("{prefix}-{name}-used-percent"), window.used_percent.to_string()));
            for (suffix, value) in [("window-minutes", window.window_minutes), ("reset-at", window.resets_at)] {
                if let Some(value) = value {
                    headers.push((alloc::format!("{prefix}-{name}-{suffix}"), value.to_string()));
                }
            }
        }
        if let Some(name) = &self.limit_name {
            headers.push((alloc::format!("{prefix}-limit-name"), name.clone()));
        }
        if let Some(credits) = &self.credits {
            headers.push(("x-codex-credits-has-credits".into(), credits.has_credits.to_string()));
            headers.push(("x-codex-credits-unlimited".into(), credits.unlimited.to_string()));
            if let Some(balance) = &credits.balance {
                headers.push(("x-codex-credits-balance".into(), balance.clone()));
            }
        }
        if let Some(reached) = &self.reached_type {
            headers.push(("x-codex-rate-limit-reached-type".into(), reached.clone()));
        }
        headers
    }

    /// Returns the snapshot as a `codex.rate_limits` event.
    #[must_use]
    pub fn to_event(&self) -> String {
        object(|event| self.write_event(event)).as_str().into()
    }

    /// Returns the snapshot as the event that contains it, with what only headers say: `limit_name`, `rate_limit_reached_type`,
    /// `requests` and `tokens`. serde writes and reads the same.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        object(|event| {
            self.write_event(event);
            event.optional("limit_name", self.limit_name.as_deref());
            event.optional("rate_limit_reached_type", self.reached_type.as_deref());
            for (unit, quota) in [("requests", self.requests), ("tokens", self.tokens)] {
                if let Some(quota) = quota {
                    event.raw(unit, &serde_json::to_string(&quota).expect("a quota can be serialized"));
                }
            }
        })
    }

    /// Reads what [`to_raw`](Self::to_raw) writes, or a `codex.rate_limits` event.
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] when the text is not such an object, or a member of it has another type.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let envelope = Envelope::scan(json)?;
        let wrong_type = || Malformed::wrong_type(envelope.kind(), "rate_limits");
        let mut limits = Self::from_event(&envelope).ok_or_else(wrong_type)?;
        let mut members = Members::parse(json)?;
        if members.take("metered_limit_name").is_some() {
            limits.limit_name = members.optional_value("limit_name");
        }
        limits.reached_type = members.optional_value("rate_limit_reached_type");
        limits.requests = members.optional("requests")?;
        limits.tokens = members.optional("tokens")?;
        Ok(limits)
    }

    fn write_event(&self, event: &mut Object<'_>) {
        event.string("type", RATE_LIMITS);
        event.optional("plan_type", self.plan_type.as_deref());
        event.string("metered_limit_name", &self.limit_id);
        let mut limits = Object::new(event.key("rate_limits"));
        for (name, window) in [("primary", self.primary), ("secondary", self.secondary)] {
            let Some(window) = window else {
                limits.raw(name, "null");
                continue;
            };
            let mut object = Object::new(limits.key(name));
            object
                .raw("used_percent", &serde_json::to_string(&window.used_percent).expect("a number can be serialized"));
            for (member, value) in [("window_minutes", window.window_minutes), ("reset_at", window.resets_at)] {
                if let Some(value) = value {
                    object.integer(member, value);
                }
            }
            object.end();
        }
        limits.end();
        if let Some(credits) = &self.credits {
            let mut object = Object::new(event.key("credits"));
            object.boolean("has_credits", credits.has_credits);
            object.boolean("unlimited", credits.unlimited);
            object.nullable("balance", credits.balance.as_deref());
            object.end();
        }
    }
}

serde_by_text!(RateLimits);

/// A number that is parsed exactly: serde_json's default is sometimes off by one unit in the last place.
struct Exact(f64);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = RawJson::deserialize(deserializer)?;
        let parsed = number.as_str().parse().ok().filter(|number: &f64| number.is_finite());
        parsed.map(Self).ok_or_else(|| serde_core::de::Error::custom("not a number"))
    }
}

/// Normalises a family's id: trimmed, lower-case, with `_`; an empty one becomes the default one.
fn normal(id: &str) -> String {
    match id.trim() {
        "" => DEFAULT.into(),
        id => limits::name(id).to_ascii_lowercase().replace('-', "_"),
    }
}

/// The suffixes of the names of a family's headers, after `x-`, the family and `-`.
const SUFFIXES: [&str; 7] = [
    "primary-used-percent",
    "primary-window-minutes",
    "primary-reset-at",
    "secondary-used-percent",
    "secondary-window-minutes",
    "secondary-reset-at",
    "limit-name",
];

/// The values of the headers of one family, in the order of their suffixes. The first header of a name counts.
type FamilyValues<'a> = [Option<&'a str>; SUFFIXES.len()];

/// Returns the family in a header name, and the index of its suffix.
fn family_of(name: &str) -> Option<(&str, usize)> {
    let rest = name.get(2..).filter(|_| name[..2].eq_ignore_ascii_case("x-"))?;
    SUFFIXES.iter().enumerate().find_map(|(number, suffix)| {
        let end = rest.len().checked_sub(suffix.len())?;
        let family = rest.get(..end)?.strip_suffix('-').filter(|family| (1..=limits::NAME).contains(&family.len()))?;
        rest[end..].eq_ignore_ascii_case(suffix).then_some((family, number))
    })
}

fn window(used: Option<&str>, minutes: Option<&str>, reset: Option<&str>) -> Option<RateLimitWindow> {
    let used_percent = used?.parse().ok().filter(|used: &f64| used.is_finite())?;
    let window_minutes: Option<i64> = minutes.and_then(|text| text.parse().ok());
    let resets_at = reset.and_then(|text| text.parse().ok());
    let has_data = used_percent != 0.0 || window_minutes.is_some_and(|minutes| minutes != 0) || resets_at.is_some();
    has_data.then_some(RateLimitWindow { used_percent, window_minutes, resets_at })
}

fn credits(fields: HeaderPairs<'_>) -> Option<Credits> {
    let flag = |name: &str| {
        let value = field(fields, name)?;
        match value {
            "1" => Some(true),
            "0" => Some(false),
            value if value.eq_ignore_ascii_case("true") => Some(true),
            value if value.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    };
    let balance = field(fields, "x-codex-credits-balance").map(str::trim).filter(|balance| !balance.is_empty());
    Some(Credits {
        has_credits: flag("x-codex-credits-has-credits")?,
        unlimited: flag("x-codex-credits-unlimited")?,
        balance: balance.map(String::from),
    })
}

/// Parses a member as `T`: `Some(None)` if it is missing, `None` if it has another type.
fn read<T: serde_core::de::DeserializeOwned>(envelope: &Envelope<'_>, member: Member) -> Option<Option<T>> {
    match envelope.raw(member) {
        None => Some(None),
        Some(text) => lenient::read(text).ok().map(Some),
    }
}
