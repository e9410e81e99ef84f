//! The law of ends: nothing that a server can send after output was delivered makes the application lose the end of that output.

use turnwire::client::{Credentials, OwnedEvent, OwnedOutcome, RequestId, Settings};
use turnwire::responses::{Collector, RequestProgress};

use super::client::transcript;
use crate::chunks::Chunks;
use crate::fixtures::{ask, created, delta, done, on_lane};
use crate::pair::{Act, Pair, Script, http_provider, provider, with_retries};

/// Words of which every event that may end a response, or a connection, contains one. Text without any of them ends nothing. The last
/// ones are members of an error without a type.
const ENDING: &[&str] = &[
    "completed",
    "failed",
    "incomplete",
    "cancel",
    "done",
    "error",
    "interrupt",
    "\\u",
    "\"message\"",
    "\"code\"",
    "\"detail\"",
    "\"details\"",
];

/// Texts with such a word that end nothing.
const NOT_ENDING: &[&str] = &[
    "\"type\":\"message\"",
    "response.output_item.done",
    "response.output_text.done",
    "response.content_part.done",
    "response.function_call_arguments.done",
];

/// How a response goes on after its first output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Over HTTP, each line of the input is the data of one event.
    HttpEvents,
    /// Over HTTP, the input is part of the event stream as it is.
    HttpBytes,
    /// Over WebSocket, each line of the input is a text message.
    Messages,
    /// The same, and the response is on a named lane.
    MessagesOfLane,
    /// Over WebSocket, the input is what the server writes.
    WebSocketBytes,
}

/// All ways, in the order in which fuzz inputs choose them.
pub const WAYS: [Way; 5] = [Way::HttpEvents, Way::HttpBytes, Way::Messages, Way::MessagesOfLane, Way::WebSocketBytes];

impl Way {
    const fn is_http(self) -> bool {
        matches!(self, Self::HttpEvents | Self::HttpBytes)
    }

    const fn lane(self) -> Option<&'static str> {
        if matches!(self, Self::MessagesOfLane) { Some("a") } else { None }
    }

    /// Whether framing holds whatever the input is, so that an end after it can be heard.
    const fn is_framed(self) -> bool {
        !matches!(self, Self::WebSocketBytes)
    }

    fn frame(self, text: &str) -> Vec<u8> {
        if self.is_http() { format!("data: {text}\n\n").into_bytes() } else { text_frame(text.as_bytes()) }
    }

    /// The bytes by which the server sends this input.
    fn bytes(self, input: &[u8]) -> Vec<u8> {
        match self {
            Self::HttpEvents | Self::Messages | Self::MessagesOfLane => {
                let text = String::from_utf8_lossy(input);
                text.split(['\r', '\n']).flat_map(|line| self.frame(line)).collect()
            }
            Self::HttpBytes => [input, b"\n\n"].concat(),
            Self::WebSocketBytes => input.to_vec(),
        }
    }
}

/// How the server ends, after the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// It completes the response, and says nothing more.
    Completes,
    /// The connection ends.
    Ends,
    /// It says nothing more.
    IsSilent,
}

/// All of them, in the order in which fuzz inputs choose them.
pub const LASTS: [Last; 3] = [Last::Completes, Last::Ends, Last::IsSilent];

/// A frame of a server with one text message.
fn text_frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(text.len()) {
        Ok(length @ ..126) => frame.push(length.to_be_bytes()[1]),
        Ok(length) => {
            frame.push(126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend((text.len() as u64).to_be_bytes());
        }
    }
    frame.extend(text);
    frame
}

/// Whether this input, sent as it is, ends nothing.
fn ends_nothing(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let lower = NOT_ENDING.iter().fold(text.to_lowercase(), |text, kind| text.replace(kind, ""));
    ENDING.iter().all(|word| !lower.contains(word)) && is_within_limits(&text)
}

/// Whether an event stream of this text exceeds none of the limits of `sse::Limits`, of which each ends the connection. The longest
/// data has less than the length of a fuzz input.
fn is_within_limits(text: &str) -> bool {
    let limits = turnwire::sse::Limits::default();
    let is_short = |line: &str| match line {
        _ if line.starts_with("event") => line.len() <= limits.name,
        _ if line.starts_with("id") => line.len() <= limits.id,
        _ => true,
    };
    text.split(['\r', '\n']).count() <= limits.lines && text.split(['\r', '\n']).all(is_short)
}

/// The state when everything was sent, before time passes, and the events after all deadlines.
struct Run {
    pair: Pair,
    id: RequestId,
    ended_at_once: bool,
}

