//! Errors in a stream that have no `type`, or are not JSON.

use crate::{each_cut, each_transport, stream};

#[test]
fn error_is_recognised_by_event_type() {
    let created = r#"{"type":"response.created","response":{"id":"resp_1"}}"#;
    for (data, words) in [
        (r#"data: {"code":400,"details":"too many logprobs"}"#, "too many logprobs"),
        (r#"data: {"detail":"not found"}"#, "not found"),
        ("data: upstream connect error", "upstream connect error"),
    ] {
        each_cut(&stream(&format!("{created}\nevent: error\n{data}\n\n[DONE]")), |pair, id| {
            let failure = pair.failure(id);
            assert!(failure.message.contains(words), "{failure}: {}", failure.message);
        });
    }
}

#[test]
fn error_is_recognised_by_members() {
    for payload in [
        r#"{"message":"nope","code":400}"#,
        r#"{"error":{"message":"nope"}}"#,
        r#"{"error":"nope"}"#,
        r#"{"detail":"nope"}"#,
    ] {
        each_transport(payload, |pair, id| {
            let failure = pair.failure(id);
            assert!(failure.message.contains("nope"), "{payload}: {failure}: {}", failure.message);
        });
    }
}

#[test]
fn error_at_top_of_failed_event_is_its_error() {
    let payload = r#"{"type":"response.failed","error":{"code":"insufficient_quota","message":"no money"}}"#;
    each_transport(payload, |pair, id| {
        crate::failed(pair, id, turnwire::responses::FailureKind::QuotaExceeded, "no money");
    });
}
