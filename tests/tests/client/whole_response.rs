//! A whole response as JSON in place of an event stream (docs/differences.md row 43): its limits, and what is made of it.

use serde_json::json;
use turnwire::client::{OwnedEvent, OwnedOutcome, Settings};
use turnwire::responses::EventData;
use turnwire_tests::fixtures::{ask, created, delta};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, with_retries};

fn whole(body: &str) -> Act {
    Act::respond_with(200, &[("Content-Type", "application/json")], body)
}

/// Requests a background response, of which the stream is lost after these events, and the rest comes as a whole response.
fn resumed(sent: &[String], body: &str) -> Pair {
    let mut acts = vec![Act::stream_with(&[]), Act::Send(created("r"))];
    acts.extend(sent.iter().cloned().map(Act::Send));
    acts.push(Act::Drop);
    let script = Script::new().on(Kind::Post, acts).on(Kind::Post, vec![whole(body)]);
    let mut settings = Settings::default();
    settings.collect = true;
    let mut pair = Pair::new(with_retries(http_provider(), 1), settings, script);
    pair.send(ask("hi").background(true));
    pair.run_out();
    pair
}

fn kinds(pair: &Pair) -> Vec<&str> {
    pair.events
        .iter()
        .filter_map(|event| match event {
            OwnedEvent::Server { event, .. } => Some(event.kind()),
            _ => None,
        })
        .collect()
}

/// The end of a request contains each item once, whether its text came before or not, and whether the deltas named it or not.
#[test]
fn collected_response_has_each_item_once() {
    let body = json!({"id": "r", "object": "response", "status": "completed", "output": [
        {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "abc"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ]});
    let named = json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "delta": "a"});
    for sent in [vec![], vec![delta("a")], vec![named.to_string()]] {
        let pair = resumed(&sent, &body.to_string());
        let last = pair.events.iter().rev().find_map(|event| match event {
            OwnedEvent::Finished { outcome: OwnedOutcome::Completed(end), .. } => end.response.as_deref(),
            _ => None,
        });
        let response = last.expect("a response");
        assert_eq!((response.output.len(), response.output_text().as_str()), (2, "abc"), "{sent:?}");
        let mut deltas = String::new();
        for event in &pair.events {
            if let OwnedEvent::Server { event, .. } = event
                && let EventData::OutputTextDelta { delta, .. } = &event.data
            {
                deltas += delta;
            }
        }
        assert_eq!(deltas, "abc", "{sent:?}");
    }
}

/// The item itself contains them.
#[test]
fn rests_of_more_than_1024_texts_of_an_item_are_not_delivered() {
    for (count, deltas) in [(1024, 1024), (1025, 0), (3000, 0)] {
        let part = json!({"type": "output_text", "text": "x"});
        let item = json!({"type": "message", "id": "m", "role": "assistant", "content": vec![part; count]});
        let pair = resumed(&[], &json!({"object": "response", "output": [item]}).to_string());
        let all = kinds(&pair);
        let of = |name: &str| all.iter().filter(|kind| **kind == name).count();
        assert_eq!((of("response.output_text.delta"), of("response.output_item.done")), (deltas, 1), "{count}");
    }
}

/// What waits to be polled counts with its length, and once.
#[test]
fn unpolled_whole_response_is_part_of_the_backlog() {
    let mut settings = Settings::default();
    settings.connection.max_backlog = 4096;
    for (length, wants_input) in [(1000, true), (5000, false)] {
        let mut pair = Pair::new(http_provider(), settings.clone(), Script::new());
        pair.ask(ask("hi"));
        let text = "x".repeat(length);
        let body = json!({"object": "response", "output": [{"type": "message", "content": text}]}).to_string();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        pair.client.handle_input(pair.now, format!("{head}{body}").as_bytes());
        assert_eq!(pair.client.wants_input(), wants_input, "{length}");
        while pair.client.poll_event().is_some() {}
        assert!(pair.client.wants_input(), "{length}");
    }
}

/// A longer one is in the event only.
#[test]
fn usage_is_kept_up_to_64_kib() {
    for (length, is_kept) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
        let begin = r#"{"input_tokens":3,"output_tokens":4,"x":""#;
        let usage = format!("{begin}{}\"}}", "x".repeat(length - begin.len() - 2));
        let body = format!(r#"{{"object":"response","output":[],"usage":{usage}}}"#);
        let script = Script::new().on(Kind::Post, vec![whole(&body)]);
        let mut pair = Pair::new(http_provider(), Settings::default(), script);
        let id = pair.ask(ask("hi"));
        let Some(OwnedOutcome::Completed(end)) = pair.outcome(id) else { panic!("it completes") };
        assert_eq!((end.usage.map(|usage| usage.total_tokens), end.raw_usage.is_some()), (Some(7), is_kept));
        assert_eq!(pair.report(id).expect("a report").raw_usage.is_some(), is_kept);
    }
}
