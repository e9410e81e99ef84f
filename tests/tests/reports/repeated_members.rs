//! Duplicate members of an object: for a client the last one counts.

use crate::{BEGIN, completed, each_transport};

#[test]
fn last_duplicate_member_is_used() {
    for end in [
        r#"{"type":"response.completed","sequence_number":4,"sequence_number":5,"response":{"id":"resp_1"}}"#,
        r#"{"type":"response.completed","response":{"id":"resp_0"},"response":{"id":"resp_1"}}"#,
        r#"{"type":"response.completed","response":{"id":"resp_0","id":"resp_1","usage":null,"usage":{}}}"#,
    ] {
        each_transport(&format!("{BEGIN}\n{end}"), |pair, id| {
            completed(pair, id);
            assert_eq!(pair.completed(id), "resp_1", "{end}");
        });
    }
}
