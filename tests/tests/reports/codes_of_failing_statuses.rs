//! Error codes in failed responses, and statuses that a retry cannot change.

use turnwire::responses::FailureKind;

use crate::{answer, each_cut, failed, requests};

#[test]
fn permanent_status_is_final() {
    for status in [
        "402 Payment Required",
        "403 Forbidden",
        "404 Not Found",
        "405 Method Not Allowed",
        "410 Gone",
        "422 Unprocessable",
    ] {
        let bytes = answer(status, "Content-Type: application/json\r\n", r#"{"error":{"message":"no"}}"#);
        each_cut(&bytes, |pair, id| {
            assert_eq!((pair.failure(id).retryable, requests(pair)), (false, 1), "{status}");
        });
    }
}

#[test]
fn code_precedes_status() {
    for (status, error, kind) in [
        (
            "400 Bad Request",
            r#"{"code":"context_length_exceeded","type":"invalid_request_error","message":"long"}"#,
            FailureKind::ContextWindowExceeded,
        ),
        ("429 Too Many Requests", r#"{"code":"insufficient_quota","message":"no money"}"#, FailureKind::QuotaExceeded),
        ("429 Too Many Requests", r#"{"type":"insufficient_quota","message":"no money"}"#, FailureKind::QuotaExceeded),
    ] {
        let bytes = answer(status, "Content-Type: application/json\r\n", &format!(r#"{{"error":{error}}}"#));
        each_cut(&bytes, |pair, id| drop(failed(pair, id, kind, "")));
    }
}
