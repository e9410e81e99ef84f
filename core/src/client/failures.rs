//! Failures that are the connection's, in the protocol's words (`docs/protocol.md` §5.8), and what an answer to a handshake means.

use alloc::string::{String, ToString as _};
use core::time::Duration;

use super::dial::ConnectError;
use crate::connection::{CloseReason, Deadline, Transport};
use crate::entropy::Entropy;
use crate::http::Response;
use crate::responses::{Failure, FailureKind};

/// The close code that says that a message is too long (RFC 6455 §7.4.1).
const TOO_BIG: u16 = 1009;

pub(super) fn not_connected(why: &ConnectError) -> Failure {
    let class = match why {
        ConnectError::Network(_) => FailureKind::Connect,
        ConnectError::Tls(_) => FailureKind::Tls,
    };
    Failure::new(class, &why.to_string())
}

/// What the end of a connection is to a request that was on it.
pub(super) fn lost(transport: Transport, closed: &CloseReason) -> Failure {
    let websocket = transport == Transport::WebSocket;
    match closed {
        CloseReason::Timeout(Deadline::Head) => Failure::timeout(),
        CloseReason::Timeout(Deadline::Write) if websocket => {
            Failure::new(FailureKind::Timeout, "idle timeout sending websocket request")
        }
        CloseReason::Timeout(Deadline::Write) => Failure::new(FailureKind::Timeout, "idle timeout sending the request"),
        CloseReason::Timeout(Deadline::Progress | Deadline::Bytes | Deadline::Control) => {
            Failure::stream(&closed.to_string())
        }
        CloseReason::Timeout(_) if websocket => Failure::stream("idle timeout waiting for websocket"),
        CloseReason::Timeout(_) => Failure::stream("idle timeout waiting for SSE"),
        CloseReason::Peer { code: TOO_BIG, .. } => {
            Failure::new(FailureKind::TooLarge, "the server closed the websocket with code 1009")
        }
        CloseReason::Peer { .. } => Failure::stream("websocket closed by server before response.completed"),
        CloseReason::Eof | CloseReason::Local => Failure::stream("stream closed before response.completed"),
        CloseReason::Binary => Failure::stream("unexpected binary websocket event"),
        CloseReason::Truncated
        | CloseReason::Http(_)
        | CloseReason::Events(_)
        | CloseReason::WebSocket(_)
        | CloseReason::Handshake(_)
        | CloseReason::Host
        | CloseReason::Unsolicited
        | CloseReason::BodyTooLong { .. } => Failure::stream(&closed.to_string()),
    }
}

/// The failure of an answer whose status is not a success.
pub(super) fn answered(head: &Response, body: &[u8], url: &str, unix: Option<u64>) -> Failure {
    let text = String::from_utf8_lossy(body);
    Failure::from_http(head.status(), &head.headers.ascii_pairs(), &text, Some(url), unix)
}

/// Whether a server that answers the handshake so will not upgrade at all (`docs/differences.md` 31): it does not know how, or
/// took the request for a plain one.
pub(super) const fn will_not_upgrade(status: u16) -> bool {
    matches!(status, 200..=299 | 404 | 405 | 426 | 501)
}

/// The delay before the `retry`th time (§10.1): doubled each time, and varied by a tenth, in whole milliseconds.
pub(super) fn backoff(base: Duration, retry: u32, entropy: &mut Entropy) -> Duration {
    let grown = base.saturating_mul(1_u32.checked_shl(retry.saturating_sub(1)).unwrap_or(u32::MAX));
    // Two hours are long enough for anything that still makes sense, and far from what would overflow.
    let varied = grown.min(Duration::from_secs(7200)).mul_f64(0.9 + 0.2 * entropy.unit());
    Duration::from_millis(u64::try_from(varied.as_millis()).unwrap_or(u64::MAX))
}
