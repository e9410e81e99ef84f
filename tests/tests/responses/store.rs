//! The events that a server keeps of its responses.

use turnwire::responses::{ResponseStore, StoreLimits};

const END: &str = r#"{"type":"response.completed","response":{"id":"r"}}"#;

fn event(number: i64) -> String {
    format!(r#"{{"type":"x","sequence_number":{number}}}"#)
}

#[test]
fn oldest_ended_response_is_forgotten_first() {
    let mut store = ResponseStore::new(StoreLimits::new().responses(2));
    for id in ["a", "b"] {
        store.begin(id);
    }
    assert!(store.push("b", END));
    store.begin("c");
    assert_eq!(["a", "b", "c"].map(|id| store.has_ended(id)), [Some(false), None, Some(false)]);
    store.begin("d");
    assert_eq!(["a", "c", "d"].map(|id| store.has_ended(id)), [None, Some(false), Some(false)]);
}

#[test]
fn bytes_never_exceed_the_limits() {
    let limits = StoreLimits::new().bytes(2000).response_bytes(900);
    let mut store = ResponseStore::new(limits);
    for number in 0..200 {
        let id = format!("r{}", number / 10);
        if number % 10 == 0 {
            store.begin(&id);
        }
        store.push(&id, &event(number));
        assert!(store.bytes() <= limits.bytes, "{} bytes", store.bytes());
    }
    store.begin("long");
    while store.push("long", &event(1)) {}
    assert!(store.events_after("long", None).is_none(), "a response that is too long is forgotten");
    for number in 0..20 {
        store.remove(&format!("r{number}"));
    }
    assert_eq!((store.len(), store.bytes()), (0, 0), "what is counted is what is kept");
}

#[test]
fn events_without_a_number_are_counted() {
    let mut store = ResponseStore::default();
    store.begin("r");
    for event in [r#"{"type":"a"}"#, r#"{"type":"b"}"#, END] {
        assert!(store.push("r", event));
    }
    assert!(!store.push("r", END), "the response has ended");
    let rest: Vec<&str> = store.events_after("r", Some(0)).expect("a response").collect();
    assert_eq!(rest, [r#"{"type":"b"}"#, END]);
    assert_eq!((store.newest_object("r"), store.last_number("r")), (Some(END), Some(2)));
}

#[test]
fn limits_of_a_store_are_those_that_were_set() {
    let limits = StoreLimits::new().responses(1).bytes(2).response_bytes(3);
    assert_eq!((limits.responses, limits.bytes, limits.response_bytes), (1, 2, 3));
}

#[test]
fn what_is_forgotten_is_no_longer_counted() {
    let mut store = ResponseStore::new(StoreLimits::new().responses(1));
    store.begin("a");
    let begun = store.bytes();
    assert!(begun > 0);
    assert!(store.push("a", &event(1)));
    assert!(store.bytes() >= begun + event(1).len());
    // The same name is as many bytes: with the first one forgotten, only the second is counted.
    store.begin("b");
    assert_eq!((store.len(), store.bytes()), (1, begun));
    store.begin("b");
    assert_eq!((store.len(), store.bytes()), (1, begun), "begun again, it is one");
}
