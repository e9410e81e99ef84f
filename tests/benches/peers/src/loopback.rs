//! Clients over loopback: what a user gets from each crate as it is, with its connections.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use async_openai::config::OpenAIConfig;
use futures_util::StreamExt as _;
use reqwest_eventsource::{Event, RequestBuilderExt as _};
use rig_core::driver::Model;
use turnwire::client::{self, Credentials, Provider, Settings, TransportPreference};
use turnwire::responses::CreateResponse;
use turnwire_benches::contest::Row;
use turnwire_benches::wire::{ReadSize, Seen, Wire, count_event};
use turnwire_benches::workload::READ;
use turnwire_tokio::Client;

use crate::{TURNWIRE_TOKIO, count, event_stream, websocket};

/// Returns the rows of clients of event streams. The limit only reads the bytes.
pub fn event_stream_rows<'s>(server: &'s str, wire: &Wire, expected: Seen) -> Vec<Row<'s, Seen>> {
    let lengths: Vec<usize> = wire.reads(ReadSize::Large).map(|reads| reads.concat().len()).collect();
    let responses = lengths.len();
    vec![
        Row::new("limit: blocking reads of 16 KiB", move || {
            read(server, &lengths).expect("the server runs");
            expected
        }),
        Row::new(TURNWIRE_TOKIO, move || turnwire(server, false, responses)),
        Row::new("reqwest-eventsource + serde_json, borrowed struct", move || {
            eventsource(server, responses, count::flat)
        }),
        Row::new("reqwest-eventsource + serde_json::Value", move || eventsource(server, responses, count::value)),
        Row::new("async-openai's client", move || {
            let config = OpenAIConfig::new().with_api_key("none").with_api_base(format!("http://{server}/v1"));
            event_stream::async_openai(&async_openai::Client::with_config(config), responses)
        }),
    ]
}

/// Returns the rows of clients of WebSockets.
pub fn websocket_rows<'s>(server: &'s str, wire: &Wire) -> Vec<Row<'s, Seen>> {
    let responses = wire.reads(ReadSize::Large).count();
    vec![
        Row::new(TURNWIRE_TOKIO, move || turnwire(server, true, responses)),
        Row::new("tokio-tungstenite + serde_json, borrowed struct", move || {
            tungstenite(server, responses, count::flat)
        }),
        Row::new("tokio-tungstenite + serde_json::Value", move || tungstenite(server, responses, count::value)),
        Row::new("rig's session", move || rig(server, responses)),
    ]
}

/// Reads all responses, of these lengths, on one connection.
fn read(server: &str, lengths: &[usize]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    let mut buffer = vec![0; READ];
    for length in lengths {
        stream.write_all(b"POST /v1/responses HTTP/1.1\r\nContent-Length: 0\r\n\r\n")?;
        let mut left = *length;
        while left > 0 {
            let count = stream.read(&mut buffer)?;
            assert!(count > 0, "the server goes on");
            left -= std::hint::black_box(&buffer[..count]).len();
        }
    }
    Ok(())
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

fn turnwire(server: &str, websocket: bool, responses: usize) -> Seen {
    let mut provider = Provider::new("bench", &format!("http://{server}/v1"));
    provider.capabilities.websocket = websocket;
    let mut settings = Settings::default();
    settings.transport = if websocket { TransportPreference::WebSocket } else { TransportPreference::Http };
    let mut client = Client::new(provider, Credentials::None, settings).expect("valid");
    let mut seen = Seen::default();
    block_on(async {
        for _ in 0..responses {
            let mut turn = client.turn().expect("no request is in flight");
            turn.send(CreateResponse::new("gpt-x", "ping")).expect("it can be sent");
            while let Some(event) = turn.next().await {
                if let client::Event::Server { event, .. } = std::hint::black_box(event) {
                    count_event(&mut seen, &event);
                }
            }
        }
    });
    seen
}

fn eventsource(server: &str, responses: usize, read: fn(&str, &mut Seen) -> bool) -> Seen {
    let mut seen = Seen::default();
    block_on(async {
        let http = reqwest_012::Client::new();
        for _ in 0..responses {
            let request = http.post(format!("http://{server}/v1/responses")).header("content-type", "application/json");
            let request = request.body(r#"{"model":"gpt-x","input":"ping","stream":true}"#);
            let mut events = request.eventsource().expect("a request that can be repeated");
            while let Some(event) = events.next().await {
                if let Event::Message(event) = event.expect("an event")
                    && !read(&event.data, &mut seen)
                {
                    events.close();
                }
            }
        }
    });
    seen
}

fn tungstenite(server: &str, responses: usize, read: fn(&str, &mut Seen) -> bool) -> Seen {
    block_on(async {
        let url = format!("ws://{server}/v1/responses");
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a WebSocket");
        websocket::messages(&mut socket, responses, read).await
    })
}

fn rig(server: &str, responses: usize) -> Seen {
    block_on(async {
        let model = Model::new(websocket::rig_provider(format!("http://{server}/v1")), ());
        let session = model.responses_websocket().connect().await.expect("a WebSocket");
        websocket::rig_session(session, responses).await
    })
}
