//! `Answer`: a text or a call is printed once, in whichever events the server sends it, and the items for the next
//! request are complete.

use proptest::prelude::*;
use serde_json::{Value, json};
use turnwire::responses::{Item, ServerEvent};
use turnwire_cli::chat::{Answer, Piece, TextKind};

/// Returns what these events print, as lines of text, and the items for the next request.
fn shown(events: &[Value]) -> (Vec<String>, Vec<Value>) {
    let mut answer = Answer::default();
    let mut pieces = Vec::new();
    for event in events {
        let payload = event.to_string();
        pieces.extend(answer.event(&ServerEvent::parse(&payload).expect("an event")));
    }
    pieces.extend(answer.end());
    let mut lines: Vec<String> = Vec::new();
    let mut last = None;
    for piece in pieces {
        match piece {
            Piece::Text { part, kind: TextKind::Answer | TextKind::Refusal, text } => {
                if last.replace(part) == Some(part) {
                    lines.last_mut().expect("a line").push_str(&text);
                } else {
                    lines.push(text);
                }
            }
            Piece::Text { .. } => {}
            Piece::Call { name, arguments, complete } => {
                last = None;
                lines.push(format!("{name}({arguments}{}", if complete { ")" } else { "" }));
            }
            Piece::Other { kind, .. } => lines.push(format!("-- {kind}")),
        }
    }
    let items = answer.into_items();
    (lines, items.iter().map(|item: &Item| serde_json::from_str(&item.to_json()).expect("JSON")).collect())
}

fn message(id: Option<&str>, text: &str) -> Value {
    let mut item = json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]});
    if let Some(id) = id {
        item["id"] = id.into();
    }
    item
}

fn call(id: Option<&str>, call_id: &str, arguments: &str) -> Value {
    let mut item = json!({"type": "function_call", "call_id": call_id, "name": "f", "arguments": arguments});
    if let Some(id) = id {
        item["id"] = id.into();
    }
    item
}

fn completed(output: &[Value]) -> Value {
    json!({"type": "response.completed", "response": {"id": "resp_1", "output": output}})
}

#[test]
fn text_in_deltas_items_and_output_is_printed_once() {
    let delta = |delta: &str| json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": delta});
    let events = [
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "m", "role": "assistant", "content": []}}),
        delta("Hel"),
        delta("lo"),
        json!({"type": "response.output_text.done", "item_id": "m", "output_index": 0, "content_index": 0, "text": "Hello"}),
        json!({"type": "response.content_part.done", "item_id": "m", "output_index": 0, "content_index": 0, "part": {"type": "output_text", "text": "Hello"}}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": message(Some("m"), "Hello")}),
        completed(&[message(Some("m"), "Hello")]),
    ];
    // Any of the events may be missing, as long as one contains the whole text.
    for left_out in 0..(1_u32 << events.len()) {
        let kept: Vec<Value> = events
            .iter()
            .enumerate()
            .filter(|(at, _)| left_out & (1 << at) == 0)
            .map(|(_, event)| event.clone())
            .collect();
        let deltas = left_out & 0b110 == 0;
        let split = (left_out & 0b110).count_ones() == 1;
        let whole = left_out & 0b111_1000 != 0b111_1000;
        if (!deltas && !whole) || split {
            continue;
        }
        let (lines, items) = shown(&kept);
        assert_eq!(lines, ["Hello"], "{left_out:b}");
        assert_eq!(items.len(), 1, "{left_out:b}");
        assert_eq!(items[0]["content"][0]["text"], "Hello", "{left_out:b}");
    }
}

#[test]
fn call_is_printed_once_with_name_and_arguments() {
    let events = [
        json!({"type": "response.output_item.added", "output_index": 0, "item": call(Some("fc"), "c1", "")}),
        json!({"type": "response.function_call_arguments.delta", "item_id": "fc", "output_index": 0, "delta": "{\"a\":"}),
        json!({"type": "response.function_call_arguments.delta", "item_id": "fc", "output_index": 0, "delta": "1}"}),
        json!({"type": "response.function_call_arguments.done", "item_id": "fc", "output_index": 0, "arguments": "{\"a\":1}"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": call(Some("fc"), "c1", "{\"a\":1}")}),
        completed(&[call(Some("fc"), "c1", "{\"a\":1}")]),
    ];
    for kept in [&events[..], &events[..5], &events[4..], &events[5..], &events[..4]] {
        let (lines, items) = shown(kept);
        assert_eq!(lines, ["f({\"a\":1})"], "{kept:?}");
        assert_eq!((&items[0]["call_id"], &items[0]["arguments"]), (&"c1".into(), &"{\"a\":1}".into()), "{kept:?}");
        assert_eq!(items.len(), 1);
    }
    // After an incomplete response, the partial call is printed but not part of the next request.
    let (lines, items) = shown(&events[..2]);
    assert_eq!((lines, items), (vec!["f({\"a\":".to_owned()], vec![]));
}

