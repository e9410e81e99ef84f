//! To which item of a collected response each event belongs, whatever the event names.

use serde_json::{Value, json};
use turnwire::responses::{Collector, Item, Response, ServerEvent};

fn collector(limit: usize, events: &[Value]) -> Collector {
    let mut collector = Collector::with_limit(limit);
    for event in events {
        collector.add(&ServerEvent::parse(&event.to_string()).expect("an event"));
    }
    collector
}

fn collect(events: &[Value]) -> Response {
    collector(1 << 20, events).finish()
}

/// The output in short: the kind of each item, and its text or its name and arguments.
fn shown(response: &Response) -> Vec<String> {
    let item = |item: &Item| match item {
        Item::Message(message) => {
            let texts: Vec<&str> = message.content.iter().filter_map(|part| part.text()).collect();
            format!("message {}", texts.join("|"))
        }
        Item::Reasoning(reasoning) => {
            let content = reasoning.content.iter().flatten();
            let texts: Vec<&str> = reasoning.summary.iter().chain(content).filter_map(|part| part.text()).collect();
            format!("reasoning {}", texts.join("|"))
        }
        Item::FunctionCall(call) => format!("call {} {}", call.name, call.arguments),
        other => other.kind().into(),
    };
    response.output.iter().map(item).collect()
}

