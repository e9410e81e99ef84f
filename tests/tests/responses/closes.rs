//! What a server's close frame means for the request in flight.

use turnwire::responses::{Failure, FailureKind};

#[test]
fn close_code_decides_whether_a_request_may_be_repeated() {
    for code in [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015] {
        let failure = Failure::from_close(code, "");
        assert_eq!((failure.kind, failure.retryable), (FailureKind::Stream, true), "{code}");
        assert_eq!(failure.message, "websocket closed by server before response.completed", "{code}");
    }
    for code in [1002, 1003, 1007, 1008, 1010, 4000, 4001, 4999] {
        let failure = Failure::from_close(code, "go away");
        assert_eq!((failure.kind, failure.retryable), (FailureKind::Stream, false), "{code}");
        assert!(failure.message.ends_with(&format!("code {code}, reason: go away")), "{}", failure.message);
        assert_eq!(failure.details.close, Some((code, "go away".into())));
    }
    assert_eq!(Failure::from_close(1009, "").kind, FailureKind::TooLarge);
}

#[test]
fn close_reason_that_names_a_code_decides_as_an_event_does() {
    for (code, reason, kind, retryable) in [
        (4001, "insufficient_quota", FailureKind::QuotaExceeded, false),
        (4429, "error: rate_limit_exceeded, slow", FailureKind::Retryable, true),
        (1008, r#"{"error":{"code":"context_length_exceeded"}}"#, FailureKind::ContextWindowExceeded, false),
        (1011, "insufficient_quota", FailureKind::QuotaExceeded, false),
        (4000, "server_error", FailureKind::Retryable, true),
        (4002, "websocket_connection_limit_reached", FailureKind::ConnectionLimit, true),
        (4003, "some_other_code", FailureKind::Stream, false),
    ] {
        let failure = Failure::from_close(code, reason);
        assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{code} {reason}");
        assert_eq!(failure.code.is_some(), kind != FailureKind::Stream, "{code} {reason}");
        assert!(failure.message.contains(&format!("code {code}")), "{}", failure.message);
    }
}
