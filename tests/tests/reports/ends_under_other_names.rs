//! Other terminal events: `response.done` and `response.cancelled`.

use turnwire::client::OwnedOutcome;

use crate::{BEGIN, END, completed, each_transport};

#[test]
fn done_ends_a_response() {
    for end in [
        r#"{"type":"response.done","response":{"id":"resp_1","status":"completed"}}"#,
        r#"{"type":"response.done","response":{"id":"resp_1"}}"#,
        r#"{"type":"response.done"}"#,
    ] {
        each_transport(&format!("{BEGIN}\n{end}"), completed);
    }
    let end = r#"{"type":"response.done","response":{"id":"resp_1","status":"incomplete"}}"#;
    each_transport(&format!("{BEGIN}\n{end}"), |pair, id| {
        assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Incomplete(_))));
    });
}

#[test]
fn cancelled_ends_a_response_without_completing_it() {
    let end = r#"{"type":"response.cancelled","response":{"id":"resp_1","status":"cancelled"}}"#;
    each_transport(&format!("{BEGIN}\n{end}"), |pair, id| {
        assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Failed(_) | OwnedOutcome::Cancelled)));
    });
}

#[test]
fn done_after_completed_is_unmatched() {
    let late = r#"{"type":"response.done","response":{"id":"resp_1"}}"#;
    each_transport(&format!("{BEGIN}\n{END}\n{late}"), completed);
}
