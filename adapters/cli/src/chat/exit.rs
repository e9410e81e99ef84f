//! Errors of `turnwire chat` and `turnwire doctor`, with their exit codes.

use core::fmt;
use std::process::ExitCode;

use turnwire::client::{CommandError, InvalidProvider};
use turnwire::responses::{Failure, FailureKind};

/// Error that ends a command. Each variant has its own exit code.
#[derive(Debug)]
#[non_exhaustive]
pub enum Exit {
    /// 1: the output could not be written.
    Output(std::io::Error),
    /// 2: the arguments or the environment are invalid.
    Arguments(String),
    /// 3: the server is unreachable.
    Connect(String),
    /// 4: TLS failed.
    Tls(String),
    /// 5: the server rejected the request.
    Refused(String),
    /// 6: the server violated the protocol, or the stream ended early.
    Protocol(String),
    /// 7: the model failed, or the response is incomplete.
    Model(String),
    /// 8: a timeout expired.
    Timeout(String),
}

impl Exit {
    /// Returns the exit code.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Output(_) => 1,
            Self::Arguments(_) => 2,
            Self::Connect(_) => 3,
            Self::Tls(_) => 4,
            Self::Refused(_) => 5,
            Self::Protocol(_) => 6,
            Self::Model(_) => 7,
            Self::Timeout(_) => 8,
        })
    }

    /// Names the server of a failure to connect.
    #[must_use]
    pub(super) fn at(self, server: &str) -> Self {
        match self {
            Self::Connect(text) if !server.is_empty() => Self::Connect(format!("{server}: {text}")),
            other => other,
        }
    }

    /// Converts the failure of a request.
    #[must_use]
    pub fn of(failure: &Failure) -> Self {
        let message = shortened(&failure.message);
        let text = match (failure.status, failure.code.as_deref()) {
            (Some(status), Some(code)) => format!("status {status}, {code}: {message}"),
            (Some(status), None) => format!("status {status}: {message}"),
            (None, Some(code)) => format!("{code}: {message}"),
            (None, None) => message,
        };
        match failure.kind {
            FailureKind::Connect => Self::Connect(text),
            FailureKind::Tls => Self::Tls(text),
            FailureKind::Timeout | FailureKind::DeadlineExceeded => Self::Timeout(text),
            FailureKind::Stream => Self::Protocol(text),
            FailureKind::Build => Self::Arguments(text),
            _ if failure.status.is_some() => Self::Refused(text),
            _ => Self::Model(text),
        }
    }
}

/// The maximum length of a server's message, in characters. Some servers send the whole stack of a failure.
const MAX_MESSAGE: usize = 1000;

fn shortened(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}… ({} bytes more)", &message[..end], message.len() - end),
        None => message.to_owned(),
    }
}

impl From<std::io::Error> for Exit {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<InvalidProvider> for Exit {
    fn from(error: InvalidProvider) -> Self {
        Self::Arguments(error.to_string())
    }
}

impl From<CommandError> for Exit {
    fn from(error: CommandError) -> Self {
        Self::Arguments(error.to_string())
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(error) => write!(f, "cannot write: {error}"),
            Self::Arguments(text) => write!(f, "bad arguments: {text}"),
            Self::Connect(text) => write!(f, "cannot connect: {text}"),
            Self::Tls(text) => write!(f, "tls: {text}"),
            Self::Refused(text) => write!(f, "refused: {text}"),
            Self::Protocol(text) => write!(f, "protocol error: {text}"),
            Self::Model(text) => write!(f, "the model failed: {text}"),
            Self::Timeout(text) => write!(f, "timed out: {text}"),
        }
    }
}

impl core::error::Error for Exit {}

#[cfg(test)]
mod tests {
    use super::{MAX_MESSAGE, shortened};

    #[test]
    fn message_above_limit_is_cut_between_characters() {
        let fits = "\u{e9}".repeat(MAX_MESSAGE);
        assert_eq!(shortened(&fits), fits);
        assert_eq!(shortened(&format!("{fits}\u{e9}a")), format!("{fits}… (3 bytes more)"));
    }
}
