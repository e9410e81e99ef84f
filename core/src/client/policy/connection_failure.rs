//! The failures of requests whose connection failed
//! ([docs/protocol.md §5.8](crate::docs::protocol#58-how-streams-end)).

use alloc::string::{String, ToString as _};

use crate::client::connect::ConnectError;
use crate::connection::{CloseReason, Deadline, LossReason, Transport};
use crate::http::Response;
use crate::responses::{Failure, FailureKind};

/// Returns the failure of a request when the socket could not be opened.
pub(in crate::client) fn connect_failure(error: &ConnectError) -> Failure {
    let kind = match error {
        ConnectError::Network(_) | ConnectError::Proxy { .. } => FailureKind::Connect,
        ConnectError::Tls(_) => FailureKind::Tls,
    };
    let mut failure = Failure::new(kind, &error.to_string());
    if let ConnectError::Proxy { retryable, .. } = error {
        failure.retryable = *retryable;
    }
    failure
}

/// Returns the failure of a request in flight when its connection ended.
pub(in crate::client) fn connection_lost(transport: Transport, reason: &CloseReason) -> Failure {
    let websocket = transport == Transport::WebSocket;
    match reason {
        CloseReason::Timeout(Deadline::Head) => Failure::timeout(),
        CloseReason::Timeout(Deadline::Write) if websocket => {
            Failure::new(FailureKind::Timeout, "idle timeout sending websocket request")
        }
        CloseReason::Timeout(Deadline::Write) => Failure::new(FailureKind::Timeout, "idle timeout sending the request"),
        CloseReason::Timeout(Deadline::Progress | Deadline::Bytes | Deadline::Control) => {
            Failure::stream(&reason.to_string())
        }
        CloseReason::Timeout(_) if websocket => Failure::stream("idle timeout waiting for websocket"),
        CloseReason::Timeout(_) => Failure::stream("idle timeout waiting for SSE"),
        CloseReason::Peer { code, reason } => Failure::from_close(*code, reason),
        CloseReason::Eof | CloseReason::Local => Failure::stream("stream closed before response.completed"),
        // Unlike a failed handshake, a failed session may succeed at the next attempt.
        CloseReason::Lost(LossReason::Tls(_)) => {
            let mut failure = Failure::new(FailureKind::Tls, &reason.to_string());
            failure.retryable = true;
            failure
        }
        CloseReason::Lost(LossReason::Network(_)) => {
            Failure::stream(&alloc::format!("stream closed before response.completed: {reason}"))
        }
        CloseReason::Binary => Failure::stream("unexpected binary websocket event"),
        CloseReason::Truncated
        | CloseReason::Http(_)
        | CloseReason::Events(_)
        | CloseReason::WebSocket(_)
        | CloseReason::Handshake(_)
        | CloseReason::Host
        | CloseReason::Unsolicited
        | CloseReason::BodyTooLong { .. } => Failure::stream(&reason.to_string()),
    }
}

/// Returns the failure of a request whose response has a status other than 2xx, or of a handshake that was rejected.
pub(in crate::client) fn http_failure(head: &Response, body: &[u8], url: &str, unix_seconds: Option<u64>) -> Failure {
    let text = String::from_utf8_lossy(body);
    Failure::from_http(head.status(), &head.headers.ascii_pairs(), &text, Some(url), unix_seconds)
}

/// Maximum number of bytes of a body that an error message shows.
const MAX_SHOWN: usize = 512;

/// Returns the failure of a request whose 2xx response is not an event stream.
pub(in crate::client) fn unstreamed_failure(
    head: &Response,
    body: &[u8],
    url: &str,
    unix_seconds: Option<u64>,
) -> Failure {
    let shown = String::from_utf8_lossy(&body[..body.len().min(MAX_SHOWN)]);
    let mut failure = http_failure(head, body, url, unix_seconds);
    let says_error =
        failure.code.is_some() || failure.details.error_type.is_some() || failure.message.as_bytes() != body;
    if !says_error {
        let content_type = head.headers.get_str("content-type").unwrap_or("none");
        let status = head.status();
        failure.message = alloc::format!("status {status} without events, content type {content_type}: {shown}");
        failure.retryable = false;
    }
    failure.raw = Some(shown.into_owned());
    failure
}