/// A name, events, and the output of the terminal event.
type Merged = (&'static str, Vec<Value>, Vec<Value>, &'static [&'static str]);

/// A delta of text with these members besides.
fn text(delta: &str, named: &Value) -> Value {
    with(json!({"type": "response.output_text.delta", "delta": delta}), named)
}

fn arguments(delta: &str, named: &Value) -> Value {
    with(json!({"type": "response.function_call_arguments.delta", "delta": delta}), named)
}

fn item(event: &str, item: &Value, named: &Value) -> Value {
    with(json!({"type": format!("response.output_item.{event}"), "item": item}), named)
}

fn with(mut event: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().expect("members") {
        event[name] = value.clone();
    }
    event
}

fn message(text: &str) -> Value {
    json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
}

fn message_with(id: &str, text: &str) -> Value {
    with(message(text), &json!({"id": id}))
}

fn call() -> Value {
    json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": ""})
}

fn event(name: &str, response: &Value) -> Value {
    json!({"type": format!("response.{name}"), "response": response})
}

#[test]
fn event_belongs_to_the_item_that_it_names_or_to_the_open_one() {
    let (none, first, second) = (json!({}), json!({"output_index": 0}), json!({"output_index": 1}));
    let (id, both) = (json!({"item_id": "m"}), json!({"item_id": "m", "output_index": 0}));
    let cases: Vec<(&str, Vec<Value>, &[&str])> = vec![
        (
            "an id that is learnt with an index",
            vec![text("a", &first), text("b", &both), text("c", &id)],
            &["message abc"],
        ),
        (
            "an index that is learnt with an id",
            vec![text("a", &id), text("b", &both), text("c", &first)],
            &["message abc"],
        ),
        ("another index", vec![text("a", &first), text("b", &second)], &["message a", "message b"]),
        (
            "deltas without a name, and the item of their type",
            vec![text("a", &none), text("b", &none), item("done", &message_with("m", "ab!"), &first)],
            &["message ab!"],
        ),
        (
            "deltas without a name, and an item of another type",
            vec![text("a", &none), item("done", &call(), &second)],
            &["message a", "call f "],
        ),
        (
            "deltas without a name, twice",
            vec![
                text("a", &none),
                item("done", &message_with("m", "a"), &none),
                text("b", &none),
                item("done", &message_with("n", "b"), &none),
            ],
            &["message a", "message b"],
        ),
        (
            "deltas with an index, and an item of another index",
            vec![text("a", &first), item("done", &message("b"), &second)],
            &["message a", "message b"],
        ),
        (
            "deltas with an index, and an item of their type without a name",
            vec![text("a", &first), item("done", &message("a!"), &none)],
            &["message a!"],
        ),
        (
            "deltas with an index, and an item of another type without a name",
            vec![text("a", &first), item("done", &call(), &none)],
            &["message a", "call f "],
        ),
        (
            "an item of another type in the same place",
            vec![text("a", &first), item("done", &json!({"type": "x"}), &first)],
            &["x"],
        ),
        (
            "an item of another type with the same id",
            vec![text("a", &id), item("done", &json!({"type": "reasoning", "id": "m", "summary": []}), &none)],
            &["reasoning "],
        ),
        (
            "an item that begins with an index alone",
            vec![item("added", &call(), &first), arguments("{", &first), arguments("}", &first)],
            &["call f {}"],
        ),
        (
            "items that begin without a name",
            vec![item("added", &call(), &none), item("added", &call(), &none), arguments("{}", &none)],
            &["call f ", "call f {}"],
        ),
        (
            "an item that is finished twice",
            vec![item("done", &message("a"), &first), item("done", &message("b"), &first)],
            &["message a"],
        ),
        (
            "a delta without a name behind a finished item",
            vec![item("done", &message("a"), &first), text("b", &none)],
            &["message a", "message b"],
        ),
        (
            "a summary without a name, and its item",
            vec![
                json!({"type": "response.reasoning_summary_text.delta", "delta": "a"}),
                item("done", &json!({"type": "reasoning", "id": "r", "summary": []}), &none),
            ],
            &["reasoning "],
        ),
        (
            "a summary without an item",
            vec![json!({"type": "response.reasoning_summary_text.delta", "delta": "a"})],
            &["reasoning a"],
        ),
        (
            "a text of reasoning, of an item that has begun with another one",
            vec![
                item(
                    "added",
                    &json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}],
                        "content": [{"type": "reasoning_text", "text": "c"}]}),
                    &first,
                ),
                json!({"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "r"}),
            ],
            &["reasoning s|r"],
        ),
        (
            "a summary, of an item that has begun with another one",
            vec![
                item(
                    "added",
                    &json!({"type": "reasoning", "summary": [{"type": "summary_text", "text": "s"}],
                        "content": [{"type": "reasoning_text", "text": "c"}]}),
                    &first,
                ),
                json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "t"}),
            ],
            &["reasoning t|c"],
        ),
        (
            "an item that was interrupted",
            vec![
                text("a", &both),
                with(json!({"type": "response.output_item.interrupted"}), &both),
                item("done", &message_with("m", "a"), &first),
            ],
            &[],
        ),
        (
            "a part that is whole",
            vec![with(
                json!({"type": "response.content_part.done", "part": {"type": "output_text", "text": "abc"}}),
                &both,
            )],
            &["message abc"],
        ),
        (
            "arguments that are whole, with the name of the function",
            vec![with(
                json!({"type": "response.function_call_arguments.done", "name": "f", "arguments": "{}"}),
                &first,
            )],
            &["call f {}"],
        ),
        (
            "a delta of an item that is finished",
            vec![item("done", &message("a"), &first), text("b", &first)],
            &["message a"],
        ),
    ];
    for (name, events, expected) in cases {
        assert_eq!(shown(&collect(&events)), expected, "{name}");
    }
}

#[test]
fn response_begins_again_with_another_id_only() {
    let said = || text("a", &json!({"output_index": 0}));
    for (before, after, kept) in [
        (json!({"id": "r"}), json!({"id": "r"}), true),
        (json!({"id": "r"}), json!({}), true),
        (json!({}), json!({"id": "r"}), true),
        (json!({"id": "r"}), json!({"id": "s"}), false),
    ] {
        let response = collect(&[event("created", &before), said(), event("created", &after)]);
        assert_eq!(!response.output.is_empty(), kept, "{before}, {after}");
    }
}

