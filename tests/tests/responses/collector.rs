//! The whole response from its events, in whatever form they came; and the response object read and written.

use proptest::prelude::*;
use serde_json::{Value, json};
use turnwire::responses::{
    Collector, ContentPart, CreateResponse, Item, Message, RawJson, Response, ResponseWriter, ServerEvent, Usage,
};
use turnwire_tests::generators::responses::{event, json as any_json};

fn collect(events: &[Value]) -> Response {
    let mut collector = Collector::new();
    for event in events {
        let text = event.to_string();
        collector.add(&ServerEvent::parse(&text).unwrap_or_else(|why| panic!("{text}: {why}")));
    }
    assert!(!collector.is_truncated());
    collector.finish()
}

fn kinds(response: &Response) -> Vec<&str> {
    response.output.iter().map(Item::kind).collect()
}

fn created() -> Value {
    json!({"type":"response.created","response":{"id":"resp_1","status":"in_progress","model":"m"}})
}

fn completed(output: &Value) -> Value {
    json!({"type":"response.completed","response":{"id":"resp_1","output":output,"usage":{"input_tokens":3,"output_tokens":4}}})
}

fn message(text: &str) -> Value {
    json!({"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":text,"annotations":[]}]})
}

fn call() -> Value {
    json!({"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a\":1}"})
}

