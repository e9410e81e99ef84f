//! Law 14, resume: a background response whose stream is lost anywhere is delivered as if it had not been lost.

use serde_json::{Value, json};
use turnwire::client::{OwnedEvent, OwnedOutcome, RequestId, Settings, TransportPreference};
use turnwire::connection::Transport;
use turnwire::responses::{Collector, ResponseStore};

use crate::fixtures::ask;
use crate::pair::{Act, Cut, Kind, Pair, Script, Seen, provider, with_retries};

/// How a server numbers its events and resumes a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The number of the first event; `None` if events have no numbers.
    pub first: Option<i64>,
    /// The answer to the request for the rest.
    pub rest: Rest,
}

/// How a server answers a request for the rest of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// With the events after the number.
    Stream,
    /// With the events from the number on.
    Repeated,
    /// With all events, whatever the number is.
    Everything,
    /// With the whole response as JSON; the first time, it has not ended.
    Json,
}

impl Rest {
    /// Every answer.
    pub const ALL: [Self; 4] = [Self::Stream, Self::Repeated, Self::Everything, Self::Json];
}

/// What an application saw of a response.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// The payloads, in order.
    pub payloads: Vec<String>,
    /// Whether the request completed.
    pub completed: bool,
    /// The attempts that requested the rest.
    pub resumed: u32,
}

impl Outcome {
    /// Returns the texts of all deltas, and the response that a collector makes of the events, without numbers.
    #[must_use]
    pub fn collected(&self) -> (String, Value) {
        let (mut text, mut collector) = (String::new(), Collector::new());
        for payload in &self.payloads {
            let event = turnwire::responses::ServerEvent::parse(payload).expect("an event");
            collector.add(&event);
            let value: Value = serde_json::from_str(payload).expect("JSON");
            text += value["delta"].as_str().unwrap_or_default();
        }
        (text, serde_json::from_str(collector.finish().to_raw().as_str()).expect("JSON"))
    }
}

const ID: &str = "resp_1";

fn output() -> Value {
    json!([
        {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "Zürich, \"Rö\""}]},
        {"type": "function_call", "id": "f", "call_id": "c", "name": "n", "arguments": "{\"a\":1}"},
    ])
}

fn response(status: &str) -> Value {
    let output = if status == "completed" { output() } else { json!([]) };
    json!({"id": ID, "object": "response", "status": status, "output": output})
}

/// Returns the events of the response.
#[must_use]
pub fn events(first: Option<i64>) -> Vec<String> {
    let output = output();
    let text = |delta: &str| json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": delta});
    let arguments = |delta: &str| json!({"type": "response.function_call_arguments.delta", "item_id": "f", "output_index": 1, "delta": delta});
    let done = |at: usize| json!({"type": "response.output_item.done", "output_index": at, "item": output[at]});
    let mut events = vec![
        json!({"type": "response.created", "response": response("queued")}),
        json!({"type": "response.in_progress", "response": response("in_progress")}),
        text("Zü"),
        text("rich"),
        text(", \"Rö\""),
        done(0),
        arguments("{\"a\""),
        arguments(":1}"),
        done(1),
        json!({"type": "response.completed", "response": response("completed")}),
    ];
    if let Some(first) = first {
        for (number, event) in (first..).zip(&mut events) {
            event["sequence_number"] = number.into();
        }
    }
    events.iter().map(Value::to_string).collect()
}

/// Returns the reaction of a server of this style. `resumptions`: how often the rest was requested before.
fn react(style: Style, seen: &Seen, resumptions: usize) -> Vec<Act> {
    let events = events(style.first);
    let stream = |events: Vec<String>| {
        let begin = Act::stream_with(&[]);
        [begin].into_iter().chain(events.into_iter().map(Act::Send)).chain([Act::End]).collect::<Vec<_>>()
    };
    match seen.kind {
        Kind::Text => events.into_iter().map(Act::Send).collect(),
        Kind::Post if seen.method == "POST" => stream(events),
        Kind::Post => {
            let number = seen.target.split(['?', '&']).find_map(|part| part.strip_prefix("starting_after="));
            let after: Option<i64> = number.map(|number| number.parse().expect("a number"));
            let after = match style.rest {
                Rest::Stream => after,
                Rest::Repeated => after.map(|number| number - 1),
                Rest::Everything => None,
                Rest::Json => {
                    let status = if resumptions == 0 { "in_progress" } else { "completed" };
                    return vec![Act::respond_with(
                        200,
                        &[("content-type", "application/json")],
                        &response(status).to_string(),
                    )];
                }
            };
            let mut store = ResponseStore::default();
            store.begin(ID);
            assert!(events.iter().all(|event| store.push(ID, event)), "the store keeps every event");
            stream(store.events_after(ID, after).expect("it is known").map(Into::into).collect())
        }
        Kind::Dial | Kind::Upgrade => Vec::new(),
    }
}

