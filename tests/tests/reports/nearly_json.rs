//! Payloads that are nearly JSON: numbers that JSON does not have spoil nothing but themselves.

use crate::{BEGIN, END, completed, each_transport};

#[test]
fn numbers_that_json_does_not_have_spoil_only_themselves() {
    for number in ["NaN", "Infinity", "-Infinity"] {
        let begin = BEGIN.replace(r#""delta":"Hi""#, &format!(r#""delta":"Hi","logprobs":[{{"logprob":{number}}}]"#));
        each_transport(&format!("{begin}\n{END}"), completed);
        let end = format!(r#"{{"type":"response.completed","response":{{"id":"resp_1","temperature":{number}}}}}"#);
        each_transport(&format!("{BEGIN}\n{end}"), completed);
    }
}