/// The events of a message and a call, as deltas.
fn deltas() -> Vec<Value> {
    let text = |delta: &str| json!({"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":delta});
    let arguments = |delta: &str| json!({"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":1,"delta":delta});
    vec![
        created(),
        json!({"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"msg_1","role":"assistant","status":"in_progress","content":[]}}),
        text("Hel"),
        text("lo"),
        json!({"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"","status":"in_progress"}}),
        arguments("{\"a\""),
        arguments(":1}"),
    ]
}

fn done() -> Vec<Value> {
    vec![
        json!({"type":"response.output_item.done","output_index":0,"item":message("Hello")}),
        json!({"type":"response.output_item.done","output_index":1,"item":call()}),
    ]
}

fn assert_whole(response: &Response) {
    assert_eq!(kinds(response), ["message", "function_call"]);
    assert_eq!((response.output_text().as_str(), response.status.as_deref()), ("Hello", Some("completed")));
    let calls: Vec<_> = response.function_calls().map(|call| (&*call.call_id, &*call.name, &*call.arguments)).collect();
    assert_eq!(calls, [("call_1", "f", "{\"a\":1}")]);
    assert_eq!(response.usage, Some(Usage::new(3, 4)));
    assert_eq!((response.id.as_deref(), response.model.as_deref()), (Some("resp_1"), Some("m")));
}

#[test]
fn response_is_the_same_from_deltas_items_or_the_end() {
    let whole = json!([message("Hello"), call()]);
    let only_deltas = [deltas(), vec![completed(&json!([]))]].concat();
    let only_done = [vec![created()], done(), vec![completed(&Value::Null)]].concat();
    let only_end = vec![created(), completed(&whole)];
    let everything = [deltas(), done(), vec![completed(&whole)]].concat();
    let deltas_and_end = [deltas(), vec![completed(&whole)]].concat();
    for events in [only_deltas, only_done, only_end, everything, deltas_and_end] {
        assert_whole(&collect(&events));
    }
}

#[test]
fn items_are_there_once_whatever_the_server_names() {
    // Neither ids nor places: the deltas belong to the next finished item of their kind.
    let bare = [
        created(),
        json!({"type":"response.output_text.delta","delta":"Hello"}),
        json!({"type":"response.output_item.done","item":{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello"}]}}),
        json!({"type":"response.output_item.done","item":{"type":"function_call","call_id":"call_1","name":"f","arguments":"{\"a\":1}"}}),
    ];
    let end = |items: Value| completed(&items);
    let without_ids = json!([
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello"}]},
        {"type":"function_call","call_id":"call_1","name":"f","arguments":"{\"a\":1}"}
    ]);
    let mut other_ids = json!([message("Hello"), call()]);
    other_ids[0]["id"] = json!("msg_other");
    other_ids[1]["id"] = json!("fc_other");
    for output in [json!([]), without_ids, json!([message("Hello"), call()]), other_ids.clone()] {
        assert_whole(&collect(&[bare.to_vec(), vec![end(output)]].concat()));
    }
    // The end gives other ids than the events, and the items were not finished.
    assert_whole(&collect(&[deltas(), vec![end(other_ids.clone())]].concat()));
    assert_whole(&collect(&[deltas(), done(), vec![end(other_ids)]].concat()));
}

#[test]
fn item_of_the_end_alone_stands_in_its_order() {
    let reasoning = json!({"type":"reasoning","id":"rs_1","summary":[]});
    let output = json!([reasoning, message("Hello"), call()]);
    let response = collect(&[vec![created()], done(), vec![completed(&output)]].concat());
    assert_eq!(kinds(&response), ["reasoning", "message", "function_call"]);
    // An item that the end leaves out keeps its place.
    let early = json!({"type":"response.output_item.done","output_index":0,"item":reasoning});
    let late = |at: u64, item: Value| json!({"type":"response.output_item.done","output_index":at,"item":item});
    let events =
        vec![created(), early, late(1, message("Hello")), late(2, call()), completed(&json!([message("Hello")]))];
    assert_eq!(kinds(&collect(&events)), ["reasoning", "message", "function_call"]);
}

#[test]
fn refusals_and_reasoning_are_collected() {
    let response = collect(&[
        created(),
        json!({"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"Lo"}),
        json!({"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"ok"}),
        json!({"type":"response.reasoning_summary_text.done","item_id":"rs_1","output_index":0,"summary_index":1,"text":"Think"}),
        json!({"type":"response.reasoning_text.delta","item_id":"rs_1","output_index":0,"content_index":0,"delta":"raw"}),
        json!({"type":"response.refusal.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"I ca"}),
        json!({"type":"response.refusal.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":"nnot"}),
        json!({"type":"response.custom_tool_call_input.delta","item_id":"ctc_1","call_id":"call_2","output_index":2,"delta":"in"}),
        json!({"type":"response.custom_tool_call_input.done","item_id":"ctc_1","output_index":2,"input":"input"}),
        completed(&json!([])),
    ]);
    assert_eq!(kinds(&response), ["reasoning", "message", "custom_tool_call"]);
    assert_eq!(response.reasoning_summary(), "Look\n\nThink");
    assert_eq!((response.refusal().as_deref(), response.output_text().as_str()), (Some("I cannot"), ""));
    let calls: Vec<_> = response.custom_tool_calls().map(|call| (&*call.call_id, &*call.input)).collect();
    assert_eq!(calls, [("call_2", "input")]);
}

#[test]
fn end_says_how_the_response_ended() {
    let text = json!({"type":"response.output_text.delta","item_id":"msg_1","delta":"Hel"});
    for (end, status, reason, code) in [
        (
            json!({"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}),
            "incomplete",
            Some("max_output_tokens"),
            None,
        ),
        (
            json!({"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}),
            "failed",
            None,
            Some("server_error"),
        ),
        (json!({"type":"response.completed","response":{"status":"incomplete"}}), "incomplete", None, None),
        (
            json!({"type":"response.done","response":{"status":"failed","error":{"code":500}}}),
            "failed",
            None,
            Some("500"),
        ),
        (json!({"type":"response.cancelled"}), "cancelled", None, None),
        (json!({"type":"error","error":{"code":"slow_down"}}), "failed", None, Some("slow_down")),
        (json!({"type":"error","code":"slow_down","message":"m"}), "failed", None, Some("slow_down")),
    ] {
        let response = collect(&[created(), text.clone(), end.clone()]);
        assert_eq!(response.status.as_deref(), Some(status), "{end}");
        assert_eq!(response.incomplete_details.as_ref().and_then(|details| details.reason.as_deref()), reason, "{end}");
        assert_eq!(response.error.as_ref().and_then(|error| error.code.as_deref()), code, "{end}");
        assert_eq!(response.output_text(), "Hel");
        let Item::Message(message) = &response.output[0] else { panic!("a message") };
        assert_eq!(message.status.as_deref(), Some("incomplete"), "{end}");
    }
}

#[test]
fn odd_ends_are_read_member_by_member() {
    for (end, usage) in [
        (
            r#"{"type":"response.completed","id":"resp_1","status":"completed","usage":{"input_tokens":3.0,"output_tokens":"4"}}"#,
            Some(Usage::new(3, 4)),
        ),
        (
            r#"{"type":"response.completed","response":{"id":5,"usage":{"input_tokens":null,"output_tokens":4}}}"#,
            Some(Usage::new(0, 4)),
        ),
        (
            r#"{"type":"response.completed","response":{"id":"resp_1","usage":null,"output":null,"created_at":1.5e9}}"#,
            None,
        ),
        (
            r#"{"type":"response.completed","response":{"usage":{"input_tokens":1e300},"output":{"x":1},"temperature":NaN}}"#,
            None,
        ),
        (r#"{"type":"response.completed","response":"odd"}"#, None),
    ] {
        let mut collector = Collector::new();
        collector.add(&ServerEvent::parse(&created().to_string()).expect("an event"));
        collector.add(&ServerEvent::parse(end).expect("an event"));
        assert!(collector.has_ended(), "{end}");
        let response = collector.finish();
        assert_eq!((response.id.as_deref(), response.usage), (Some("resp_1"), usage), "{end}");
        assert_eq!(response.status.as_deref(), Some("completed"), "{end}");
        let text = serde_json::to_string(&response).expect("json");
        assert_eq!(serde_json::from_str::<Response>(&text).expect("a response").to_raw().as_str(), text, "{end}");
    }
}

#[test]
fn interrupted_item_is_no_output_and_one_that_holds_nothing_is_none() {
    let added = |id: &str, at: u64| json!({"type":"response.output_item.added","output_index":at,"item":{"type":"message","id":id,"role":"assistant","content":[]}});
    let response = collect(&[
        created(),
        added("msg_1", 0),
        json!({"type":"response.output_text.delta","item_id":"msg_1","delta":"gone"}),
        added("msg_2", 1),
        json!({"type":"response.output_item.interrupted","response_id":"resp_1","item_id":"msg_1","output_index":0}),
        json!({"type":"response.incomplete","response":{"incomplete_details":{"reason":"interrupted"}}}),
    ]);
    assert_eq!(kinds(&response), [] as [&str; 0]);
}

#[test]
fn successor_of_a_steered_response_is_collected_anew() {
    let mut collector = Collector::new();
    for event in [
        created(),
        json!({"type":"response.output_text.delta","item_id":"msg_1","delta":"old"}),
        json!({"type":"response.incomplete","response":{"id":"resp_1","incomplete_details":{"reason":"steered"}}}),
        json!({"type":"response.created","response":{"id":"resp_2","previous_response_id":"resp_1"}}),
        json!({"type":"response.output_text.delta","item_id":"msg_2","delta":"new"}),
    ] {
        collector.add(&ServerEvent::parse(&event.to_string()).expect("an event"));
        assert!(!collector.has_ended());
    }
    let response = collector.finish();
    assert_eq!((response.id.as_deref(), response.output_text().as_str()), (Some("resp_2"), "new"));
}

#[test]
fn collector_keeps_no_more_than_its_limit() {
    let mut collector = Collector::with_limit(10_000);
    let delta = json!({"type":"response.output_text.delta","item_id":"msg_1","delta":"x".repeat(100)}).to_string();
    let part =
        |at: i64| json!({"type":"response.output_text.delta","item_id":"m","content_index":at,"delta":""}).to_string();
    for at in 0..10_000 {
        collector.add(&ServerEvent::parse(&delta).expect("an event"));
        collector.add(&ServerEvent::parse(&part(at)).expect("an event"));
    }
    assert!(collector.is_truncated());
    let end = completed(&json!([message(&"x".repeat(20_000))])).to_string();
    collector.add(&ServerEvent::parse(&end).expect("an event"));
    assert!(collector.has_ended() && !format!("{collector:?}").contains("xxx"));
    let response = collector.finish();
    assert_eq!(response.status.as_deref(), Some("completed"));
    let kept = response.to_raw().as_str().len();
    assert!(kept <= 20_000, "{kept}");
}

#[test]
fn events_of_the_writer_give_the_response_that_it_wrote() {
    let mut writer = ResponseWriter::new("resp_1", "m", 7);
    let mut events = writer.begin();
    events.extend(writer.text("msg_1", "Hel"));
    events.extend(writer.text("msg_1", "lo"));
    events.extend(writer.item(&Item::parse(&call().to_string()).expect("an item")));
    events.extend(writer.complete(Some(&Usage::new(3, 4)), Some(true)));
    let mut collector = Collector::new();
    events.iter().for_each(|event| collector.add(event));
    let response = collector.finish();
    assert_whole(&response);
    assert_eq!((response.created_at, response.end_turn), (Some(7), Some(true)));
}

#[test]
fn response_to_a_request_has_its_settings_and_every_member() {
    let request = CreateResponse::new("m", "hi").max_output_tokens(5).metadata([("a", "b")]).temperature(0.5);
    let mut response = Response::to_request("resp_1", 7, &request);
    response.output.push(Message::new("assistant", vec![ContentPart::output_text("x")]).into());
    let mut out = Vec::new();
    response.encode_whole(&mut out);
    let value: Value = serde_json::from_slice(&out).expect("json");
    for member in Response::MEMBERS {
        assert!(value.get(member).is_some(), "no {member}");
    }
    assert_eq!(
        (&value["temperature"], &value["top_p"], &value["max_output_tokens"]),
        (&json!(0.5), &json!(1.0), &json!(5))
    );
    assert_eq!(
        (&value["error"], &value["object"], &value["metadata"]),
        (&Value::Null, &json!("response"), &json!({"a":"b"}))
    );
    let again = Response::parse(core::str::from_utf8(&out).expect("text")).expect("a response");
    assert_eq!(again, response);
}

#[test]
fn item_of_an_event_needs_no_second_reading() {
    let text = json!({"type":"response.output_item.done","output_index":0,"item":call()}).to_string();
    let event = ServerEvent::parse(&text).expect("an event");
    assert!(matches!(event.item(), Some(Item::FunctionCall(call)) if call.name == "f"));
    let text = r#"{"type":"response.output_item.added","item":{"type":"message"}}"#;
    assert!(matches!(ServerEvent::parse(text).expect("an event").item(), Some(Item::Other { .. })));
    assert_eq!(ServerEvent::parse(&created().to_string()).expect("an event").item(), None);
    let response = ServerEvent::parse(&created().to_string()).expect("an event").response();
    assert_eq!(response.and_then(|response| response.model).as_deref(), Some("m"));
}

proptest! {
    /// Whatever a server sends, in whatever order: nothing panics, and the limit holds.
    #[test]
    fn any_events_are_collected_within_the_limit(events in prop::collection::vec(event(), 0..20), limit in 0_usize..4000) {
        let mut collector = Collector::with_limit(limit);
        for text in &events {
            collector.add(&ServerEvent::parse(text).expect("an event"));
        }
        let response = collector.finish();
        let text = response.to_raw();
        let again = Response::parse(text.as_str()).expect("a response");
        prop_assert_eq!(again.to_raw(), Response::parse(again.to_raw().as_str()).expect("a response").to_raw());
    }

    /// A response loses nothing, whatever its members are.
    #[test]
    fn response_loses_nothing(
        members in prop::collection::btree_map(
            prop::sample::select(Response::MEMBERS.iter().copied().filter(|name| *name != "object").chain(["zz"]).collect::<Vec<_>>()),
            any_json(),
            0..8,
        ),
    ) {
        let body: Vec<String> = members.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
        let text = format!("{{{}}}", body.join(","));
        let response = Response::parse(&text).expect("a response");
        let came: Value = serde_json::from_str(&text).expect("json");
        let went: Value = serde_json::from_str(response.to_raw().as_str()).expect("json");
        for (name, came) in came.as_object().expect("an object") {
            let went = went.get(name).unwrap_or(&Value::Null);
            let is_same_number = came.as_f64().is_some() && came.as_f64().map(f64::trunc) == went.as_f64().map(f64::trunc);
            // An error that is a string is its message.
            let is_message = *name == "error" && came.is_string() && went["message"] == *came;
            let lost = turnwire_tests::laws::responses::lost(came, went);
            prop_assert!(lost.is_none() || is_same_number || is_message, "{}: {} became {}", name, came, went);
        }
        let again = Response::parse(response.to_raw().as_str()).expect("a response");
        prop_assert_eq!(&again, &response);
        let mut whole = Vec::new();
        response.encode_whole(&mut whole);
        let whole = String::from_utf8(whole).expect("text");
        prop_assert_eq!(&Response::parse(&whole).expect("a response"), &response);
        let mut names = crate::requests::names(&whole);
        names.sort_unstable();
        prop_assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{:?}", names);
    }

    /// Deltas give the text that they were cut from, however it was cut and whatever names the item.
    #[test]
    fn deltas_give_the_text_that_they_were_cut_from(pieces in prop::collection::vec("[\\PC\"\\\\]{0,6}", 1..12), named in 0..3) {
        let mut events = vec![created()];
        for piece in &pieces {
            let mut event = json!({"type":"response.output_text.delta","delta":piece});
            if named > 0 {
                event["item_id"] = json!("msg_1");
            }
            if named > 1 {
                event["output_index"] = json!(0);
            }
            events.push(event);
        }
        events.push(completed(&json!([])));
        prop_assert_eq!(collect(&events).output_text(), pieces.concat());
    }
}

#[test]
fn item_is_found_by_an_id_of_4_kib_and_by_its_index_beyond() {
    let delta = |id: &str, index: Option<i64>, text: &str| json!({"type":"response.output_text.delta","item_id":id,"output_index":index,"delta":text});
    for (length, indices) in [(4096, [None, None]), (4097, [Some(0), Some(1)])] {
        let [first, second] = [("a".repeat(length), indices[0]), ("b".repeat(length), indices[1])];
        let response = collect(&[
            created(),
            delta(&first.0, first.1, "on"),
            delta(&second.0, second.1, "tw"),
            delta(&first.0, first.1, "e"),
            delta(&second.0, second.1, "o"),
            completed(&json!([])),
        ]);
        let [Item::Message(first), Item::Message(second)] = &response.output[..] else {
            panic!("{:?}", response.output)
        };
        assert_eq!((first.text(), second.text()), ("one".into(), "two".into()), "{length}");
    }
}

#[test]
fn call_that_has_only_arguments_has_the_ids_and_names_of_4_kib_that_their_events_give() {
    for length in [4096, 4097] {
        let (id, name) = ("c".repeat(length), "n".repeat(length));
        let response = collect(&[
            created(),
            json!({"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":0,"call_id":id,"name":name,"arguments":"{}"}),
            completed(&json!([])),
        ]);
        let calls: Vec<_> = response.function_calls().map(|call| (&*call.call_id, &*call.name)).collect();
        assert_eq!(calls, [if length == 4096 { (&*id, &*name) } else { ("fc_1", "") }]);
    }
}

#[test]
fn unknown_members_of_a_response_are_kept() {
    let text = r#"{"id":"resp_1","object":"response.odd","output":[],"new":{"a": 1.50}}"#;
    let response = Response::parse(text).expect("a response");
    assert_eq!(response.extra[0], ("new".to_owned(), RawJson::new(r#"{"a": 1.50}"#).expect("json").into_owned()));
    let value: Value = serde_json::from_str(response.to_raw().as_str()).expect("json");
    assert_eq!(value["object"], "response.odd");
}