fn run(way: Way, last: Last, input: &[u8], down: Chunks) -> Run {
    let provider = with_retries(if way.is_http() { http_provider() } else { provider() }, 2);
    let mut pair = Pair::with(provider, Credentials::None, Settings::default(), Script::new());
    pair.down = down;
    let mut request = turnwire::client::Request::from(ask("one"));
    request.lane = way.lane().map(Into::into);
    let id = pair.ask(request);
    if way.is_http() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        pair.act(Act::Raw(head.to_vec()));
    }
    let ours = |event: String| match way.lane() {
        Some(lane) => on_lane(lane, &event),
        None => event,
    };
    let said = [ours(created("r1")), ours(delta("before"))];
    pair.act(Act::Raw(said.iter().flat_map(|event| way.frame(event)).collect()));
    pair.act(Act::Raw(way.bytes(input)));
    match last {
        Last::Completes => {
            let said = [ours(delta("after")), ours(done("r1"))];
            pair.act(Act::Raw(said.iter().flat_map(|event| way.frame(event)).collect()));
        }
        Last::Ends => pair.act(Act::Drop),
        Last::IsSilent => {}
    }
    let ended_at_once = pair.outcome(id).is_some();
    pair.run_out();
    Run { pair, id, ended_at_once }
}

/// What the application saw of the text before and after the input.
fn deltas(pair: &Pair, id: RequestId) -> (bool, bool) {
    let has = |text: &str| {
        let said = format!("\"delta\":\"{text}\"");
        pair.events.iter().any(|event| {
            matches!(event, OwnedEvent::Server { id: of, event } if *of == id && event.to_json().contains(&said))
        })
    };
    (has("before"), has("after"))
}

/// Checks that a request whose response has begun ends exactly once, and as the server said, whatever the server sends in between:
///
/// - It is not sent again after the output.
/// - An end that was said is heard at once, and so is the end of the connection. Silence ends it in time.
/// - Input that ends nothing changes nothing: output after it is delivered, and the response completes.
///
/// # Errors
///
/// One line on what differs.
pub fn end_is_heard(way: Way, last: Last, input: &[u8], down: Chunks) -> Result<Vec<String>, String> {
    let Run { pair, id, ended_at_once } = run(way, last, input, down);
    let ends = pair.events.iter().filter(|event| matches!(event, OwnedEvent::Finished { id: of, .. } if *of == id));
    let (count, seen) = (ends.count(), deltas(&pair, id));
    let outcome = pair.outcome(id);
    let differs = |what: &str| Err(format!("{way:?}, {last:?}: {what}; the outcome is {outcome:?}"));
    let (Some(outcome), 1) = (outcome, count) else { return differs(&format!("the request ended {count} times")) };
    if !seen.0 {
        return differs("the first output was lost");
    }
    let requests = pair.seen.iter().filter(|seen| seen.bytes.starts_with(b"{")).count();
    if requests != 1 || !pair.delays().is_empty() {
        return differs(&format!("{requests} requests were sent, after output"));
    }
    if !ended_at_once && (last == Last::Ends || (last == Last::Completes && way.is_framed())) {
        return differs("the end was not heard at once");
    }
    if let OwnedOutcome::Failed(failure) = outcome
        && failure.progress != RequestProgress::OutputSeen
    {
        return differs(&format!("the failure's progress is {:?}", failure.progress));
    }
    if way.is_framed() && ends_nothing(input) {
        let right = match last {
            Last::Completes => {
                seen.1 && matches!(outcome, OwnedOutcome::Completed(whole) if whole.id.as_deref() == Some("r1"))
            }
            Last::Ends | Last::IsSilent => matches!(outcome, OwnedOutcome::Failed(_)),
        };
        if !right {
            return differs(&format!("the input ends nothing (output after it was seen: {})", seen.1));
        }
    }
    let _ = collected(&pair, id);
    Ok(transcript(&pair))
}

/// A collector takes whatever events were delivered. Returns the text of the response.
fn collected(pair: &Pair, id: RequestId) -> String {
    let mut collector = Collector::new();
    for event in &pair.events {
        if let OwnedEvent::Server { id: of, event } = event
            && *of == id
        {
            collector.add(event);
        }
    }
    let response = collector.finish();
    let _ = (response.refusal(), response.reasoning_summary());
    response.output_text()
}

/// The law over arbitrary input, of which the first byte chooses the way, the end and the split into reads.
///
/// # Errors
///
/// As of [`end_is_heard`], and if the events depend on the split.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, sizes, input @ ..] = input else { return Ok(()) };
    let (way, last) = (WAYS[usize::from(choice % 5)], LASTS[usize::from(choice / 5 % 3)]);
    let whole = end_is_heard(way, last, input, Chunks::Whole)?;
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15) + 1, usize::from(sizes >> 4) * 7 + 1]);
    let cut = end_is_heard(way, last, input, chunks)?;
    match (0..whole.len().max(cut.len())).find(|at| whole.get(*at) != cut.get(*at)) {
        Some(at) => Err(format!("{way:?}, {last:?}: whole {:?}, cut {:?}", whole.get(at), cut.get(at))),
        None => Ok(()),
    }
}
