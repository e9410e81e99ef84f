//! A completed event whose `status` has another value: a truncated response must not be reported as complete.

use turnwire::client::OwnedOutcome;

use crate::{BEGIN, each_transport, incomplete, requests};

#[test]
fn status_of_completed_event_decides_outcome() {
    let end = r#"{"type":"response.completed","response":{"id":"resp_1","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#;
    each_transport(&format!("{BEGIN}\n{end}"), |pair, id| {
        assert_eq!(incomplete(pair, id).as_deref(), Some("max_output_tokens"));
    });
    for status in ["failed", "cancelled"] {
        let end = format!(
            r#"{{"type":"response.completed","response":{{"id":"resp_1","status":"{status}","error":{{"message":"no"}}}}}}"#
        );
        each_transport(&format!("{BEGIN}\n{end}"), |pair, id| {
            assert!(!matches!(pair.outcome(id), Some(OwnedOutcome::Completed(_)) | None), "{status}");
            assert_eq!(requests(pair), 1);
        });
    }
}
