//! The laws of the fast path for deltas that repeat an earlier one except for a few values.

use proptest::collection::vec;
use proptest::prelude::*;
use turnwire_tests::laws::client_repeats::{clients_alike, ends_alike};
use turnwire_tests::laws::repeats::{Act, delta, parses_alike, routes_alike, streams_alike};

/// Values of every kind, many of them not JSON.
fn value() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "\"\"",
        "\"a\"",
        "\"é\u{1F600}\"",
        r#""\n\"\\ é""#,
        r#""\ud83d""#,
        r#""\ud83d\ude00""#,
        r#""\u12""#,
        r#""\x""#,
        "\"\n\"",
        "\"\u{1}\"",
        "\"",
        "\"a",
        "\"a\\",
        "0",
        "7",
        "-1",
        "01",
        "-",
        "1.5",
        "1e5",
        "1.",
        "12x",
        "NaN",
        "-Infinity",
        "null",
        "true",
        "nul",
        "[]",
        "[1]",
        "[",
        "[{\"a\":[\"]\"]}]",
        "{}",
        "{\"a\"}",
        "\"a\",\"delta\":\"b\"",
        "\"a\"} ",
        " \"a\" ",
        "",
        "9007199254740993",
        "\"7\"",
    ]);
    prop_oneof![4 => fixed.prop_map(String::from), 1 => "\"[a-z ]{0,40}\"", 1 => "[0-9]{1,20}", 1 => "\\PC{0,8}"]
}

/// Members of a delta in any order, with values of a few shapes.
fn payload() -> impl Strategy<Value = String> {
    let fixed = prop::sample::subsequence(
        vec![
            r#""content_index":0"#,
            r#""item_id":"msg_1""#,
            r#""item_id":"msg_2""#,
            r#""output_index":0"#,
            r#""logprobs":[]"#,
            r#""stream_id":"a""#,
            r#""response_id":"r""#,
            r#""unknown":{"delta":1}"#,
            r#""headers":{"openai-model":"m"}"#,
            r#""delta":"first""#,
            r#""safety_buffering":{}"#,
            r#""command_index":1"#,
        ],
        0..8,
    );
    let kind = prop::sample::select(vec![
        r#""type":"response.output_text.delta""#,
        r#""type":"response.output_text.delta""#,
        r#""type":"response.function_call_arguments.delta""#,
        r#""type":"response.reasoning.delta""#,
        r#""type":"response.output_text.done""#,
        r#""type":"response.\u006futput_text.delta""#,
        r#""kind":"x""#,
    ]);
    let space = prop::sample::select(vec!["", "", "", " ", "\n"]);
    (fixed, kind, value(), value(), value(), space).prop_map(|(fixed, kind, delta, number, padding, space)| {
        let mut members: Vec<String> = fixed.into_iter().map(String::from).collect();
        members.insert(members.len() / 2, format!("\"delta\":{space}{delta}"));
        members.insert(members.len() / 3, kind.into());
        members.push(format!("\"sequence_number\":{space}{number}"));
        members.push(format!("\"obfuscation\":{padding}{space}"));
        format!("{space}{{{}}}{space}", members.join(","))
    })
}

/// A stream in which shapes come back with other values, and some payloads are damaged.
fn stream() -> impl Strategy<Value = Vec<String>> {
    let damage = prop::option::of((any::<prop::sample::Index>(), 0_usize..3, "[\"\\\\{},:a0 \n]{0,2}"));
    let of_known_shape =
        (value(), value(), value()).prop_map(|(text, padding, number)| delta(&text, &padding, &number));
    let repeated = (payload(), vec((value(), damage), 1..6)).prop_map(|(payload, changes)| {
        let mut stream = vec![payload.clone()];
        for (value, damage) in changes {
            let changed = payload.replacen("\"delta\":\"", "\"delta\":\"x", 1).replacen(
                "number\":7",
                &format!("number\":{value}"),
                1,
            );
            let mut chars: Vec<char> = changed.chars().collect();
            if let Some((at, drop, with)) = damage {
                let at = at.index(chars.len());
                let end = (at + drop).min(chars.len());
                chars.splice(at..end, with.chars());
            }
            stream.push(chars.into_iter().collect());
        }
        stream
    });
    vec(prop_oneof![repeated, vec(of_known_shape, 1..4)], 1..8).prop_map(|parts| parts.concat())
}

/// An event stream of such payloads: most in one data line each, some in several.
fn mixed_body() -> impl Strategy<Value = String> {
    let event_type = prop::sample::select(vec!["event: response.output_text.delta\n", "event: x\n", "", ": comment\n"]);
    let end = prop::sample::select(vec!["\n\n", "\n\n", "\n\n", "\r\n\r\n", "\n", "\r\r", "\n\n\n"]);
    let event = |payload: String, event_type, end, lines: bool| {
        let payload = if lines { payload.replace('\n', "\ndata: ") } else { payload };
        format!("{event_type}data: {payload}{end}")
    };
    (stream(), vec((event_type, end, any::<bool>()), 1..4)).prop_map(move |(payloads, forms)| {
        let forms = forms.into_iter().cycle();
        payloads.into_iter().zip(forms).map(|(payload, (kind, end, lines))| event(payload, kind, end, lines)).collect()
    })
}

