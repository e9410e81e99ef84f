//! How much of the limits is used (`docs/protocol.md` §7).

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::Deserialize;

use crate::responses::event::envelope::{Envelope, Member};
use crate::responses::headers::{HeaderPairs, field};
use crate::responses::json::object_writer::Object;
use crate::responses::json::raw::RawJson;

/// The family that every account has.
const DEFAULT: &str = "codex";

/// One family of limits at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct RateLimits {
    /// The family, lower-case, with `_`: `codex`, `codex_other`.
    pub limit_id: String,
    /// What the server calls it.
    pub limit_name: Option<String>,
    /// The short window.
    pub primary: Option<RateLimitWindow>,
    /// The long window.
    pub secondary: Option<RateLimitWindow>,
    /// Credits; they belong to the default family alone.
    pub credits: Option<Credits>,
    /// The plan, in the server's word.
    pub plan_type: Option<String>,
    /// Which limit was reached, in the server's word; only beside a usage-limit failure.
    pub reached_type: Option<String>,
}

/// One window of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct RateLimitWindow {
    /// How much is used, in percent.
    #[serde(deserialize_with = "exact")]
    pub used_percent: f64,
    /// How long the window is, in minutes.
    #[serde(default)]
    pub window_minutes: Option<i64>,
    /// When it begins anew, in Unix seconds.
    #[serde(default, rename = "reset_at")]
    pub resets_at: Option<i64>,
}

/// Credits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Credits {
    /// Whether there are any.
    pub has_credits: bool,
    /// Whether there is no end to them.
    pub unlimited: bool,
    /// How many, in the server's words.
    #[serde(default)]
    pub balance: Option<String>,
}

impl RateLimitWindow {
    /// A window that is used to this many percent.
    #[must_use]
    pub const fn new(used_percent: f64) -> Self {
        Self { used_percent, window_minutes: None, resets_at: None }
    }
}

impl Credits {
    /// Credits of which no balance is said.
    #[must_use]
    pub const fn new(has_credits: bool, unlimited: bool) -> Self {
        Self { has_credits, unlimited, balance: None }
    }
}

impl RateLimits {
    /// An empty snapshot of this family.
    #[must_use]
    pub fn new(limit_id: &str) -> Self {
        Self { limit_id: normal(limit_id), ..Self::default() }
    }

    /// Whether it says anything: a family without a window and without credits does not.
    #[must_use]
    pub const fn has_data(&self) -> bool {
        self.primary.is_some() || self.secondary.is_some() || self.credits.is_some()
    }

    /// Every family that the headers of a response say something of: the default one first, the others by their ids.
    #[must_use]
    pub fn from_headers(fields: HeaderPairs<'_>) -> Vec<Self> {
        let mut families: Vec<String> = fields.iter().filter_map(|(name, _)| discovered(name)).collect();
        families.sort_unstable();
        families.dedup();
        families.retain(|family| family != DEFAULT);
        families.insert(0, DEFAULT.into());
        families.iter().map(|family| Self::family(fields, family)).filter(Self::has_data).collect()
    }

    /// One family (§7.2); empty when the headers say nothing of it.
    #[must_use]
    pub fn family(fields: HeaderPairs<'_>, limit_id: &str) -> Self {
        let limit_id = normal(limit_id);
        let prefix = alloc::format!("x-{}", limit_id.replace('_', "-"));
        let get = |suffix: &str| field(fields, &alloc::format!("{prefix}-{suffix}"));
        let name = get("limit-name").map(str::trim).filter(|name| !name.is_empty());
        Self {
            limit_name: name.map(String::from),
            primary: window(fields, &alloc::format!("{prefix}-primary")),
            secondary: window(fields, &alloc::format!("{prefix}-secondary")),
            credits: if limit_id == DEFAULT { credits(fields) } else { None },
            plan_type: None,
            reached_type: None,
            limit_id,
        }
    }

    /// The snapshot in a `codex.rate_limits` event (§7.4), unless a member has another type.
    #[must_use]
    pub fn from_event(envelope: &Envelope<'_>) -> Option<Self> {
        #[derive(Deserialize, Default)]
        struct Windows {
            #[serde(default)]
            primary: Option<RateLimitWindow>,
            #[serde(default)]
            secondary: Option<RateLimitWindow>,
        }

        if envelope.kind() != "codex.rate_limits" {
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
        })
    }

    /// The snapshot as headers of a response.
    #[must_use]
    pub fn to_headers(&self) -> Vec<(String, String)> {
        let prefix = alloc::format!("x-{}", self.limit_id.replace('_', "-"));
        let mut headers = Vec::new();
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

    /// The snapshot as a `codex.rate_limits` event.
    #[must_use]
    pub fn to_event(&self) -> String {
        let mut out = Vec::new();
        let mut event = Object::new(&mut out);
        event.string("type", "codex.rate_limits");
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
        event.end();
        String::from_utf8(out).expect("JSON is written as UTF-8")
    }
}

/// A number as exactly as it can be had: serde_json's own way is off by a little now and then.
fn exact<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = RawJson::deserialize(deserializer)?;
    let parsed = number.as_str().parse().ok().filter(|number: &f64| number.is_finite());
    parsed.ok_or_else(|| serde::de::Error::custom("not a number"))
}

/// A family's id: trimmed, lower-case, with `_`; the default one when empty.
fn normal(id: &str) -> String {
    match id.trim() {
        "" => DEFAULT.into(),
        id => id.to_ascii_lowercase().replace('-', "_"),
    }
}

/// The family that a header's name reveals (§7.3): only the primary window's use does.
fn discovered(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let family = name.strip_prefix("x-")?.strip_suffix("-primary-used-percent")?;
    (!family.is_empty()).then(|| normal(family))
}

fn window(fields: HeaderPairs<'_>, prefix: &str) -> Option<RateLimitWindow> {
    let get = |suffix: &str| field(fields, &alloc::format!("{prefix}-{suffix}"));
    let used_percent = get("used-percent")?.parse().ok().filter(|used: &f64| used.is_finite())?;
    let window_minutes: Option<i64> = get("window-minutes").and_then(|text| text.parse().ok());
    let resets_at = get("reset-at").and_then(|text| text.parse().ok());
    let says_something =
        used_percent != 0.0 || window_minutes.is_some_and(|minutes| minutes != 0) || resets_at.is_some();
    says_something.then_some(RateLimitWindow { used_percent, window_minutes, resets_at })
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

/// A member as `T`: `Some(None)` when it is not there, `None` when it has another type.
fn read<T: serde::de::DeserializeOwned>(envelope: &Envelope<'_>, member: Member) -> Option<Option<T>> {
    match envelope.raw(member) {
        None => Some(None),
        Some(text) => serde_json::from_str(text).ok().map(Some),
    }
}
