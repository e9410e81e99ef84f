//! Payloads that are nearly JSON: numbers that JSON does not allow affect only their own member.

use crate::{BEGIN, END, completed, each_transport};

#[test]
fn invalid_numbers_affect_only_their_member() {
    for number in ["NaN", "Infinity", "-Infinity"] {
        let begin = BEGIN.replace(r#""delta":"Hi""#, &format!(r#""delta":"Hi","logprobs":[{{"logprob":{number}}}]"#));
        each_transport(&format!("{begin}\n{END}"), completed);
        let end = format!(r#"{{"type":"response.completed","response":{{"id":"resp_1","temperature":{number}}}}}"#);
        each_transport(&format!("{BEGIN}\n{end}"), completed);
    }
}
