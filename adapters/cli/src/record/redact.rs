//! Replaces secrets in what is recorded, before anything is written.

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

/// What takes the place of a secret.
pub(super) const REDACTED: &str = "sk-***";

/// Headers whose values are secrets.
const SECRET_HEADERS: [&str; 10] = [
    "authorization",
    "proxy-authorization",
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "x-amz-security-token",
    "cookie",
    "set-cookie",
    "x-oai-attestation",
    "openai-ephemeral-key",
];

/// Headers whose values name an account. They are replaced by a name that is the same everywhere in a recording.
const ACCOUNT_HEADERS: [&str; 3] = ["chatgpt-account-id", "openai-organization", "openai-project"];

/// Members of JSON objects, and names in queries, whose values are secrets.
const SECRET_MEMBERS: [&str; 12] = [
    "authorization",
    "api_key",
    "api-key",
    "apikey",
    "x-api-key",
    "access_token",
    "refresh_token",
    "id_token",
    "client_secret",
    "password",
    "secret",
    "sig",
];

/// The shortest value of a secret header that is looked for elsewhere: a shorter one could be a word.
const MIN_SECRET: usize = 8;

/// The number of secrets, and of accounts, that are looked for.
const MAX_KNOWN: usize = 64;

/// Replaces secrets: the values of certain headers and members, what looks like a key, and each secret of a header wherever it is.
#[derive(Debug, Default)]
pub(super) struct Redactor {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    secrets: Vec<String>,
    accounts: Vec<String>,
}

impl core::fmt::Debug for Known {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Known").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Replaces secrets in headers, and remembers them.
    pub(super) fn headers(&self, headers: Vec<(String, String)>) -> Vec<(String, String)> {
        for (name, value) in &headers {
            self.learn(&name.to_ascii_lowercase(), value);
        }
        let redact = |(name, value): (String, String)| {
            let lower = name.to_ascii_lowercase();
            let value = if SECRET_HEADERS.contains(&lower.as_str()) {
                match value.split_once(' ') {
                    Some((scheme, _)) if lower.ends_with("authorization") => format!("{scheme} {REDACTED}"),
                    _ => REDACTED.to_owned(),
                }
            } else {
                self.text(&value)
            };
            (name, value)
        };
        headers.into_iter().map(redact).collect()
    }

    fn learn(&self, name: &str, value: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let add = |list: &mut Vec<String>, value: &str| {
            if value.len() >= MIN_SECRET && list.len() < MAX_KNOWN && !list.iter().any(|known| known == value) {
                list.push(value.to_owned());
            }
        };
        if SECRET_HEADERS.contains(&name) {
            let value = value.rsplit_once(' ').map_or(value, |(_, secret)| secret);
            add(&mut known.secrets, value.trim());
            // A secret that contains another one is replaced first.
            known.secrets.sort_by_key(|secret| core::cmp::Reverse(secret.len()));
        } else if ACCOUNT_HEADERS.contains(&name) {
            add(&mut known.accounts, value.trim());
        }
    }

    /// Replaces secrets in a target: those in its query.
    pub(super) fn target(&self, target: &str) -> String {
        let Some((path, query)) = target.split_once('?') else { return self.text(target) };
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_secret_member(name) || name == "key" || name == "token" => {
                format!("{name}={REDACTED}")
            }
            _ => pair.to_owned(),
        });
        let query: Vec<String> = pairs.collect();
        self.text(&format!("{path}?{}", query.join("&")))
    }

    /// Replaces secrets in a text, which may be JSON.
    pub(super) fn text(&self, text: &str) -> String {
        let mut out = members(text, MAX_NESTING).into_owned();
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for secret in known.secrets.iter().filter(|secret| *secret != REDACTED) {
                if out.contains(secret.as_str()) {
                    out = out.replace(secret.as_str(), REDACTED);
                }
            }
            for (at, account) in known.accounts.iter().enumerate() {
                if out.contains(account.as_str()) {
                    out = out.replace(account.as_str(), &format!("account-{}", at + 1));
                }
            }
        }
        patterns(&out)
    }
}

