//! What one event makes a client hold and allocate: every type of event, with a wide, deep or long value in each of its members.

use allocation_counter::{AllocationInfo, measure};
use turnwire::client::Settings;
use turnwire::responses::EVENT_TYPES;
use turnwire_tests::fixtures::{ask, created};
use turnwire_tests::pair::{Pair, Script, provider};

/// The name of a shape, and a function that makes a value of about so many bytes.
pub(crate) type Shape = (&'static str, fn(usize) -> String);

const SHAPES: [Shape; 5] = [
    ("a long string", |size| format!("\"{}\"", "x".repeat(size))),
    ("a string of escapes", |size| format!("\"{}\"", "\\u00e9".repeat(size / 6))),
    ("an array of strings", |size| format!("[{}\"\"]", "\"w\",".repeat(size / 4))),
    ("an object of many members", |size| {
        let members: String = (0..size / 14).map(|at| format!("\"m{at:06}\":\"v\",")).collect();
        format!("{{{members}\"type\":\"message\"}}")
    }),
    ("nested arrays", |size| {
        let deep = "[".repeat(100) + &"]".repeat(100);
        format!("[{}0]", (deep + ",").repeat(size / 201))
    }),
];

/// Types of events whose members are read in ways of their own, and members that they may have beside their own.
const READ: [&str; 7] = [
    "response.created",
    "response.metadata",
    "response.output_item.done",
    "response.completed",
    "response.failed",
    "error",
    "response.future",
];
const COMMON: [&str; 6] = ["response", "item", "headers", "metadata", "error", "unknown"];

/// What a client allocates for an event whose member has this value, from the socket to the application.
fn cost(kind: &str, member: &str, value: &str) -> (usize, AllocationInfo) {
    event_cost(&format!("{{\"type\":\"{kind}\",\"{member}\":{value}}}"))
}

/// What a client allocates for an event, from the socket to the application.
fn event_cost(event: &str) -> (usize, AllocationInfo) {
    let mut settings = Settings::default();
    settings.connection.max_backlog = 64 * 1024 * 1024;
    let mut pair = Pair::new(provider(), settings, Script::new().ws([vec![created("r")]]));
    pair.ask(ask("one"));
    let length = event.len();
    let header = match u16::try_from(length) {
        Ok(length) => [&[0x81, 126][..], &length.to_be_bytes()].concat(),
        Err(_) => [&[0x81, 127][..], &u64::try_from(length).expect("a length").to_be_bytes()].concat(),
    };
    let bytes = [&header, event.as_bytes()].concat();
    let (now, client) = (pair.now, &mut pair.client);
    let info = measure(|| {
        // In reads, so that the message has to be assembled.
        for read in bytes.chunks(16 * 1024) {
            client.handle_input(now, read);
        }
        while client.poll_event().is_some() {}
    });
    (bytes.len(), info)
}

/// The work is measured in allocated bytes: four times the input may take four times as many, and a constant.
#[test]
fn event_of_any_shape_takes_memory_and_work_in_proportion_to_its_length() {
    let mut failures = Vec::new();
    let own = EVENT_TYPES.iter().flat_map(|(kind, _, members)| members.iter().map(|(member, _)| (*kind, *member)));
    let common = READ.iter().flat_map(|kind| COMMON.iter().map(|member| (*kind, *member)));
    for (kind, member) in own.chain(common) {
        for (shape, make) in SHAPES {
            let (small, before) = cost(kind, member, &make(64 * 1024));
            let (large, after) = cost(kind, member, &make(256 * 1024));
            // Buffers of 64 KiB are kept, and a message of 64 KiB.
            let at_most = u64::try_from(PEAK * large + 192 * 1024).expect("a number");
            if after.bytes_max > at_most {
                failures.push(format!("{kind}, {member}: {shape}: {large} bytes take {} at the peak", after.bytes_max));
            }
            let ratio = u64::try_from(large * 10 / small).expect("a number");
            if after.bytes_total > before.bytes_total * ratio * 13 / 100 + 64 * 1024 {
                failures.push(format!(
                    "{kind}, {member}: {shape}: {small} bytes allocate {}, {large} bytes {}",
                    before.bytes_total, after.bytes_total
                ));
            }
        }
    }
    let shown: Vec<&String> = failures.iter().take(40).collect();
    assert!(failures.is_empty(), "{} of all: {shown:#?}", failures.len());
}

/// How many times its length an event may take at the peak, for every shape: the message as it is assembled, the event that waits to be
/// polled, and what is read of it.
pub(crate) const PEAK: usize = 3;

/// Memory that does not depend on the length of an event: buffers that are kept, and the least number of elements of a list.
pub(crate) const CONSTANT: usize = 768 * 1024;

/// Values that take much more memory parsed than as text, or whose text is decoded.
pub(crate) const TIGHT: [Shape; 8] = [
    ("a string", |size| format!("\"{}\"", "x".repeat(size))),
    ("a string of lines", |size| format!("\"{}\"", "fn main() {}\\n".repeat(size / 14))),
    ("a string of quotes", |size| format!("\"{}\"", "\\\"".repeat(size / 2))),
    ("an array of numbers", |size| format!("[{}0]", "0,".repeat(size / 2))),
    ("an array of empty strings", |size| format!("[{}\"\"]", "\"\",".repeat(size / 3))),
    ("an array of empty objects", |size| format!("[{}{{}}]", "{},".repeat(size / 3))),
    ("an array of small parts", |size| {
        let part = r#"{"type":"output_text","text":""},"#;
        format!("[{}{{}}]", part.repeat(size / part.len()))
    }),
    ("an object of tiny members", |size| {
        let members: String = (0..size / 9).map(|at| format!("\"{:04}\":0,", at % 10_000)).collect();
        format!("{{{members}\"a\":0}}")
    }),
];

/// Events with a place for a value: in items of each kind that is read member by member, in errors, in the ends of responses, and in
/// what the client reads of them.
pub(crate) const PLACES: [&str; 28] = [
    r#"{"type":"response.output_item.done","item":@}"#,
    r#"{"type":"response.output_item.done","item":{"type":"message","role":"assistant","content":@}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"message","role":"assistant","content":[{"type":"output_text","text":@}]}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"message","role":"assistant","content":[],"x":@}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"message","id":@,"role":"assistant","content":[]}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"reasoning","summary":@,"content":null}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"reasoning","summary":[],"content":@}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"reasoning","summary":[],"encrypted_content":@}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c","name":"f","arguments":@}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"function_call_output","call_id":"c","output":@}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"custom_tool_call","call_id":"c","name":"f","input":@}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"local_shell_call","status":"x","action":{"type":"exec","command":@}}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"tool_search_output","status":"x","execution":"y","tools":@}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"mcp_list_tools","id":"i","server_label":"s","tools":@}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"file_search_call","id":"i","status":"s","queries":@,"results":null}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"image_generation_call","id":"i","status":"s","result":@}}"#,
    r#"{"type":"response.output_item.done","item":{"type":@}}"#,
    r#"{"type":"response.output_item.done","item":{"type":"unknown","x":@}}"#,
    r#"{"type":"response.created","response":{"id":@}}"#,
    r#"{"type":"response.completed","response":{"id":@,"usage":@,"end_turn":@}}"#,
    r#"{"type":"response.completed","response":{"id":"r","output":[@]}}"#,
    r#"{"type":"response.failed","response":{"error":{"code":"c","message":@}}}"#,
    r#"{"type":"error","error":{"code":@,"message":@}}"#,
    r#"{"type":"error","status":429,"error":{"type":"usage_limit_reached","message":@}}"#,
    r#"{"type":"error","status":400,"headers":{"x-request-id":@,"cf-ray":@,"location":@},"error":{}}"#,
    r#"{"type":"response.output_text.delta","item_id":"i","delta":@}"#,
    r#"{"type":"codex.rate_limits","plan_type":@,"credits":{"balance":@}}"#,
    r#"{"type":"response.metadata","headers":{"openai-model":@},"metadata":@}"#,
];

#[test]
fn event_of_any_shape_takes_at_most_three_times_its_length_at_the_peak() {
    let mut failures = Vec::new();
    for place in PLACES {
        for (shape, make) in TIGHT {
            let size = 2 * 1024 * 1024 / place.matches('@').count();
            let event = place.replace('@', &make(size));
            let (length, info) = event_cost(&event);
            let at_most = u64::try_from(PEAK * length + CONSTANT).expect("a number");
            if info.bytes_max > at_most {
                let times = info.bytes_max as f64 / length as f64;
                failures.push(format!("{place}: {shape}: {times:.2} times the length at the peak"));
            }
        }
    }
    assert!(failures.is_empty(), "{} of all: {failures:#?}", failures.len());
}
