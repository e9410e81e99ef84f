//! Clients over WebSockets in memory.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use rig_core::completion::CompletionRequest;
use rig_core::http_client::{Error, Result};
use rig_core::providers::openai::OpenAIConfig;
use rig_core::providers::openai::responses_api::websocket::{ResponsesWebSocketEvent, ResponsesWebSocketSession};
use rig_core::providers::openai::responses_api::wire::Responses;
use rig_core::wasm_compat::WasmBoxedFuture;
use rig_core::ws_client::{CloseFrame, Frame, WebSocketConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use turnwire_benches::contest::Row;
use turnwire_benches::wire::{ReadSize, Seen, Wire};

use crate::memory::Memory;
use crate::{TURNWIRE, count};

/// A request as an application writes it by hand.
pub const REQUEST: &str = r#"{"type":"response.create","model":"gpt-x","input":"ping"}"#;

/// All reads of a connection behind its handshake, and the number of responses in them.
#[derive(Clone, Debug)]
struct Reads(Arc<Vec<Bytes>>, usize);

impl Reads {
    fn new(wire: &Wire, size: ReadSize) -> Self {
        let responses: Vec<_> = wire.reads(size).collect();
        let reads = responses.iter().flatten().map(|read| Bytes::copy_from_slice(read)).collect();
        Self(Arc::new(reads), responses.len())
    }

    /// Opens a client's WebSocket of tokio-tungstenite, which needs no handshake.
    async fn open(&self) -> WebSocketStream<Memory> {
        WebSocketStream::from_raw_socket(Memory::new(Arc::clone(&self.0)), Role::Client, None).await
    }
}

/// Returns all rows.
pub fn rows(wire: &Wire, size: ReadSize) -> Vec<Row<'_, Seen>> {
    let reads = Reads::new(wire, size);
    let [flat, value] = [reads.clone(), reads.clone()];
    vec![
        Row::new(TURNWIRE, move || wire.run_client(size)),
        Row::new("tokio-tungstenite + serde_json, borrowed struct", move || by_hand(&flat, count::flat)),
        Row::new("tokio-tungstenite + serde_json::Value", move || by_hand(&value, count::value)),
        Row::new("rig's session over tokio-tungstenite", move || rig(&reads)),
    ]
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(work)
}

fn by_hand(reads: &Reads, read: fn(&str, &mut Seen) -> bool) -> Seen {
    block_on(async { messages(&mut reads.open().await, reads.1, read).await })
}

/// Requests this number of responses one after the other on a WebSocket of tokio-tungstenite.
pub async fn messages<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    responses: usize,
    read: fn(&str, &mut Seen) -> bool,
) -> Seen {
    let mut seen = Seen::default();
    for _ in 0..responses {
        socket.send(Message::text(REQUEST)).await.expect("it is open");
        while let Some(message) = socket.next().await {
            if let Message::Text(text) = message.expect("a message")
                && !read(&text, &mut seen)
            {
                break;
            }
        }
    }
    seen
}

/// rig's OpenAI provider at this address.
pub fn rig_provider(base_url: String) -> Responses {
    let mut config = OpenAIConfig::new("none");
    config.base_url = base_url;
    Responses::new(config, "gpt-x")
}

fn rig(reads: &Reads) -> Seen {
    block_on(async {
        let connection = Box::new(Tungstenite(reads.open().await));
        let provider = rig_provider("http://127.0.0.1/v1".into());
        rig_session(ResponsesWebSocketSession::from_connection(provider, connection, None), reads.1).await
    })
}

/// Requests this number of responses one after the other in a session of rig.
pub async fn rig_session(mut session: ResponsesWebSocketSession, responses: usize) -> Seen {
    let mut seen = Seen::default();
    for _ in 0..responses {
        session.send(CompletionRequest::new("ping")).await.expect("it is open");
        loop {
            let event = black_box(session.next_event().await.expect("an event"));
            let goes_on = match &event {
                ResponsesWebSocketEvent::Item(event) => count::tree(event, &mut seen),
                ResponsesWebSocketEvent::Response { kind, .. } => count::add(kind, None, &mut seen),
                _ => count::add("", None, &mut seen),
            };
            if !goes_on {
                break;
            }
        }
    }
    session.close().await.expect("it is open");
    seen
}

/// What rig's own backend does for a TCP connection, which it does not do for another transport.
struct Tungstenite(WebSocketStream<Memory>);

impl WebSocketConnection for Tungstenite {
    fn send(&mut self, frame: Frame) -> WasmBoxedFuture<'_, Result<()>> {
        let Frame::Text(text) = frame else { panic!("a session sends text") };
        Box::pin(async move { self.0.send(Message::text(text)).await.map_err(Error::instance) })
    }

    fn recv(&mut self) -> WasmBoxedFuture<'_, Result<Option<Frame>>> {
        Box::pin(async move {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => Ok(Some(Frame::Text(text.as_str().to_owned()))),
                Some(Ok(other)) => panic!("{other:?} is not in the workload"),
                Some(Err(error)) => Err(Error::instance(error)),
                None => Ok(None),
            }
        })
    }

    fn close(&mut self, _: Option<CloseFrame>) -> WasmBoxedFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
