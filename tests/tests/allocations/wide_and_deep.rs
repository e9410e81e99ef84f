//! What one event makes a client hold and allocate: every type of event, with a wide, deep or long value in each of its members.

use allocation_counter::{AllocationInfo, measure};
use turnwire::client::Settings;
use turnwire::responses::EVENT_TYPES;
use turnwire_tests::fixtures::{ask, created};
use turnwire_tests::pair::{Pair, Script, provider};

/// The name of a shape, and a function that makes a value of about so many bytes.
type Shape = (&'static str, fn(usize) -> String);

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
    let mut settings = Settings::default();
    settings.connection.max_backlog = 64 * 1024 * 1024;
    let mut pair = Pair::new(provider(), settings, Script::new().ws([vec![created("r")]]));
    pair.ask(ask("one"));
    let event = format!("{{\"type\":\"{kind}\",\"{member}\":{value}}}");
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
            let at_most = |factor: usize, bytes: usize| u64::try_from(factor * bytes + 32 * 1024).expect("a number");
            if after.bytes_max > at_most(peak(shape), large) {
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

/// How many times its length an event may take at the peak: the message as it is assembled, the event that waits to be polled, and what
/// is read of it. Each member of an object is kept with its name while the object is read.
fn peak(shape: &str) -> usize {
    if shape == "an object of many members" { 6 } else { 5 }
}