fn is_secret_member(name: &str) -> bool {
    SECRET_MEMBERS.iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

/// The number of texts within texts in which members are looked for: the arguments of a call are JSON in a text.
const MAX_NESTING: usize = 3;

/// Replaces the values of members that are secrets.
fn members(json: &str, nesting: usize) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    let mut secret_key = false;
    while at < bytes.len() {
        if bytes[at] != b'"' {
            // A value that is not a string is not a secret.
            secret_key &= bytes[at].is_ascii_whitespace() || bytes[at] == b':';
            at += 1;
            continue;
        }
        let end = string_end(bytes, at);
        let content = &json[at + 1..end];
        let rest = json[(end + 1).min(json.len())..].trim_start();
        let replaced = match secret_key {
            true => Some(REDACTED.to_owned()),
            false => nested(content, nesting),
        };
        if let Some(replaced) = replaced {
            out.push_str(&json[copied..=at]);
            out.push_str(&replaced);
            copied = end;
        }
        secret_key = !secret_key && rest.starts_with(':') && is_secret_member(content);
        at = end + 1;
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    out.push_str(&json[copied..]);
    Cow::Owned(out)
}

/// Replaces secrets in the content of a string that contains JSON. Returns `None` if nothing changes.
fn nested(content: &str, nesting: usize) -> Option<String> {
    if nesting == 0 || !content.contains("\\\"") {
        return None;
    }
    let text: String = serde_json::from_str(&format!("\"{content}\"")).ok()?;
    match members(&text, nesting - 1) {
        Cow::Borrowed(_) => None,
        Cow::Owned(changed) => {
            let quoted = serde_json::to_string(&changed).ok()?;
            quoted.get(1..quoted.len() - 1).map(str::to_owned)
        }
    }
}

/// Returns where the string that begins at `start` ends: at its closing quote, or at the end of the text.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

/// Beginnings of keys of known providers, and the least number of characters that follow.
const KEYS: [(&str, usize); 11] = [
    ("sk-", 16),
    ("sess-", 24),
    ("eyJ", 40),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghs_", 20),
    ("github_pat_", 20),
    ("xoxb-", 20),
    ("AKIA", 16),
    ("AIza", 30),
    ("hf_", 24),
];

/// Replaces what looks like a key.
fn patterns(text: &str) -> String {
    let (mut out, mut copied) = (String::with_capacity(text.len()), 0);
    let bytes = text.as_bytes();
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let mut at = 0;
    while at < bytes.len() {
        let key = KEYS.iter().find(|(start, _)| bytes[at..].starts_with(start.as_bytes()));
        let Some((start, least)) = key.filter(|_| begins_word(bytes, at)) else {
            at += 1;
            continue;
        };
        let length = bytes[at + start.len()..].iter().take_while(|byte| is_key(**byte)).count();
        if length >= *least {
            out.push_str(&text[copied..at]);
            out.push_str(REDACTED);
            copied = at + start.len() + length;
        }
        at += start.len() + length;
    }
    out.push_str(&text[copied..]);
    out
}

/// Returns whether a word begins here. In JSON, a letter after a backslash belongs to an escape.
fn begins_word(bytes: &[u8], at: usize) -> bool {
    match at.checked_sub(1).map(|before| bytes[before]) {
        Some(before) if before.is_ascii_alphanumeric() => {
            before.is_ascii_lowercase() && at >= 2 && bytes[at - 2] == b'\\'
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::Redactor;

    const KEY: &str = "sk-proj-abcdefghijklmnop0123456789";

    #[test]
    fn secrets_of_headers_are_replaced_wherever_they_are() {
        let redactor = Redactor::default();
        let headers = [
            ("Authorization", "Bearer local-token-1"),
            ("api-key", "0123456789abcdef"),
            ("ChatGPT-Account-Id", "acct-8f1e2d3c"),
            ("X-Request-Id", "local-token-1 again"),
            // Too short to be looked for elsewhere.
            ("Cookie", "id=7"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let values: Vec<_> = redactor.headers(headers).into_iter().map(|(_, value)| value).collect();
        assert_eq!(values, ["Bearer sk-***", "sk-***", "account-1", "sk-*** again", "sk-***"]);
        let text = r#"{"input":"env: local-token-1, 0123456789abcdef, acct-8f1e2d3c"}"#;
        assert_eq!(redactor.text(text), r#"{"input":"env: sk-***, sk-***, account-1"}"#);
        assert_eq!(redactor.target("/v1/x?api-key=abc&n=1&key=d"), "/v1/x?api-key=sk-***&n=1&key=sk-***");
    }

    #[test]
    fn keys_and_members_are_replaced_and_everything_else_stays() {
        let redactor = Redactor::default();
        let jwt = format!("eyJ{}.{}", "a".repeat(30), "b".repeat(30));
        for (text, expected) in [
            (format!(r#"{{"a":"{KEY}"}}"#), r#"{"a":"sk-***"}"#.to_owned()),
            (format!(r#"{{"a":"x\n{KEY}\"y"}}"#), r#"{"a":"x\nsk-***\"y"}"#.to_owned()),
            (format!("KEY={KEY}, {jwt}."), "KEY=sk-***, sk-***".to_owned()),
            (r#"{"authorization" : "abc", "b":"c"}"#.into(), r#"{"authorization" : "sk-***", "b":"c"}"#.into()),
            (
                r#"{"Password":"a\"b","api_key":null,"x":"y"}"#.into(),
                r#"{"Password":"sk-***","api_key":null,"x":"y"}"#.into(),
            ),
            (
                r#"{"arguments":"{\"api_key\":\"abc\",\"b\":\"c\"}","x":"\"y\""}"#.into(),
                r#"{"arguments":"{\"api_key\":\"sk-***\",\"b\":\"c\"}","x":"\"y\""}"#.into(),
            ),
            (
                r#"{"secret":{"type":"string"},"password":["a"]}"#.into(),
                r#"{"secret":{"type":"string"},"password":["a"]}"#.into(),
            ),
        ] {
            assert_eq!(redactor.text(&text), expected, "{text}");
        }
        for same in [
            r#"{"id":"resp_abcdefghijklmnop","call_id":"call_abcdefghijklmnop0123","task":"risk-abcdefghijklmnop0123"}"#,
            r#"{"encrypted_content":"gAAAAABo"}"#,
            "sk-short",
            "\"unfinished \\",
            "{\"secret\":\"",
            "",
        ] {
            let changed = redactor.text(same);
            assert!(changed == same || same.ends_with("secret\":\""), "{changed}");
        }
    }

    #[test]
    fn any_text_is_redacted_without_a_panic_and_twice_gives_the_same() {
        let redactor = Redactor::default();
        for text in ["é\"é", "\"secret\":\"é", "\\", "\"\\", "sk-é", "\"sig\":\"\\é\"", "eyJ"] {
            let once = redactor.text(text);
            assert_eq!(redactor.text(&once), once, "{text}");
        }
    }
}
