//! Our decoder against two third-party ones: `sse-core` on any input, `eventsource-stream` on valid UTF-8 without a
//! byte order mark.
//!
//! Differences are listed in docs/differences.md, with the section of the standard that decides.

use core::num::NonZeroUsize;
use std::fs;
use std::path::Path;

use eventsource_stream::Eventsource as _;
use futures_lite::{StreamExt as _, future, stream};
use proptest::collection::vec;
use proptest::prelude::*;
use sse_core::{SseDecoder, SseEvent};
use turnwire::sse::Limits;
use turnwire_tests::chunks::Chunks;
use turnwire_tests::generators::sse as streams;
use turnwire_tests::laws::sse as laws;

/// Event type, data and last event ID.
type Events = Vec<(String, String, String)>;

struct Ours {
    events: Events,
    retry: Option<u64>,
    last_event_id: String,
}

fn ours(input: &[u8], chunks: &Chunks) -> Result<Ours, String> {
    let outcome = laws::receive(Limits::default(), "", input, chunks)?;
    Ok(Ours {
        events: outcome.events.into_iter().map(|event| (event.event, event.data, event.id)).collect(),
        retry: outcome.retry.map(|retry| u64::try_from(retry.as_millis()).expect("milliseconds")),
        last_event_id: outcome.last_event_id,
    })
}

fn beside_sse_core(input: &[u8], chunks: &Chunks) -> Result<(), String> {
    let ours = ours(input, chunks)?;
    let mut decoder = SseDecoder::with_limit(NonZeroUsize::MAX);
    let (mut events, mut retry) = (Events::new(), None);
    for mut read in chunks.cut(input) {
        while let Some(item) = decoder.next(&mut read) {
            match item.map_err(|error| error.to_string())? {
                SseEvent::Message(event) => {
                    let id = event.last_event_id.as_deref().unwrap_or_default();
                    events.push((event.event.into_owned(), event.data, id.to_owned()));
                }
                SseEvent::Retry(milliseconds) => retry = Some(u64::from(milliseconds)),
            }
        }
    }
    let last_event_id = decoder.last_event_id().map(|id| id.to_string()).unwrap_or_default();
    if ours.events != events || ours.last_event_id != last_event_id {
        return Err(format!("{:?} {:?}, but sse-core: {events:?} {last_event_id:?}", ours.events, ours.last_event_id));
    }
    // sse-core holds the time in 32 bits; a larger one is not compared.
    match ours.retry.is_some_and(|ours| ours > u64::from(u32::MAX)) || ours.retry == retry {
        true => Ok(()),
        false => Err(format!("retry {:?}, but sse-core: {retry:?}", ours.retry)),
    }
}

fn beside_eventsource_stream(input: &str, chunks: &Chunks) -> Result<(), String> {
    // eventsource-stream does not end a line at a final CR. An LF after it changes nothing for our decoder.
    let input = if input.ends_with('\r') { format!("{input}\n") } else { input.to_owned() };
    let ours = ours(input.as_bytes(), chunks)?;
    let reads: Vec<Result<Vec<u8>, core::convert::Infallible>> =
        chunks.cut(input.as_bytes()).into_iter().map(|read| Ok(read.to_vec())).collect();
    let theirs: Vec<_> = future::block_on(stream::iter(reads).eventsource().collect());
    let mut events = Events::new();
    for event in theirs {
        let event = event.map_err(|error| error.to_string())?;
        events.push((event.event, event.data, event.id));
    }
    match ours.events == events {
        true => Ok(()),
        false => Err(format!("{:?}, but eventsource-stream: {events:?}", ours.events)),
    }
}

fn cuts() -> impl Strategy<Value = Chunks> {
    prop_oneof![Just(Chunks::Whole), Just(Chunks::Bytes), vec(0_usize..20, 1..6).prop_map(Chunks::Cycle)]
}

fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).trim_start_matches('\u{feff}').to_owned()
}

proptest! {
    #[test]
    fn decoder_equals_sse_core(input in streams::stream(), cuts in cuts()) {
        beside_sse_core(&input, &cuts).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn decoder_equals_eventsource_stream_on_text(input in streams::stream(), cuts in cuts()) {
        beside_eventsource_stream(&text(&input), &cuts).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn decoders_agree_on_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/sse-reference");
    for entry in fs::read_dir(corpus).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        let input = fs::read(&path).expect("a file");
        let Some((_, input)) = input.split_first() else { continue };
        for cuts in [Chunks::Whole, Chunks::Size(3)] {
            let both = beside_sse_core(input, &cuts).and_then(|()| beside_eventsource_stream(&text(input), &cuts));
            if let Err(why) = both {
                panic!("{}: {why}", path.display());
            }
        }
    }
}

/// Returns the events of `eventsource-stream` up to its first error; `None` if it panics.
fn theirs(input: &[u8]) -> Option<Vec<eventsource_stream::Event>> {
    std::panic::catch_unwind(|| {
        let reads = vec![Ok::<_, core::convert::Infallible>(input.to_vec())];
        future::block_on(stream::iter(reads).eventsource().take_while(Result::is_ok).collect::<Vec<_>>())
    })
    .ok()
    .map(|events| events.into_iter().flatten().collect())
}

fn data(input: &[u8]) -> Vec<String> {
    ours(input, &Chunks::Whole).expect("the laws").events.into_iter().map(|(_, data, _)| data).collect()
}

#[test]
fn byte_order_mark_is_skipped_but_panics_in_eventsource_stream() {
    let input = b"\xEF\xBB\xBFdata: x\n\n";
    assert_eq!((data(input), theirs(input)), (vec!["x".to_owned()], None));
    beside_sse_core(input, &Chunks::Bytes).expect("the same");
}

#[test]
fn invalid_utf8_is_replaced_but_ends_eventsource_stream() {
    let input = b": \xFF\n\ndata: x\n\ndata: \xFF\n\n";
    assert_eq!(data(input), ["x", "\u{FFFD}"]);
    assert_eq!(theirs(input), Some(Vec::new()));
    beside_sse_core(input, &Chunks::Bytes).expect("the same");
}

#[test]
fn event_ending_with_cr_is_decoded_at_once_but_never_by_eventsource_stream() {
    let input = b"data: x\r\r";
    assert_eq!((data(input), theirs(input)), (vec!["x".to_owned()], Some(Vec::new())));
    beside_sse_core(input, &Chunks::Bytes).expect("the same");
}

#[test]
fn retry_allows_only_digits() {
    let retry = |input: &str| {
        let theirs = theirs(input.as_bytes()).expect("no panic").pop().and_then(|event| event.retry);
        (ours(input.as_bytes(), &Chunks::Whole).expect("the laws").retry, theirs.map(|time| time.as_millis()))
    };
    assert_eq!(retry("retry: +5\ndata\n\n"), (None, Some(5)));
    assert_eq!(retry("retry: 5\n\ndata\n\n"), (Some(5), None), "theirs is lost with its event");
    assert_eq!(retry("retry: 99999999999999999999\ndata\n\n"), (Some(u64::MAX - 1), None));
    beside_sse_core(b"retry: +5\ndata\n\nretry: 5\n\n", &Chunks::Bytes).expect("the same");
}
