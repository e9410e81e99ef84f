//! A completed event without some members still completes its request.

use crate::{BEGIN, completed, each_transport};

#[test]
fn completed_without_an_id_or_a_response_completes() {
    for end in [
        r#"{"type":"response.completed","response":{}}"#,
        r#"{"type":"response.completed","response":{"id":7,"output":"none"}}"#,
        r#"{"type":"response.completed","response":null}"#,
        r#"{"type":"response.completed","id":"resp_1","status":"completed","output":[]}"#,
        r#"{"type":"response.completed"}"#,
    ] {
        each_transport(&format!("{BEGIN}\n{end}"), completed);
    }
}
