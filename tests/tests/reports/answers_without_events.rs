//! A 2xx response that is not an event stream.

use turnwire::responses::FailureKind;

use crate::{BEGIN, answer, each_cut, events, failed, requests};

#[test]
fn error_in_2xx_response_decides_failure() {
    let body =
        r#"{"error":{"message":"Insufficient balance","type":"insufficient_quota","code":"insufficient_quota"}}"#;
    each_cut(&answer("200 OK", "Content-Type: application/json\r\n", body), |pair, id| {
        failed(pair, id, FailureKind::QuotaExceeded, "Insufficient balance");
    });
}

#[test]
fn whole_response_is_delivered() {
    let body = r#"{"id":"resp_1","object":"response","status":"completed","output":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"Hi"}]}]}"#;
    each_cut(&answer("200 OK", "Content-Type: application/json\r\n", body), |pair, id| {
        assert_eq!((pair.completed(id).as_str(), requests(pair)), ("resp_1", 1));
        assert!(pair.kinds(id).iter().any(|kind| kind == "response.output_item.done"), "{:?}", pair.kinds(id));
    });
}

#[test]
fn response_of_other_type_fails_once_with_status() {
    for (status, headers, body, words) in [
        ("204 No Content", "", "", "204"),
        ("200 OK", "Content-Type: text/html\r\n", "<html>sign in</html>", "text/html"),
        ("202 Accepted", "Content-Type: text/plain\r\n", "queued", "202"),
    ] {
        // A 204 has no Content-Length.
        let bytes = if body.is_empty() {
            format!("HTTP/1.1 {status}\r\n\r\n").into_bytes()
        } else {
            answer(status, headers, body)
        };
        each_cut(&bytes, |pair, id| {
            let failure = pair.failure(id);
            assert!(
                failure.to_string().contains(words) || failure.message.contains(words),
                "{failure}: {}",
                failure.message
            );
            assert_eq!(requests(pair), 1, "{failure}");
        });
    }
}

#[test]
fn json_error_in_last_line_of_stream_is_the_failure() {
    let error = r#"{"error":{"message":"upstream timeout","type":"server_error"}}"#;
    for end in ["", "\n"] {
        let body = format!("{}{error}{end}", events(BEGIN));
        each_cut(&answer("200 OK", "Content-Type: text/event-stream\r\n", &body), |pair, id| {
            failed(pair, id, FailureKind::Retryable, "upstream timeout");
        });
    }
    // A stream that ends with an event has no error in its last line.
    let body = events(BEGIN);
    each_cut(&answer("200 OK", "Content-Type: text/event-stream\r\n", &body), |pair, id| {
        failed(pair, id, FailureKind::Stream, "stream closed before response.completed");
    });
}