#[test]
fn members_that_come_before_the_end_are_those_of_the_response() {
    let begun = json!({"id": "r", "instructions": "be brief", "output": [message("early")]});
    for kind in ["created", "queued", "in_progress"] {
        let events = [event(kind, &begun), event("completed", &json!({"id": "r"}))];
        let response = collect(&events);
        assert_eq!(response.instructions.as_ref().map(|it| it.as_str()), Some("\"be brief\""), "{kind}");
        assert!(response.output.is_empty(), "{kind}");
        let late = [event("completed", &json!({"id": "r"})), event(kind, &begun)];
        assert!(collect(&late).instructions.is_none(), "{kind}, after the end");
    }
    let collector = collector(80, &[event("created", &begun)]);
    assert!(collector.is_truncated() && collector.finish().instructions.is_none());
}

#[test]
fn item_of_the_end_is_an_earlier_one_or_another() {
    let first = json!({"output_index": 0});
    let none = json!({});
    let whole_call = |arguments: &str| with(call(), &json!({"arguments": arguments}));
    let unreadable = json!({"type": "function_call", "call_id": 5});
    let cases: Vec<Merged> = vec![
        (
            "a finished item, and the same one with another text",
            vec![item("done", &message_with("m", "a"), &none)],
            vec![message_with("m", "b")],
            &["message a"],
        ),
        (
            "a finished item that cannot be read, and the same one",
            vec![item("done", &unreadable, &first)],
            vec![whole_call("{}")],
            &["call f {}"],
        ),
        (
            "a call, found by the call's id",
            vec![item("done", &whole_call("{}"), &none)],
            vec![message("hi"), whole_call("{ }")],
            &["message hi", "call f {}"],
        ),
        (
            "an unfinished item with an id, and one without",
            vec![text("ab", &json!({"item_id": "m"}))],
            vec![message("xyz")],
            &["message xyz"],
        ),
        (
            "a finished item without an id, and one with another text",
            vec![item("done", &message("a"), &none)],
            vec![message_with("n", "b")],
            &["message b", "message a"],
        ),
        (
            "a finished item, and one with another id and a longer text",
            vec![item("done", &message_with("m", "a"), &none)],
            vec![message_with("n", "ab")],
            &["message ab", "message a"],
        ),
        (
            "an unfinished item, and one with another id and a longer text",
            vec![text("a", &json!({"item_id": "m"}))],
            vec![message_with("n", "ab")],
            &["message ab"],
        ),
    ];
    for (name, mut events, output, expected) in cases {
        events.push(event("completed", &json!({"id": "r", "output": output})));
        assert_eq!(shown(&collect(&events)), expected, "{name}");
    }
}

/// Each item counts 256 bytes and its id, beside its text.
#[test]
fn limit_is_reached_by_the_last_byte_that_is_kept() {
    let named = json!({"item_id": "m".repeat(100)});
    for (members, used) in [(json!({}), 10 + 256), (named, 10 + 256 + 100)] {
        for (limit, is_truncated) in [(used, false), (used - 1, true)] {
            let collector = collector(limit, &[text("0123456789", &members)]);
            assert_eq!(collector.is_truncated(), is_truncated, "{limit}");
        }
    }
}

/// Each part counts 256 bytes, once it is there.
#[test]
fn each_part_of_an_item_counts() {
    for (kind, place) in [
        ("output_text", "content_index"),
        ("reasoning_summary_text", "summary_index"),
        ("reasoning_text", "content_index"),
    ] {
        let delta = |at: u64| {
            let event = json!({"type": format!("response.{kind}.delta"), "delta": "0123456789", "output_index": 0});
            with(event, &json!({place: at}))
        };
        let used = 256 + 2 * (10 + 256) + 10;
        for (limit, is_truncated) in [(used, false), (used - 1, true)] {
            let collector = collector(limit, &[delta(0), delta(1), delta(2)]);
            assert_eq!(collector.is_truncated(), is_truncated, "{kind}: {limit}");
        }
    }
}
