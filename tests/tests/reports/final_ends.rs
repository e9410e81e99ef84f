//! Outcomes that a retry would repeat are not retried, because each request is billed.

use turnwire::responses::FailureKind;

use crate::{BEGIN, each_transport, failed, incomplete, requests};

#[test]
fn incomplete_response_is_not_retried() {
    for reason in ["content_filter", "max_output_tokens", "another_reason"] {
        let end = format!(
            r#"{{"type":"response.incomplete","response":{{"id":"resp_1","incomplete_details":{{"reason":"{reason}"}}}}}}"#
        );
        let created = BEGIN.lines().next().expect("a line");
        for begin in [BEGIN, created] {
            each_transport(&format!("{begin}\n{end}"), |pair, id| {
                assert_eq!(incomplete(pair, id).as_deref(), Some(reason));
            });
        }
    }
}

#[test]
fn response_without_output_is_not_retried() {
    let payloads = r#"{"type":"response.created","response":{"id":"resp_1"}}
{"type":"response.completed","response":{"id":"resp_1","usage":{"input_tokens":9}}}"#;
    each_transport(payloads, |pair, id| {
        pair.completed(id);
        assert_eq!(requests(pair), 1);
    });
}

#[test]
fn final_failure_is_not_retried() {
    for (error, kind) in [
        (r#"{"type":"invalid_request_error","message":"empty_array"}"#, FailureKind::InvalidRequest),
        (r#"{"code":"invalid_request_error","message":"bad"}"#, FailureKind::InvalidRequest),
        (r#"{"code":"insufficient_quota","message":"no money"}"#, FailureKind::QuotaExceeded),
        (r#"{"code":"context_length_exceeded","message":"long"}"#, FailureKind::ContextWindowExceeded),
    ] {
        let created = r#"{"type":"response.created","response":{"id":"resp_1"}}"#;
        let failures = [
            format!(r#"{{"type":"response.failed","response":{{"id":"resp_1","error":{error}}}}}"#),
            format!(r#"{{"type":"response.failed","error":{error}}}"#),
            format!(r#"{{"type":"error","error":{error}}}"#),
        ];
        for end in failures {
            each_transport(&format!("{created}\n{end}"), |pair, id| drop(failed(pair, id, kind, "")));
        }
    }
}

#[test]
fn filtered_response_is_not_retried() {
    let payloads = r#"{"type":"response.created","response":{"id":"resp_1"}}
{"type":"response.failed","response":{"id":"resp_1","error":{"code":"content_filter","message":"filtered"}}}"#;
    each_transport(payloads, |pair, id| {
        assert!(pair.failure(id).message.contains("filtered"));
        assert_eq!(requests(pair), 1);
    });
}
