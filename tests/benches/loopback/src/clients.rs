//! The clients. Each stream is a task; all of them run on one thread.

use std::cell::RefCell;
use std::rc::Rc;

use eventsource_stream::Eventsource as _;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use tokio::task::{JoinSet, LocalSet};
use tokio_tungstenite::tungstenite::Message;
use turnwire::client::{Credentials, Event, Provider, Settings, TransportPreference};
use turnwire::responses::{CreateResponse, EventData};
use turnwire_tokio::Client;

use crate::Seen;

type Shared = Rc<RefCell<Seen>>;

/// Runs this number of streams of one kind of client to their end.
pub fn run(client: &str, address: &str, count: u64, seen: &mut Seen) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let shared = Rc::new(RefCell::new(std::mem::take(seen)));
    LocalSet::new().block_on(&runtime, async {
        let mut tasks = JoinSet::new();
        let http = reqwest::Client::new();
        for _ in 0..count {
            let (address, seen) = (address.to_owned(), Rc::clone(&shared));
            match client {
                "turnwire-ws" => tasks.spawn_local(turnwire(address, true, seen)),
                "turnwire-sse" => tasks.spawn_local(turnwire(address, false, seen)),
                "tungstenite" => tasks.spawn_local(tungstenite(address, seen)),
                "reqwest" => tasks.spawn_local(reqwest(http.clone(), address, seen)),
                other => panic!("{other} is not a client"),
            };
        }
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no panic");
        }
    });
    *seen = shared.take();
}

async fn turnwire(address: String, websocket: bool, seen: Shared) {
    let mut provider = Provider::new("bench", &format!("http://{address}/v1"));
    provider.capabilities.websocket = websocket;
    let mut settings = Settings::default();
    settings.transport = if websocket { TransportPreference::WebSocket } else { TransportPreference::Http };
    let mut client = Client::new(provider, Credentials::None, settings).expect("valid");
    let mut turn = client.turn().expect("no request is in flight");
    turn.send(CreateResponse::new("gpt-x", "a question")).expect("it can be sent");
    while let Some(event) = turn.next().await {
        if let Event::Server { event, .. } = event
            && let EventData::OutputTextDelta { delta, .. } = &event.data
        {
            seen.borrow_mut().count(delta);
        }
    }
}

/// The members that an application reads, borrowed where they have no escapes.
#[derive(Deserialize)]
struct Flat<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    delta: Option<&'a str>,
}

/// Counts the event of a payload. Returns whether more will come.
fn read(payload: &str, seen: &Shared) -> bool {
    let event: Flat<'_> = serde_json::from_str(payload).expect("an event");
    if let Some(delta) = event.delta.filter(|_| event.kind == "response.output_text.delta") {
        seen.borrow_mut().count(delta);
    }
    event.kind != "response.completed"
}

async fn tungstenite(address: String, seen: Shared) {
    let url = format!("ws://{address}/v1/responses");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a WebSocket");
    let request = r#"{"type":"response.create","model":"gpt-x","input":"a question"}"#;
    socket.send(Message::text(request)).await.expect("it is open");
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message.expect("a message")
            && !read(&text, &seen)
        {
            return;
        }
    }
}

async fn reqwest(http: reqwest::Client, address: String, seen: Shared) {
    let request = http.post(format!("http://{address}/v1/responses")).header("content-type", "application/json");
    let response =
        request.body(r#"{"model":"gpt-x","input":"a question","stream":true}"#).send().await.expect("a response");
    let mut events = response.bytes_stream().eventsource();
    while let Some(event) = events.next().await {
        if !read(&event.expect("an event").data, &seen) {
            return;
        }
    }
}
