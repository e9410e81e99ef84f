//! How the command ends: what a script can tell apart.

use core::fmt;
use std::process::ExitCode;

use turnwire::client::{CommandError, InvalidProvider};
use turnwire::responses::{Failure, FailureKind};

/// Why a conversation ended early. Each has an exit code of its own.
#[derive(Debug)]
#[non_exhaustive]
pub enum Exit {
    /// 1: the output could not be written.
    Output(std::io::Error),
    /// 2: the arguments, or the environment, are no good.
    Arguments(String),
    /// 3: the server cannot be reached.
    Connect(String),
    /// 4: TLS failed.
    Tls(String),
    /// 5: the server refused.
    Refused(String),
    /// 6: the protocol was broken, or the stream ended early.
    Protocol(String),
    /// 7: the model failed, or ended before its end.
    Model(String),
    /// 8: a deadline passed.
    Timeout(String),
}

impl Exit {
    /// The exit code.
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

    /// How a failed request ends the command.
    #[must_use]
    pub fn of(failure: &Failure) -> Self {
        let text = match (failure.status, failure.code.as_deref()) {
            (Some(status), Some(code)) => format!("status {status}, {code}: {}", failure.message),
            (Some(status), None) => format!("status {status}: {}", failure.message),
            (None, Some(code)) => format!("{code}: {}", failure.message),
            (None, None) => failure.message.clone(),
        };
        match failure.kind {
            FailureKind::Connect => Self::Connect(text),
            FailureKind::Tls => Self::Tls(text),
            FailureKind::Timeout => Self::Timeout(text),
            FailureKind::Stream => Self::Protocol(text),
            FailureKind::Build => Self::Arguments(text),
            _ if failure.status.is_some() => Self::Refused(text),
            _ => Self::Model(text),
        }
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
    fn from(misuse: CommandError) -> Self {
        Self::Arguments(misuse.to_string())
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
