//! Providers read from a file, in any format that serde reads.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use serde_core::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde_core::{Deserialize, Deserializer};

use super::credentials::Secret;
use super::provider::{Capabilities, Provider, RetryPolicy};
use crate::by_members::deserialize_by_members;

/// The maximum of `retries`
/// ([docs/protocol.md §1.2](crate::docs::protocol#12-user-level-provider-settings--l1-provider)).
const RETRIES: u32 = 100;

/// Reads a provider over a preset, which is `custom` unless the file names another one. A setting that the file does
/// not contain is that of the preset. The names that the reference client has for some settings
/// ([docs/protocol.md §1.2](crate::docs::protocol#12-user-level-provider-settings--l1-provider)) are accepted, too.
/// Durations are in milliseconds or seconds, as their names say. For a limit that is optional, 0 means no limit. Query
/// parameters and headers are a map, or an array of pairs for formats whose maps keep no order, such as TOML.
///
/// ```
/// # use turnwire::client::Provider;
/// let file = r#"{"preset": "codex", "headers": {"x-team": "red"}, "retry": {"retries": 2}, "profile": {"ping_s": 0}}"#;
/// let provider: Provider = serde_json::from_str(file)?;
/// assert_eq!(provider.base_url, "https://chatgpt.com/backend-api/codex");
/// assert_eq!((provider.retry.max_retries, provider.capabilities.ping_interval), (2, None));
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let file = File::deserialize(deserializer)?;
        let mut provider = file.preset().map_err(D::Error::custom)?;
        file.apply_to(&mut provider);
        Ok(provider)
    }
}

struct File {
    preset: Preset,
    name: Option<String>,
    base_url: Option<String>,
    /// Port of the preset `local`.
    port: Option<u16>,
    query: Option<Pairs>,
    headers: Option<Pairs>,
    retry: FileRetry,
    stream_max_retries: Option<u32>,
    connect_timeout_ms: Option<u64>,
    idle_timeout_ms: Option<u64>,
    allow_plain: Option<bool>,
    supports_websockets: Option<bool>,
    profile: FileProfile,
}

#[derive(Clone, Copy, Default)]
enum Preset {
    #[default]
    Custom,
    Openai,
    Codex,
    Azure,
    Local,
}

#[derive(Default)]
struct FileRetry {
    retries: Option<u32>,
    base_delay_ms: Option<u64>,
    on_429: Option<bool>,
    on_5xx: Option<bool>,
    on_transport: Option<bool>,
    within_s: Option<u64>,
    max_delay_s: Option<u64>,
}

#[derive(Default)]
struct FileProfile {
    websocket: Option<bool>,
    beta: Option<String>,
    incremental: Option<bool>,
    deflate: Option<bool>,
    zstd: Option<bool>,
    in_flight: Option<usize>,
    named_lanes: Option<usize>,
    max_age_s: Option<u64>,
    send_cap: Option<usize>,
    ping_s: Option<u64>,
    check_after_s: Option<u64>,
    turn_state: Option<bool>,
    stores: Option<bool>,
    item_metadata: Option<bool>,
    keep_after_failure: Option<bool>,
}

deserialize_by_members! {
    closed File {
        preset = Preset::default(),
        name = None,
        base_url = None,
        port = None,
        query | "query_params" = None,
        headers | "http_headers" = None,
        retry = FileRetry::default(),
        stream_max_retries = None,
        connect_timeout_ms | "websocket_connect_timeout_ms" = None,
        idle_timeout_ms | "stream_idle_timeout_ms" = None,
        allow_plain = None,
        supports_websockets = None,
        profile = FileProfile::default(),
    }
}

deserialize_by_members! {
    closed FileRetry {
        retries = None,
        base_delay_ms = None,
        on_429 = None,
        on_5xx = None,
        on_transport = None,
        within_s = None,
        max_delay_s = None,
    }
}

deserialize_by_members! {
    closed FileProfile {
        websocket = None,
        beta = None,
        incremental = None,
        deflate = None,
        zstd = None,
        in_flight = None,
        named_lanes = None,
        max_age_s = None,
        send_cap = None,
        ping_s = None,
        check_after_s = None,
        turn_state = None,
        stores = None,
        item_metadata = None,
        keep_after_failure = None,
    }
}