/// Requests a background response from a server of this style, loses connections after these numbers of bytes, and returns what
/// the application sees. The second value is the number of bytes that the first connection carried to the client.
///
/// # Panics
///
/// If the request does not end.
#[must_use]
pub fn deliver(style: Style, transport: Transport, cuts: &[usize]) -> (Outcome, usize) {
    let mut settings = Settings::default();
    settings.transport = match transport {
        Transport::Http => TransportPreference::Http,
        Transport::WebSocket => TransportPreference::WebSocket,
    };
    let mut pair = Pair::new(with_retries(provider(), 4), settings, Script::new());
    pair.cuts.extend(cuts.iter().map(|at| Cut { up: None, down: Some(*at) }));
    let id = pair.send(ask("hi").background(true));
    run(&mut pair, style);
    let carried = pair.carried.first().map_or(0, |(_, down)| down.len());
    (outcome(&pair, id), carried)
}

/// Runs the client against a server of this style until the request has ended.
pub fn run(pair: &mut Pair, style: Style) {
    let (mut handled, mut resumptions) = (0, 0);
    loop {
        pair.run();
        while let Some(seen) = pair.seen.get(handled).cloned() {
            handled += 1;
            let acts = react(style, &seen, resumptions);
            resumptions += usize::from(seen.method == "GET");
            for act in acts {
                // The socket may break in between, and the next one gets no more of this.
                if pair.dials.len() == seen.socket + 1 {
                    pair.act(act);
                }
            }
        }
        if !pair.client.has_pending_requests() || !pair.jump() {
            return;
        }
    }
}

fn outcome(pair: &Pair, id: RequestId) -> Outcome {
    let payload = |event: &OwnedEvent| match event {
        OwnedEvent::Server { id: of, event } if *of == id => event.raw().map(Into::into),
        _ => None,
    };
    Outcome {
        payloads: pair.events.iter().filter_map(payload).collect(),
        completed: matches!(pair.outcome(id), Some(OwnedOutcome::Completed(_))),
        resumed: pair.report(id).map_or(0, |report| report.resumed),
    }
}

/// Checks the law for one loss of each connection. Where the server answers with a whole response, what an application makes of the
/// events is compared, and not the events.
///
/// # Errors
///
/// Returns what differs.
pub fn same(style: Style, transport: Transport, cuts: &[usize], uncut: &Outcome) -> Result<Outcome, String> {
    let (seen, _) = deliver(style, transport, cuts);
    let is_same = match style.rest {
        Rest::Json => seen.collected() == uncut.collected(),
        Rest::Stream | Rest::Repeated | Rest::Everything => seen.payloads == uncut.payloads,
    };
    if seen.completed && is_same {
        return Ok(seen);
    }
    Err(format!("{style:?} over {transport:?}, cut at {cuts:?}: {:?}, completed: {}", seen.payloads, seen.completed))
}

/// Checks the law for a style of server, a transport and a loss that the input selects.
///
/// # Errors
///
/// As [`same`].
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [first, rest, transport, at @ ..] = input else { return Ok(()) };
    let style = Style {
        first: [None, Some(0), Some(1), Some(7)][usize::from(*first) % 4],
        rest: Rest::ALL[usize::from(*rest) % Rest::ALL.len()],
    };
    let transport = if transport % 2 == 0 { Transport::Http } else { Transport::WebSocket };
    let (uncut, carried) = deliver(style, transport, &[]);
    let at = at.iter().take(2).fold(0, |at, byte| at * 256 + usize::from(*byte));
    same(style, transport, &[at % carried.max(1)], &uncut).map(drop)
}
