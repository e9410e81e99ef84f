//! Usage is parsed apart from the terminal event: missing or invalid counts are unknown, and the response still
//! completes.

use proptest::prelude::*;

use crate::{BEGIN, completed, each_transport};

#[test]
fn usage_of_any_shape_completes_the_response() {
    let shapes = [
        (r#"{"input_tokens":3,"output_tokens":2,"total_tokens":5,"output_tokens_details":{}}"#, Some((3, 2))),
        (r#"{"input_tokens":3,"output_tokens":2}"#, Some((3, 2))),
        (r#"{"input_tokens":3.0,"output_tokens":"2","total_tokens":5.0}"#, Some((3, 2))),
        (r#"{"input_tokens":3,"output_tokens":2,"total_tokens":5,"input_tokens_details":null}"#, Some((3, 2))),
        ("null", None),
    ];
    for (usage, counts) in shapes {
        let end = format!(r#"{{"type":"response.completed","response":{{"id":"resp_1","usage":{usage}}}}}"#);
        each_transport(&format!("{BEGIN}\n{end}"), |pair, id| {
            completed(pair, id);
            let usage = pair.report(id).expect("a report").usage;
            assert_eq!(usage.map(|usage| (usage.input_tokens, usage.output_tokens)), counts, "{end}");
        });
    }
}

#[test]
fn end_turn_of_another_type_is_none() {
    let end = r#"{"type":"response.completed","response":{"id":"resp_1","end_turn":"true"}}"#;
    each_transport(&format!("{BEGIN}\n{end}"), completed);
}

/// Any JSON value, with limited depth.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("NaN".to_owned()),
        Just("1e999".to_owned()),
        Just(r#""\ud800""#.to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        "[a-z]{0,4}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let member = ("input_tokens|output_tokens|id|reason|a", inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec(member, 0..3).prop_map(|members| {
                let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// For any members of a terminal event, the request ends with the event.
    #[test]
    fn terminal_event_with_any_members_ends_request_at_once(
        kind in "response\\.(completed|done|failed|incomplete|cancelled)",
        members in proptest::collection::vec(("response|id|usage|status|error|output|incomplete_details|end_turn", json()), 0..4),
        inner in proptest::collection::vec(("id|usage|status|error|output|incomplete_details|end_turn", json()), 0..4),
    ) {
        let join = |members: &[(String, String)]| {
            members.iter().map(|(key, value)| format!(",\"{key}\":{value}")).collect::<String>()
        };
        let response = join(&inner).replacen(',', "", 1);
        let end = format!(r#"{{"type":"{kind}","response":{{{response}}}{}}}"#, join(&members));
        each_transport(&format!("{BEGIN}\n{end}"), |pair, id| assert!(pair.outcome(id).is_some(), "{end}"));
    }
}