impl<'de> Deserialize<'de> for Preset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const NAMES: &[&str] = &["custom", "openai", "codex", "azure", "local"];
        match &*String::deserialize(deserializer)? {
            "custom" => Ok(Self::Custom),
            "openai" => Ok(Self::Openai),
            "codex" => Ok(Self::Codex),
            "azure" => Ok(Self::Azure),
            "local" => Ok(Self::Local),
            unknown => Err(D::Error::unknown_variant(unknown, NAMES)),
        }
    }
}

impl File {
    fn preset(&self) -> Result<Provider, &'static str> {
        let base_url = self.base_url.as_deref();
        match self.preset {
            Preset::Openai => Ok(Provider::openai()),
            Preset::Codex => Ok(Provider::codex()),
            Preset::Azure => base_url.map(Provider::azure).ok_or("a provider on azure needs a base_url"),
            Preset::Local => Ok(Provider::local(self.port.unwrap_or(11434))),
            Preset::Custom => match (&self.name, base_url) {
                (Some(name), Some(base_url)) => Ok(Provider::new(name, base_url)),
                _ => Err("a provider needs a name and a base_url, or a preset"),
            },
        }
    }

    fn apply_to(self, provider: &mut Provider) {
        set(&mut provider.name, self.name);
        set(&mut provider.base_url, self.base_url);
        provider.capabilities.store_responses |= provider.is_azure();
        set(&mut provider.query, self.query.map(|Pairs(pairs)| pairs));
        set(&mut provider.headers, self.headers.map(|Pairs(pairs)| pairs));
        set(&mut provider.connect_timeout, self.connect_timeout_ms.map(Duration::from_millis));
        set(&mut provider.idle_timeout, self.idle_timeout_ms.map(Duration::from_millis));
        set(&mut provider.allow_plain, self.allow_plain);
        set(&mut provider.retry.max_retries, self.stream_max_retries);
        self.retry.apply_to(&mut provider.retry);
        set(&mut provider.capabilities.websocket, self.supports_websockets);
        self.profile.apply_to(&mut provider.capabilities);
    }
}

impl FileRetry {
    fn apply_to(self, retry: &mut RetryPolicy) {
        set(&mut retry.max_retries, self.retries);
        retry.max_retries = retry.max_retries.min(RETRIES);
        set(&mut retry.base_delay, self.base_delay_ms.map(Duration::from_millis));
        set(&mut retry.on_429, self.on_429);
        set(&mut retry.on_5xx, self.on_5xx);
        set(&mut retry.on_transport, self.on_transport);
        set(&mut retry.max_elapsed, self.within_s.map(seconds));
        set(&mut retry.max_server_delay, self.max_delay_s.map(seconds));
    }
}

impl FileProfile {
    fn apply_to(self, profile: &mut Capabilities) {
        set(&mut profile.websocket, self.websocket);
        set(&mut profile.beta_header, self.beta.map(|beta| Some(beta).filter(|beta| !beta.is_empty())));
        set(&mut profile.incremental, self.incremental);
        set(&mut profile.deflate, self.deflate);
        set(&mut profile.zstd, self.zstd);
        set(&mut profile.max_concurrent_requests, self.in_flight.map(|requests| requests.max(1)));
        set(&mut profile.max_lane_names, self.named_lanes);
        set(&mut profile.max_connection_age, self.max_age_s.map(seconds));
        set(&mut profile.max_request_bytes, self.send_cap.map(|bytes| Some(bytes).filter(|bytes| *bytes > 0)));
        set(&mut profile.ping_interval, self.ping_s.map(seconds));
        set(&mut profile.check_after, self.check_after_s.map(seconds));
        set(&mut profile.turn_token, self.turn_state);
        set(&mut profile.store_responses, self.stores);
        set(&mut profile.item_metadata, self.item_metadata);
        set(&mut profile.reuse_after_failure, self.keep_after_failure);
    }
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

/// Reads 0 as no limit.
fn seconds(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// A map of strings, in the order in which the format has them, or an array of pairs.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of strings, or an array of pairs")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = seq.next_element()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_any(Map)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
