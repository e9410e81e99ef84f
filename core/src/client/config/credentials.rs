//! What proves to a server who is asking (`docs/protocol.md` §2.7), and never shows.

use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::hidden::Hidden;
use crate::http::{HeaderValue, Headers, InvalidHeader};

/// A string that is not shown by `Debug` and is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_string()))
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A command that yields a bearer token (§1.2). Running it is the application's business; this says what to run, how long it may
/// take, and what to make of what it prints.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TokenCommand {
    /// The program.
    pub program: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// How long it may take, in milliseconds: 5 000.
    #[serde(default = "five_seconds")]
    pub timeout_ms: u64,
    /// After how long it is run again, in milliseconds: 300 000.
    #[serde(default = "five_minutes")]
    pub refresh_ms: u64,
}

const fn five_seconds() -> u64 {
    5000
}

const fn five_minutes() -> u64 {
    300_000
}

impl TokenCommand {
    /// This program with these arguments.
    #[must_use]
    pub fn new(program: &str, args: &[&str]) -> Self {
        Self {
            program: program.into(),
            args: args.iter().map(|arg| (*arg).into()).collect(),
            timeout_ms: five_seconds(),
            refresh_ms: five_minutes(),
        }
    }

    /// The credentials in what the command printed, white space around them aside; none when that is all there is, or no text.
    #[must_use]
    pub fn credentials(output: &[u8]) -> Option<Credentials> {
        let token = core::str::from_utf8(output).ok()?.trim();
        (!token.is_empty()).then(|| Credentials::bearer(token))
    }
}

/// A request that is about to be sent, as one who signs it sees it. `Debug` shows the length of the body.
#[non_exhaustive]
pub struct SignableRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The whole URL.
    pub url: &'a str,
    /// The headers. What the signer sets is sent.
    pub headers: &'a mut Headers,
    /// The body, exactly as it is sent.
    pub body: &'a [u8],
}

impl fmt::Debug for SignableRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignableRequest")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &self.headers)
            .field("body", &Hidden(self.body.len()))
            .finish()
    }
}

/// Why a request could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// It may succeed later: the request is retried as one that could not connect.
    #[error("the request could not be signed now: {0}")]
    Transient(String),
    /// It will not: the request is not sent.
    #[error("the request cannot be signed: {0}")]
    Build(String),
}

/// Signs requests. The client calls it once per attempt, with the final bytes of the body.
///
/// Clones of the credentials share one signer, possibly on several threads.
pub trait Sign: Send + Sync {
    /// Signs one request.
    ///
    /// # Errors
    ///
    /// Returns [`SignError`] when the request cannot be signed. The variant decides whether the client retries.
    fn sign(&self, request: SignableRequest<'_>) -> Result<(), SignError>;
}

/// What is shown to a server. A command that yields a token is the application's to run: it hands the token in when it is asked
/// for new credentials.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Credentials {
    /// Nothing.
    #[default]
    None,
    /// `Authorization: Bearer`, an API key or an access token, and what belongs to it.
    Bearer {
        /// The token.
        token: Secret,
        /// `ChatGPT-Account-ID`.
        account: Option<String>,
        /// `X-OpenAI-Fedramp: true`.
        fedramp: bool,
    },
    /// Headers that replace others of their names.
    Headers(Vec<(String, Secret)>),
    /// Something that looks at each whole request. It cannot be used for WebSocket, whose requests have no head.
    Signer(Arc<dyn Sign>),
}

impl Credentials {
    /// A bearer token.
    #[must_use]
    pub fn bearer(token: impl Into<Secret>) -> Self {
        Self::Bearer { token: token.into(), account: None, fedramp: false }
    }

    /// The same for this account; other credentials than a bearer token stay as they are.
    #[must_use]
    pub fn with_account(mut self, id: &str) -> Self {
        if let Self::Bearer { account, .. } = &mut self {
            *account = Some(id.into());
        }
        self
    }

    /// The same for a FedRAMP account; other credentials than a bearer token stay as they are.
    #[must_use]
    pub const fn with_fedramp(mut self) -> Self {
        if let Self::Bearer { fedramp, .. } = &mut self {
            *fedramp = true;
        }
        self
    }

    /// Whether WebSocket handshakes can be made with them.
    pub(in crate::client) const fn fit_handshakes(&self) -> bool {
        !matches!(self, Self::Signer(_))
    }

    /// Sets their headers.
    pub(in crate::client) fn apply(&self, headers: &mut Headers) -> Result<(), InvalidHeader> {
        match self {
            Self::None | Self::Signer(_) => {}
            Self::Bearer { token, account, fedramp } => {
                let value = Zeroizing::new(alloc::format!("Bearer {}", token.expose()));
                headers.set("Authorization", sensitive(&value)?)?;
                if let Some(account) = account {
                    headers.set("ChatGPT-Account-ID", account.as_str())?;
                }
                if *fedramp {
                    headers.set("X-OpenAI-Fedramp", "true")?;
                }
            }
            Self::Headers(fields) => {
                for (name, value) in fields {
                    headers.set(name, sensitive(value.expose())?)?;
                }
            }
        }
        Ok(())
    }
}

fn sensitive(value: &str) -> Result<HeaderValue, InvalidHeader> {
    HeaderValue::new(value.as_bytes()).map(HeaderValue::into_sensitive)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Credentials::None",
            Self::Bearer { .. } => "Credentials::Bearer(..)",
            Self::Headers(_) => "Credentials::Headers(..)",
            Self::Signer(_) => "Credentials::Signer(..)",
        })
    }
}