/// An event stream as servers send it, of deltas with one shape, in one or several lines.
fn regular_body() -> impl Strategy<Value = String> {
    let text = || "[a-z\\\\n]{0,12}".prop_map(|text| format!("\"{text}\""));
    let logprobs = prop::sample::select(vec!["[]", "[1]", "[1, 2]"]);
    let space = prop::sample::select(vec!["", "", "\ndata: "]);
    (vec((text(), logprobs, 0_u32..70_000), 3..12), space).prop_map(|(deltas, space)| {
        let event = |(text, logprobs, number): (String, &str, u32)| {
            let members = format!("\"delta\":{text},{space}\"logprobs\":{logprobs},\"sequence_number\":{number}");
            format!("event: x\ndata: {{\"type\":\"response.output_text.delta\",{members}}}\n\nevent: x\ndata: {{}}\n\n")
        };
        let body: String = deltas.into_iter().map(event).collect();
        if space.is_empty() { body.replace("event: x\ndata: {}\n\n", "") } else { body }
    })
}

/// An event stream in which some line ends are in other places, or missing.
fn body() -> impl Strategy<Value = String> {
    let inserted = prop::sample::select(vec!["\n", "\n", "\r", "\r\n", "\n\n", "\ndata: "]);
    let change = (any::<prop::sample::Index>(), inserted, any::<bool>());
    (prop_oneof![mixed_body(), regular_body()], vec(change, 0..4)).prop_map(|(mut body, changes)| {
        for (at, inserted, removes) in changes {
            // At a line end, or beside a sign of JSON.
            let places: Vec<_> =
                body.char_indices().filter(|(_, found)| matches!(found, '\n' | '[' | ',' | '}' | ':')).collect();
            let Some((place, found)) = places.get(at.index(places.len().max(1))).copied() else { continue };
            if removes && found == '\n' {
                body.remove(place);
            } else {
                body.insert_str(place + 1, inserted);
            }
        }
        body
    })
}

fn act() -> impl Strategy<Value = Act> {
    let lane = || prop::sample::select(vec![None, Some("a"), Some("b")]);
    let id = || prop::sample::select(vec!["r1", "r2", "r3"]);
    let item = prop::sample::select(vec!["m1", "m2", "m3"]);
    let named = |lane: Option<&str>| lane.map(|lane| format!(",\"stream_id\":\"{lane}\"")).unwrap_or_default();
    let text = (lane(), item, prop::option::of(id()), "[a-z]{0,3}", 0..9).prop_map(move |(lane, item, id, text, number)| {
        let id = id.map(|id| format!(",\"response_id\":\"{id}\"")).unwrap_or_default();
        let lane = named(lane);
        Act::Send(format!(
            r#"{{"type":"response.output_text.delta","item_id":"{item}","delta":"{text}"{id}{lane},"sequence_number":{number}}}"#
        ))
    });
    let kind = prop::sample::select(vec![
        "response.created",
        "response.completed",
        "response.failed",
        "response.incomplete",
        "response.in_progress",
    ]);
    let other = (kind, lane(), id()).prop_map(move |(kind, lane, id)| {
        Act::Send(format!(r#"{{"type":"{kind}","response":{{"id":"{id}"}}{}}}"#, named(lane)))
    });
    prop_oneof![
        3 => lane().prop_map(|lane| Act::Request(lane.map(Into::into))),
        1 => lane().prop_map(|lane| Act::Abandon(lane.map(Into::into))),
        12 => text,
        5 => other,
    ]
}

/// Most deltas come several times, as those of a response do.
fn acts() -> impl Strategy<Value = Vec<Act>> {
    vec((act(), 1_usize..5), 1..30).prop_map(|acts| {
        let repeat = |(act, times)| std::iter::repeat_n(act, times);
        acts.into_iter().flat_map(repeat).collect()
    })
}

proptest! {
    #[test]
    fn remembered_shapes_change_no_parsed_event(stream in stream()) {
        parses_alike(stream.iter().map(String::as_str)).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn remembered_shapes_change_no_event_of_a_stream(body in body(), chunk in 1_usize..600, read in 1_usize..4000) {
        streams_alike(body.as_bytes(), chunk, read).map_err(TestCaseError::fail)?;
        streams_alike(body.as_bytes(), usize::MAX, usize::MAX).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn repeated_deltas_change_nothing_of_what_a_client_reports(stream in stream()) {
        clients_alike(&stream.iter().map(String::as_str).collect::<Vec<_>>()).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn repeated_deltas_belong_where_different_ones_would(acts in acts()) {
        routes_alike(&acts).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn the_end_of_the_bytes_behind_repeated_deltas_changes_nothing() {
    let repeated: Vec<_> = ["\"a\"", "\"b\"", "\"c\"", "\"\\n\""].iter().map(|text| delta(text, "\"\"", "7")).collect();
    let other = [r#"{"type":"response.output_text.done","text":"abc"}"#.to_owned()];
    for payloads in [repeated.clone(), [&repeated[..], &other].concat(), other.to_vec()] {
        ends_alike(&payloads.iter().map(String::as_str).collect::<Vec<_>>()).expect("no difference");
    }
}
