//! `EventDecoder`: typed events from the bytes of an event stream, without a connection.

use turnwire::connection::{EventDecoder, StreamEvent};
use turnwire::responses::{EventData, Malformed};
use turnwire::sse::{Decoder, Discarded, Error, Input, Limits};
use turnwire_tests::laws::repeats::delta;

/// What the decoder finds in these bytes: texts of deltas, and all else by name.
fn found(decoder: &mut EventDecoder, bytes: &str) -> Result<Vec<String>, Error> {
    let (mut input, mut found) = (Input::new(bytes.as_bytes()), Vec::new());
    while let Some(event) = decoder.decode(&mut input)? {
        found.push(match event {
            StreamEvent::Server(event) => match &event.data {
                EventData::OutputTextDelta { delta, .. } => delta.to_string(),
                _ => event.kind().to_owned(),
            },
            StreamEvent::Malformed { malformed, text } => format!("{malformed:?} in {text}"),
            StreamEvent::Marker(data) => format!("marker {data:?}"),
            other => panic!("{other:?}"),
        });
    }
    Ok(found)
}

fn event(payload: &str) -> String {
    format!("event: response.output_text.delta\ndata: {payload}\n\n")
}

#[test]
fn markers_and_malformed_payloads_do_not_end_the_stream() {
    let text = event(&delta("\"a\"", "\"\"", "1"));
    let body =
        [&*text, &*text, "data: [DONE]\n\n", &*text, "data\n\n", &*text, "data: {\"type\":\n\n", &*text].concat();
    let malformed = format!("{:?} in {{\"type\":", Malformed::InvalidJson { offset: 8 });
    let expected = ["a", "a", "marker \"[DONE]\"", "a", "marker \"\"", "a", &*malformed, "a"];
    assert_eq!(found(&mut EventDecoder::new(Limits::default()), &body).as_deref(), Ok(&expected.map(String::from)[..]));
}

#[test]
fn type_of_the_stream_replaces_a_missing_one() {
    let mut decoder = EventDecoder::new(Limits::default());
    let body = "event: response.queued\ndata: {}\n\nevent: response.queued\ndata: {\"type\":\"response.created\",\"response\":{}}\n\n";
    assert_eq!(found(&mut decoder, body), Ok(vec!["response.queued".into(), "response.created".into()]));
}

#[test]
fn limit_is_reported_again_and_nothing_after_it_is_decoded() {
    let mut limits = Limits::default();
    limits.data = 200;
    let mut decoder = EventDecoder::new(limits);
    let short = event(&delta("\"a\"", "\"\"", "1"));
    let long = event(&delta(&format!("\"{}\"", "b".repeat(200)), "\"\"", "2"));
    let error = found(&mut decoder, &[&*short, &*short, &*long, &*short].concat()).expect_err("over the limit");
    assert_eq!(found(&mut decoder, &short), Err(error));
    assert_eq!(found(&mut decoder, ""), Err(error));
}

#[test]
fn stream_that_is_cut_off_is_finished_and_another_one_begins() {
    let mut decoder = EventDecoder::from(Decoder::resuming(Limits::default(), "7"));
    let text = event(&delta("\"a\"", "\"\"", "1"));
    let cut = text.trim_end();
    assert_eq!(found(&mut decoder, &[&*text, &*text, cut].concat()), Ok(vec!["a".into(), "a".into()]));
    assert_eq!(decoder.framing().last_event_id(), "7");
    let data = cut.len() - "event: response.output_text.delta\ndata: ".len();
    assert_eq!(decoder.finish(), Discarded::Event { data });
    assert_eq!(decoder.framing().offset(), 0);
    let with_id = format!("id: 8\n{text}");
    assert_eq!(found(&mut decoder, &[&*text, &*with_id, &*text].concat()), Ok(vec!["a".into(); 3]));
    assert_eq!((decoder.framing().last_event_id(), decoder.framing().offset()), ("8", 3 * text.len() as u64 + 6));
}
