//! A response that is written event by event, and how it parses.

use serde_json::{Value, json};
use turnwire::responses::{
    CompletedResponse, ContentPart, CustomToolCall, ErrorObject, EventData, FunctionCall, Item, Reasoning,
    ResponseWriter, ServerEvent, Usage,
};

fn values(events: &[ServerEvent<'_>]) -> Vec<Value> {
    events.iter().map(|event| serde_json::from_str(&event.to_json()).expect("JSON")).collect()
}

fn kinds(events: &[ServerEvent<'_>]) -> Vec<String> {
    let short = |event: &ServerEvent<'_>| event.kind().trim_start_matches("response.").to_owned();
    events.iter().map(short).collect()
}

/// Checks that every event parses to itself, and that sequence numbers are consecutive.
fn reads(events: &[ServerEvent<'_>], lane: Option<&str>) {
    for (number, event) in events.iter().enumerate() {
        let text = event.to_json();
        let read = ServerEvent::parse(&text).expect("an event");
        assert_eq!(read.data, event.data, "{text}");
        assert_eq!((read.sequence_number, read.stream_id.as_deref()), (i64::try_from(number).ok(), lane), "{text}");
    }
}

fn call() -> Item {
    Item::FunctionCall(FunctionCall::new("call_1", "look", r#"{"at":"\"it\""}"#).with_id("fc_1"))
}

#[test]
fn message_is_assembled_from_pieces() {
    let mut writer = ResponseWriter::new("resp_1", "gpt-x", 7).on_lane("a");
    let mut events = writer.begin();
    events.extend(writer.text("msg_1", "Hel"));
    events.extend(writer.text("msg_1", "lo\n"));
    events.extend(writer.item(&call()));
    events.extend(writer.complete(Some(&Usage::new(3, 4).cached(2)), Some(true)));
    assert_eq!(
        kinds(&events),
        [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ]
    );
    reads(&events, Some("a"));
    let events = values(&events);
    assert_eq!(events[0]["response"]["status"], "in_progress");
    assert_eq!((&events[0]["response"]["output"], &events[0]["response"]["usage"]), (&json!([]), &Value::Null));
    assert_eq!((&events[2]["item"]["status"], &events[2]["item"]["content"]), (&json!("in_progress"), &json!([])));
    assert_eq!(events[6]["text"], "Hello\n");
    assert_eq!((&events[8]["output_index"], &events[9]["output_index"]), (&json!(0), &json!(1)));
    assert_eq!((&events[9]["item"]["arguments"], &events[9]["item"]["status"]), (&json!(""), &json!("in_progress")));
    assert_eq!(events[10]["delta"], events[12]["item"]["arguments"]);
    let response = &events[13]["response"];
    assert_eq!(response["output"], json!([events[8]["item"], events[12]["item"]]));
    assert_eq!(
        (&response["id"], &response["created_at"], &response["model"]),
        (&json!("resp_1"), &json!(7), &json!("gpt-x"))
    );
    let completed = CompletedResponse::parse(&response.to_string());
    assert_eq!((completed.usage, completed.end_turn), (Some(Usage::new(3, 4).cached(2)), Some(true)));
}

#[test]
fn next_message_ends_previous_one() {
    let mut writer = ResponseWriter::new("resp_1", "m", 0);
    let mut events = writer.text("msg_1", "one");
    events.extend(writer.text("msg_2", "two"));
    events.extend(writer.end_message());
    assert_eq!(writer.end_message(), []);
    reads(&events, None);
    let done = |event: &Value| (event["type"] == "response.output_item.done").then(|| event["item"]["id"].clone());
    assert_eq!(values(&events).iter().filter_map(done).collect::<Vec<_>>(), ["msg_1", "msg_2"]);
}

#[test]
fn whole_items_are_written() {
    let reasoning =
        Reasoning::new(vec![ContentPart::summary_text("first"), ContentPart::summary_text("then")]).with_id("rs_1");
    let custom = CustomToolCall::new("call_2", "patch", "*** Begin").with_id("ctc_1");
    let search =
        Item::parse(r#"{"type":"web_search_call","id":"ws_1","status":"completed","new":[1, 2]}"#).expect("an item");
    let mut writer = ResponseWriter::new("resp_1", "m", 0);
    let mut events = Vec::new();
    for item in [Item::Reasoning(reasoning), Item::CustomToolCall(custom), search.clone()] {
        events.extend(writer.item(&item));
    }
    events
        .push(writer.event(EventData::WebSearchCallCompleted { item_id: Some("ws_1".into()), output_index: Some(2) }));
    reads(&events, None);
    let summary =
        ["part.added", "text.delta", "text.done", "part.done"].map(|kind| format!("reasoning_summary_{kind}"));
    let [added, done] = ["output_item.added", "output_item.done"].map(str::to_owned);
    let custom = ["custom_tool_call_input.delta", "custom_tool_call_input.done"].map(str::to_owned);
    let expected = [
        [added.clone()].as_slice(),
        &summary,
        &summary,
        &[done.clone(), added.clone()],
        &custom,
        &[done.clone(), added, done, "web_search_call.completed".to_owned()],
    ]
    .concat();
    assert_eq!(kinds(&events), expected);
    let events = values(&events);
    assert_eq!((&events[0]["item"]["summary"], &events[9]["item"]["summary"][1]["text"]), (&json!([]), &json!("then")));
    assert_eq!((&events[5]["summary_index"], &events[6]["delta"]), (&json!(1), &json!("then")));
    assert_eq!((&events[10]["item"]["input"], &events[12]["input"]), (&json!(""), &json!("*** Begin")));
    assert_eq!(events[15]["item"]["new"], json!([1, 2]));
}

#[test]
fn response_can_fail_or_be_incomplete() {
    let mut writer = ResponseWriter::new("resp_1", "m", 0);
    let begun = [writer.begin(), writer.text("msg_1", "so far")].concat();
    let failed = writer.clone().fail(&ErrorObject::new("server_error", "it broke"));
    assert_eq!(kinds(&failed), ["failed"]);
    let response = &values(&failed)[0]["response"];
    assert_eq!((&response["status"], &response["error"]["code"]), (&json!("failed"), &json!("server_error")));
    let cut = writer.incomplete("max_output_tokens", Some(&Usage::new(1, 2)));
    reads(&[begun, cut.clone()].concat(), None);
    let response = &values(&cut)[3]["response"];
    assert_eq!(response["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(response["output"][0]["status"], "incomplete");
    assert_eq!(
        (&response["output"][0]["content"][0]["text"], &response["usage"]["total_tokens"]),
        (&json!("so far"), &json!(3))
    );
}
