//! The rest of a response that a server gives as a whole, after its stream was lost: of each text what was not delivered, and each item
//! that was not finished.

use serde_json::{Value, json};
use turnwire::client::{OwnedEvent, RequestId, Settings};
use turnwire::responses::RequestProgress;
use turnwire_tests::fixtures::{ask, created};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, with_retries};

/// Delivers these events, loses the stream, and answers the request for the rest with this output.
fn resumed(sent: &[Value], output: &Value) -> (Pair, RequestId) {
    let mut acts = vec![Act::stream_with(&[]), Act::Send(created("r1"))];
    acts.extend(sent.iter().map(|event| Act::Send(event.to_string())));
    acts.push(Act::Drop);
    let whole = json!({"id": "r1", "object": "response", "status": "completed", "output": output}).to_string();
    let answer = Act::respond_with(200, &[("Content-Type", "application/json")], &whole);
    let script = Script::new().on(Kind::Post, acts).on(Kind::Post, vec![answer]);
    let mut pair = Pair::new(with_retries(http_provider(), 1), Settings::default(), script);
    let id = pair.send(ask("hi").background(true));
    pair.run_out();
    assert_eq!(pair.completed(id), "r1");
    (pair, id)
}

/// The payloads of the events of this type.
fn payloads(pair: &Pair, kind: &str) -> Vec<Value> {
    let payload = |event: &OwnedEvent| match event {
        OwnedEvent::Server { event, .. } if event.kind() == kind => serde_json::from_str(&event.to_json()).ok(),
        _ => None,
    };
    pair.events.iter().filter_map(payload).collect()
}

#[test]
fn rest_of_each_kind_of_text_is_delivered() {
    for (kind, item, place) in [
        (
            "response.output_text.delta",
            json!({"type": "message", "id": "i", "role": "assistant", "content": [{"type": "output_text", "text": "part"}]}),
            "content_index",
        ),
        (
            "response.refusal.delta",
            json!({"type": "message", "id": "i", "role": "assistant", "content": [{"type": "refusal", "refusal": "part"}]}),
            "content_index",
        ),
        (
            "response.reasoning_text.delta",
            json!({"type": "reasoning", "id": "i", "summary": [], "content": [{"type": "reasoning_text", "text": "part"}]}),
            "content_index",
        ),
        (
            "response.reasoning_summary_text.delta",
            json!({"type": "reasoning", "id": "i", "summary": [{"type": "summary_text", "text": "part"}]}),
            "summary_index",
        ),
    ] {
        let mut delta = json!({"type": kind, "item_id": "i", "output_index": 0, "delta": "par"});
        delta[place] = 0.into();
        let (pair, _) = resumed(&[delta], &json!([item]));
        let texts: Vec<_> = payloads(&pair, kind).iter().map(|event| event["delta"].clone()).collect();
        assert_eq!(texts, ["par", "t"], "{kind}");
        assert_eq!(payloads(&pair, "response.output_item.done").len(), 1, "{kind}");
    }
}

#[test]
fn text_that_was_done_is_not_delivered_again() {
    let item = json!({"type": "message", "id": "i", "role": "assistant", "content": [{"type": "output_text", "text": "part"}]});
    let done = json!({
        "type": "response.output_text.done", "item_id": "i", "output_index": 0, "content_index": 0, "text": "part",
    });
    let (pair, _) = resumed(&[done], &json!([item]));
    assert_eq!(payloads(&pair, "response.output_text.delta").len(), 0);
}

#[test]
fn items_that_were_finished_in_any_order_are_not_delivered_again() {
    let item = |at: usize| {
        json!({
            "type": "message", "id": format!("i{at}"), "role": "assistant",
            "content": [{"type": "output_text", "text": "x"}],
        })
    };
    let done = |at: usize| json!({"type": "response.output_item.done", "output_index": at, "item": item(at)});
    let all: Value = (0..5).map(item).collect();
    for order in [&[0, 1, 2][..], &[2, 1, 0], &[1, 3], &[3, 0, 1], &[4, 3, 2, 1], &[]] {
        let sent: Vec<Value> = order.iter().map(|at| done(*at)).collect();
        let (pair, _) = resumed(&sent, &all);
        let mut found: Vec<_> =
            payloads(&pair, "response.output_item.done").iter().map(|event| event["output_index"].clone()).collect();
        assert_eq!(found.len(), 5, "{order:?}: {found:?}");
        found.sort_by_key(Value::as_u64);
        assert_eq!(found, (0..5).map(Value::from).collect::<Vec<_>>(), "{order:?}");
    }
}

/// A refusal is output, if it says something: the request is not made again behind it.
#[test]
fn refusal_is_output() {
    for (text, posts, progress) in [("no", 1, RequestProgress::OutputSeen), ("", 2, RequestProgress::Created)] {
        let done = json!({
            "type": "response.refusal.done", "item_id": "i", "output_index": 0, "content_index": 0, "refusal": text,
        });
        let acts = || vec![Act::stream_with(&[]), Act::Send(created("r1")), Act::Send(done.to_string()), Act::Drop];
        let script = Script::new().on(Kind::Post, acts()).on(Kind::Post, acts());
        let mut pair = Pair::new(with_retries(http_provider(), 1), Settings::default(), script);
        let id = pair.send(ask("hi"));
        pair.run_out();
        assert_eq!((pair.posts().len(), pair.failure(id).progress), (posts, progress), "{text:?}");
    }
}