#[test]
fn output_with_other_ids_is_not_printed_twice() {
    let delta = |id: &str, delta: &str| json!({"type": "response.output_text.delta", "item_id": id, "output_index": 0, "delta": delta});
    let done = |item: Value| json!({"type": "response.output_item.done", "output_index": 0, "item": item});
    let events = [
        delta("x1", "one "),
        delta("x2", "text"),
        done(message(Some("x3"), "one text")),
        done(call(Some("y1"), "c1", "{}")),
        done(call(Some("y2"), "c2", "{}")),
        delta("x4", "another"),
        done(message(Some("x5"), "another")),
        completed(&[
            message(Some("z1"), "one text"),
            call(Some("z2"), "c1", "{}"),
            call(None, "c2", "{}"),
            message(None, "another"),
        ]),
    ];
    let (lines, items) = shown(&events);
    assert_eq!(lines, ["one text", "f({})", "f({})", "another"]);
    assert_eq!(
        items.iter().map(|item| item["id"].as_str()).collect::<Vec<_>>(),
        [Some("x3"), Some("y1"), Some("y2"), Some("x5")]
    );
}

#[test]
fn items_only_in_output_keep_their_order() {
    let events = [
        json!({"type": "response.output_item.done", "output_index": 1, "item": message(Some("m2"), "second")}),
        completed(&[message(Some("m1"), "first"), message(Some("m2"), "second"), call(Some("fc"), "c1", "{}")]),
    ];
    let (lines, items) = shown(&events);
    assert_eq!(lines, ["second", "first", "f({})"]);
    assert_eq!(items.iter().map(|item| item["id"].as_str()).collect::<Vec<_>>(), [Some("m1"), Some("m2"), Some("fc")]);
}

#[test]
fn a_text_part_without_text_is_not_shown_and_not_sent_back() {
    let void = json!({"type": "output_text", "annotations": []});
    let beside = json!({"type": "message", "id": "m", "role": "assistant", "content": [void]});
    let (lines, items) = shown(&[completed(&[beside, call(Some("c"), "call_1", "{}")])]);
    assert_eq!((lines, items), (vec!["f({})".to_owned()], vec![call(Some("c"), "call_1", "{}")]));
    let mixed =
        json!({"type": "message", "role": "assistant", "content": [void, {"type": "output_text", "text": "hi"}]});
    let (lines, items) = shown(&[completed(&[mixed])]);
    assert_eq!((lines, items), (vec!["hi".to_owned()], vec![message(None, "hi")]));
}

#[test]
fn refusals_and_other_calls_are_printed() {
    let refusal = json!({"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]});
    let custom = json!({"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "*** Begin"});
    let shell = json!({"type": "local_shell_call", "call_id": "s", "status": "completed", "action": {"type": "exec", "command": ["ls", "-l"]}});
    let computer = json!({"type": "computer_call", "call_id": "p", "action": {"type": "click"}});
    let (lines, items) = shown(&[completed(&[refusal.clone(), custom, shell, computer.clone()])]);
    assert_eq!(
        lines,
        [
            "No.".to_owned(),
            "patch(*** Begin)".to_owned(),
            "local_shell([\"ls\",\"-l\"])".to_owned(),
            r#"computer_call({"type":"computer_call","call_id":"p","action":{"type":"click"}})"#.to_owned(),
        ]
    );
    assert_eq!(items.len(), 4);
    let delta = json!({"type": "response.refusal.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": "No."});
    let done = json!({"type": "response.output_item.done", "output_index": 0, "item": refusal});
    assert_eq!(shown(&[delta, done]).0, ["No."]);
}

/// The events in which a server sends one message.
#[derive(Clone, Debug)]
struct Sent {
    text: String,
    deltas: bool,
    text_done: bool,
    item_done: bool,
}

fn sent() -> impl Strategy<Value = Sent> {
    ("[ab]{1,4}", any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(text, deltas, text_done, item_done)| Sent {
        text,
        deltas,
        text_done,
        item_done,
    })
}

proptest! {
    /// Every text is printed exactly once, whichever events the server sends: what was missing in deltas is in the
    /// output.
    #[test]
    fn every_text_is_printed_exactly_once(messages in proptest::collection::vec(sent(), 0..5), ids in any::<bool>()) {
        let mut events = Vec::new();
        let mut output = Vec::new();
        for (index, sent) in messages.iter().enumerate() {
            let id = format!("m{index}");
            let place = |mut event: Value| {
                event["output_index"] = index.into();
                if ids {
                    event["item_id"] = id.clone().into();
                }
                event
            };
            if sent.deltas {
                for delta in sent.text.split_inclusive('b') {
                    events.push(place(json!({"type": "response.output_text.delta", "content_index": 0, "delta": delta})));
                }
            }
            if sent.text_done {
                events.push(place(json!({"type": "response.output_text.done", "content_index": 0, "text": sent.text})));
            }
            let item = message(ids.then_some(id.as_str()), &sent.text);
            if sent.item_done {
                events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
            }
            output.push(item);
        }
        events.push(completed(&output));
        let (mut lines, items) = shown(&events);
        let mut texts: Vec<String> = messages.iter().map(|sent| sent.text.clone()).collect();
        let order: Vec<String> = items.iter().map(|item| item["content"][0]["text"].as_str().expect("text").to_owned()).collect();
        // Without ids, equal texts cannot be told apart.
        let distinct: std::collections::BTreeSet<&String> = texts.iter().collect();
        if distinct.len() == texts.len() {
            prop_assert_eq!(&order, &texts);
        }
        prop_assert_eq!(order.len(), texts.len());
        lines.sort();
        texts.sort();
        prop_assert_eq!(lines, texts);
    }
}
