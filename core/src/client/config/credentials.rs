//! Credentials of an application (`docs/protocol.md` §2.7). `Debug` never shows them.

use alloc::string::{String, ToString as _};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::by_members::deserialize_by_members;
use crate::hidden::Hidden;
use crate::http::{HeaderValue, Headers, InvalidHeader};

/// A string that `Debug` does not show and that is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Creates a secret.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_string()))
    }

    /// Returns the text.
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

/// A command that prints a bearer token ([docs/protocol.md
/// §1.2](crate::docs::protocol#12-user-level-provider-settings--l1-provider)). The application runs it; this type
/// contains the command, its time limits, and the parser of its output.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenCommand {
    /// The program.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Maximum run time in milliseconds. Default: 5 000.
    pub timeout_ms: u64,
    /// Interval after which the command must run again, in milliseconds. Default: 300 000.
    pub refresh_ms: u64,
}

deserialize_by_members! {
    closed TokenCommand { program, args = Vec::new(), timeout_ms = FIVE_SECONDS, refresh_ms = FIVE_MINUTES }
}

const FIVE_SECONDS: u64 = 5000;

const FIVE_MINUTES: u64 = 300_000;

impl TokenCommand {
    /// Creates a command from a program and its arguments.
    #[must_use]
    pub fn new(program: &str, args: &[&str]) -> Self {
        Self {
            program: program.into(),
            args: args.iter().map(|arg| (*arg).into()).collect(),
            timeout_ms: FIVE_SECONDS,
            refresh_ms: FIVE_MINUTES,
        }
    }

    /// Parses the output of the command, without surrounding white space. `None` if it is empty or not UTF-8.
    #[must_use]
    pub fn credentials(output: &[u8]) -> Option<Credentials> {
        let token = core::str::from_utf8(output).ok()?.trim();
        (!token.is_empty()).then(|| Credentials::bearer(token))
    }
}

/// A request that is about to be sent, for a signer. `Debug` shows the length of the body.
#[non_exhaustive]
pub struct SignableRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The whole URL.
    pub url: &'a str,
    /// The headers. Headers that the signer sets are sent.
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// Signing may succeed later: the request is retried like one whose connection could not be opened.
    Transient(String),
    /// Signing will not succeed: the request is not sent.
    Build(String),
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transient(message) => write!(f, "the request could not be signed now: {message}"),
            Self::Build(text) => write!(f, "the request cannot be signed: {text}"),
        }
    }
}

impl core::error::Error for SignError {}

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

/// The credentials of an application. If they expire, the application obtains new ones, for example by running a
/// command that prints a token, and sets them when [`Event::CredentialsNeeded`](crate::client::Event) asks for them.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Credentials {
    /// No credentials.
    #[default]
    None,
    /// `Authorization: Bearer` with an API key or an access token, and related headers.
    Bearer {
        /// The token.
        token: Secret,
        /// `ChatGPT-Account-ID`.
        account: Option<String>,
        /// `X-OpenAI-Fedramp: true`.
        fedramp: bool,
    },
    /// Headers, which replace others of the same names.
    Headers(Vec<(String, Secret)>),
    /// A signer of each request. It cannot be used for WebSocket, whose requests have no head.
    Signer(Arc<dyn Sign>),
}

impl Credentials {
    /// Creates a bearer token.
    #[must_use]
    pub fn bearer(token: impl Into<Secret>) -> Self {
        Self::Bearer { token: token.into(), account: None, fedramp: false }
    }

    /// Sets the account; credentials other than a bearer token stay unchanged.
    #[must_use]
    pub fn with_account(mut self, id: &str) -> Self {
        if let Self::Bearer { account, .. } = &mut self {
            *account = Some(id.into());
        }
        self
    }

    /// Marks the account as a FedRAMP account; credentials other than a bearer token stay unchanged.
    #[must_use]
    pub const fn with_fedramp(mut self) -> Self {
        if let Self::Bearer { fedramp, .. } = &mut self {
            *fedramp = true;
        }
        self
    }

    /// Returns whether they can be used in WebSocket handshakes.
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
