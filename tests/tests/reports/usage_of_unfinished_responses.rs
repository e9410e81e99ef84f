//! The usage of a response that did not complete.

use crate::{BEGIN, each_transport};

#[test]
fn usage_of_every_terminal_event_is_reported() {
    let usage = r#""usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}"#;
    for end in [
        format!(r#"{{"type":"response.incomplete","response":{{"id":"resp_1",{usage}}}}}"#),
        format!(
            r#"{{"type":"response.failed","response":{{"id":"resp_1","error":{{"code":"invalid_prompt","message":"no"}},{usage}}}}}"#
        ),
        format!(r#"{{"type":"response.cancelled","response":{{"id":"resp_1",{usage}}}}}"#),
    ] {
        each_transport(&format!("{BEGIN}\n{end}"), |pair, id| {
            let usage = pair.report(id).expect("a report").usage.expect("usage");
            assert_eq!((usage.input_tokens, usage.output_tokens), (3, 2), "{end}");
        });
    }
}
