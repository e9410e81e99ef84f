//! Connections that are lost after items were added, but before they have content (docs/differences.md row 42).

use turnwire::client::{Request, Settings, TransportPreference};
use turnwire::responses::RequestProgress;
use turnwire_tests::fixtures::{ask, created, done};
use turnwire_tests::pair::{Act, Pair, Script, provider, with_retries};

/// The first attempt sends these events and is lost, the second completes.
fn broken_after(events: &[&str]) -> (Pair, turnwire::client::RequestId) {
    let first = [created("r1")].into_iter().chain(events.iter().map(|event| (*event).to_owned())).collect();
    let script = Script::new().ws([first, vec![created("r2"), done("r2")]]);
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let mut pair = Pair::new(with_retries(provider(), 2), settings, script);
    let id = pair.ask(ask("hello"));
    pair.act(Act::Drop);
    pair.run_out();
    (pair, id)
}

/// Events that begin something without content.
const EMPTY: [&str; 14] = [
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"message","role":"assistant","content":[]}}"#,
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"message","role":"assistant"}}"#,
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"message","content":null}}"#,
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"message","content":[{"type":"output_text","text":"","annotations":[]}]}}"#,
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"message","content":[{"type":"refusal","refusal":""}]}}"#,
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"reasoning","summary":[]}}"#,
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"reasoning","summary":[],"content":null,"encrypted_content":null}}"#,
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"reasoning","summary":[{"type":"summary_text","text":""}]}}"#,
    r#"{"type":"response.content_part.added","item_id":"m","part":{"type":"output_text","text":"","annotations":[]}}"#,
    r#"{"type":"response.content_part.added","item_id":"m","part":{"type":"refusal","refusal":""}}"#,
    r#"{"type":"response.content_part.added","item_id":"m"}"#,
    r#"{"type":"response.reasoning_summary_part.added","item_id":"m","part":{"type":"summary_text","text":""}}"#,
    r#"{"type":"response.content_part.done","item_id":"m","part":{"type":"output_text","text":""}}"#,
    r#"{"type":"response.output_text.done","item_id":"m","text":""}"#,
];

/// Events with output.
const FULL: [&str; 10] = [
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"message","content":[{"type":"output_text","text":"H"}]}}"#,
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"message","content":"H"}}"#,
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"function_call","call_id":"c","name":"f","arguments":""}}"#,
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"web_search_call","status":"in_progress"}}"#,
    r#"{"type":"response.output_item.added","item":{"id":"m","type":"reasoning","summary":[{"type":"summary_text","text":"S"}]}}"#,
    r#"{"type":"response.content_part.added","item_id":"m","part":{"type":"output_text","text":"H"}}"#,
    r#"{"type":"response.output_text.delta","item_id":"m","delta":"H"}"#,
    r#"{"type":"response.output_text.done","item_id":"m","text":"H"}"#,
    r#"{"type":"response.function_call_arguments.delta","item_id":"m","delta":"{"}"#,
    r#"{"type":"response.output_item.done","item":{"id":"m","type":"message","role":"assistant","content":[]}}"#,
];

#[test]
fn request_whose_items_were_only_added_is_sent_again() {
    for event in EMPTY {
        let (pair, id) = broken_after(&[event]);
        assert_eq!((pair.completed(id).as_str(), pair.texts().len()), ("r2", 2), "{event}");
    }
    let (pair, id) = broken_after(&EMPTY);
    assert_eq!((pair.completed(id).as_str(), pair.texts().len()), ("r2", 2));
}

#[test]
fn request_whose_output_was_delivered_is_not_sent_again() {
    for event in FULL {
        for events in [vec![event], vec![EMPTY[0], event], vec![event, EMPTY[0]]] {
            let (pair, id) = broken_after(&events);
            assert_eq!((pair.failure(id).progress, pair.texts().len()), (RequestProgress::OutputSeen, 1), "{event}");
        }
    }
}

#[test]
fn failure_after_items_were_only_added_names_the_progress() {
    let first = vec![created("r1"), EMPTY[0].to_owned()];
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let mut pair = Pair::new(with_retries(provider(), 3), settings, Script::new().ws([first]));
    let id = pair.ask(Request::from(ask("hello")).with_retries(0));
    pair.act(Act::Drop);
    pair.run_out();
    assert_eq!((pair.failure(id).progress, pair.texts().len()), (RequestProgress::Created, 1));
}
