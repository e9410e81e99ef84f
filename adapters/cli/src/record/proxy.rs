//! One connection of a client, and its connection to the server.

use std::collections::BTreeMap;
use std::io;

use turnwire::connection::{ClientConnection, CloseReason, ExpectedBody, OutgoingRequest, Transport, client, server};
use turnwire::http::{Headers, Request, Response};
use turnwire::responses::Envelope;
use turnwire_driver::{ConnectionDriver, Io, ServerDriver, Wake};
use turnwire_rustls::ClientIo;
use turnwire_tokio::TcpIo;

use super::Upstream;
use super::writer::{ExchangeFile, Recorder};

/// The number of bytes that wait to be written to the client from which on nothing more is read from the server.
const MAX_UNSENT: usize = 256 * 1024;

/// The number of lanes whose exchanges are recorded at a time.
const MAX_LANES: usize = 64;

/// Headers that belong to one connection, or that the connections set themselves.
const HOP_BY_HOP: [&str; 17] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "expect",
    "accept-encoding",
    "date",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-accept",
    "proxy-authorization",
];

/// An event of the server, or of its connection.
enum FromServer {
    Upgraded(Response),
    Head(Response),
    /// A whole response: to a request, or to a handshake.
    Body(Response, Vec<u8>),
    Event(String),
    /// A payload that is not an event.
    Junk(String),
    End,
    Closed(Option<u16>, String),
    Nothing,
}

/// An event of the client, or of its connection.
enum FromClient {
    Upgrade(Request),
    Request(Request, Vec<u8>),
    Message { lane: Option<String>, command: bool, text: String },
    Gone,
}

/// The connection to the server.
type Peer = ConnectionDriver<ClientIo<TcpIo>>;

/// A connection of a client.
struct Session<'r, I> {
    server: ServerDriver<I>,
    upstream: Upstream,
    recorder: &'r Recorder,
    number: u64,
    peer: Option<Peer>,
    /// The head of the WebSocket handshake, or of the HTTP request.
    head: Option<Request>,
    /// The newest exchange of each lane. HTTP has one lane.
    exchanges: BTreeMap<Option<String>, ExchangeFile>,
    /// Whether the response over HTTP is an event stream that has begun.
    streaming: bool,
}

/// Serves one connection until either side closes it.
pub(super) async fn serve<I: Io>(
    server: ServerDriver<I>,
    upstream: Upstream,
    recorder: &Recorder,
    number: u64,
) -> io::Result<()> {
    let mut session = Session {
        server,
        upstream,
        recorder,
        number,
        peer: None,
        head: None,
        exchanges: BTreeMap::new(),
        streaming: false,
    };
    while session.step().await? {}
    if session.streaming {
        // The client sees a stream that ends early.
        session.server.wait(Some(0), None).await;
    } else {
        // The last bytes, a close frame among them, are written while the connection is awaited.
        while session.server.next().await.is_some() {}
    }
    Ok(())
}

impl<I: Io> Session<'_, I> {
    /// Handles the next event of either side. Returns whether the connection goes on.
    async fn step(&mut self) -> io::Result<bool> {
        let blocked = self.server.connection().poll_transmit().len() > MAX_UNSENT;
        let unsent = blocked.then_some(MAX_UNSENT);
        let from_server = match &mut self.peer {
            Some(peer) if !blocked => tokio::select! {
                wake = self.server.wait(None, None) => Err(wake),
                event = next(peer) => Ok(event),
            },
            _ => Err(self.server.wait(unsent, None).await),
        };
        match from_server {
            Ok(event) => self.handle_server(event),
            Err(Wake::Event) => {
                let event = match self.server.next().await {
                    Some(event) => from_client(event),
                    None => Some(FromClient::Gone),
                };
                event.map_or(Ok(true), |event| self.handle_client(event))
            }
            Err(Wake::Writable) => Ok(true),
            Err(_) => Ok(false),
        }
    }

    fn handle_client(&mut self, event: FromClient) -> io::Result<bool> {
        match event {
            FromClient::Gone => return Ok(false),
            FromClient::Upgrade(head) => {
                let (mut peer, headers) = (self.connect(Transport::WebSocket), passed_on(&head.headers));
                let now = peer.now();
                let sent = peer.connection().upgrade(now, &self.upstream.target_of(head.target()), &headers);
                self.peer = sent.is_ok().then_some(peer);
                self.head = Some(head);
                if sent.is_err() {
                    return Ok(self.fail("the handshake cannot be passed on"));
                }
            }
            FromClient::Request(head, body) => {
                let text = String::from_utf8_lossy(&body);
                let exchange = self.recorder.begin(Transport::Http, self.number, &head, None, &text)?;
                self.exchanges.insert(None, exchange);
                let mut peer = self.connect(Transport::Http);
                let target = self.upstream.target_of(head.target());
                let expected = ExpectedBody::EventStream;
                let mut request = OutgoingRequest::new(&target, passed_on(&head.headers), body, expected);
                request.method = head.method().to_owned();
                let now = peer.now();
                let sent = peer.connection().send_request(now, request);
                self.peer = sent.is_ok().then_some(peer);
                (self.head, self.streaming) = (Some(head), false);
                if sent.is_err() {
                    return Ok(self.fail("the request cannot be passed on"));
                }
            }
            FromClient::Message { lane, command, text } => self.message(lane, command, &text)?,
        }
        Ok(true)
    }

    fn message(&mut self, lane: Option<String>, command: bool, text: &str) -> io::Result<()> {
        let Some(head) = &self.head else { return Ok(()) };
        let creates = Envelope::scan(text).is_ok_and(|envelope| envelope.kind() == "response.create");
        if creates {
            if self.exchanges.len() >= MAX_LANES && !self.exchanges.contains_key(&lane) {
                self.exchanges.pop_first();
            }
            let exchange = self.recorder.begin(Transport::WebSocket, self.number, head, lane.as_deref(), text)?;
            self.exchanges.insert(lane.clone(), exchange);
        } else if let Some(exchange) = self.exchanges.get_mut(&lane) {
            self.recorder.payload(exchange, "message", text)?;
        }
        let Some(peer) = &mut self.peer else { return Ok(()) };
        let now = peer.now();
        let connection = peer.connection();
        let taken = creates && connection.send_request_message(now, lane.as_deref(), text).is_ok();
        if command {
            // Fails only when the connection has ended: its last event says so. A steered response has a successor without a request.
            let _ = connection.send_about_response(now, text);
            connection.expect_successor(lane.as_deref());
        } else if !taken {
            // The server decides about a second request on a busy lane.
            let _ = connection.send_message(now, text);
        }
        Ok(())
    }

    fn handle_server(&mut self, event: FromServer) -> io::Result<bool> {
        let now = self.server.now();
        match event {
            FromServer::Nothing => {}
            FromServer::Upgraded(head) => {
                // Fails only when the client has gone: the next event says so.
                let _ = self.server.connection().accept(now, &passed_on(&head.headers));
            }
            FromServer::Head(head) => {
                if let Some(exchange) = self.exchanges.get_mut(&None) {
                    self.recorder.response(exchange, &head, None)?;
                }
                self.streaming = true;
                let _ = self.server.connection().begin_stream(now, &passed_on(&head.headers));
            }
            FromServer::Body(head, body) => {
                self.body(&head, &body)?;
            }
            FromServer::Event(text) => {
                let recorder = self.recorder;
                if let Some(exchange) = self.exchange_of(&text) {
                    recorder.payload(exchange, "event", &text)?;
                }
                let _ = self.server.connection().send(now, &text);
            }
            FromServer::Junk(text) => {
                let recorder = self.recorder;
                if let Some(exchange) = self.exchanges.values_mut().next_back() {
                    recorder.payload(exchange, "event", &text)?;
                }
            }
            FromServer::End => {
                if let Some(mut exchange) = self.exchanges.remove(&None).filter(|_| self.streaming) {
                    exchange.end()?;
                    let _ = self.server.connection().end_stream(now);
                }
                self.peer = None;
                self.streaming = false;
            }
            FromServer::Closed(code, reason) => return self.closed(code, &reason),
        }
        Ok(true)
    }

    /// Passes on a whole response.
    fn body(&mut self, head: &Response, body: &[u8]) -> io::Result<()> {
        let mut exchange = match self.exchanges.remove(&None) {
            Some(exchange) => exchange,
            // The handshake was rejected.
            None => match &self.head {
                Some(request) => self.recorder.begin(Transport::WebSocket, self.number, request, None, "")?,
                None => return Ok(()),
            },
        };
        self.recorder.response(&mut exchange, head, Some(body))?;
        let now = self.server.now();
        // Fails only when the client has gone: the next event says so.
        let _ = self.server.connection().respond(now, head.status(), &passed_on(&head.headers), body);
        self.peer = None;
        Ok(())
    }

    /// Handles the end of the connection to the server.
    fn closed(&mut self, code: Option<u16>, reason: &str) -> io::Result<bool> {
        self.peer = None;
        for exchange in self.exchanges.values_mut() {
            exchange.closed(code, reason)?;
        }
        self.exchanges.clear();
        let now = self.server.now();
        if self.streaming {
            return Ok(false);
        }
        if self.server.connection().respond(now, 502, &Headers::new(), reason.as_bytes()).is_err() {
            self.server.connection().close(now, code.filter(|code| *code != 1005).unwrap_or(1011), "");
            return Ok(false);
        }
        Ok(true)
    }

    /// Responds with 502, if a request waits for a response.
    fn fail(&mut self, reason: &str) -> bool {
        let now = self.server.now();
        let _ = self.server.connection().respond(now, 502, &Headers::new(), reason.as_bytes());
        true
    }

    /// Returns the exchange that an event belongs to: that of its lane, or the only one.
    fn exchange_of(&mut self, text: &str) -> Option<&mut ExchangeFile> {
        let lane = Envelope::scan(text).ok().and_then(|envelope| envelope.stream_id().map(|lane| lane.into_owned()));
        let lane = match self.exchanges.contains_key(&lane) {
            true => lane,
            false => self.exchanges.keys().next_back()?.clone(),
        };
        self.exchanges.get_mut(&lane)
    }

    fn connect(&self, transport: Transport) -> Peer {
        let mut config = client::Config::new(&self.upstream.authority);
        // The client decides how long it waits.
        config.timeouts.head = None;
        config.timeouts.idle = None;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system has a random source");
        let connection = ClientConnection::new(config, transport, seed);
        ConnectionDriver::new(connection, self.upstream.tls.layers(TcpIo::new()), self.upstream.target.clone())
    }
}

/// Waits for the next event of the server.
async fn next(peer: &mut Peer) -> FromServer {
    match peer.next().await {
        Err(error) => FromServer::Closed(None, error.to_string()),
        Ok(None) => FromServer::Closed(None, "the connection is closed".into()),
        Ok(Some(event)) => match event {
            client::Event::Upgraded { head } => FromServer::Upgraded(head.clone()),
            client::Event::Head { head } => FromServer::Head(head.clone()),
            client::Event::Rejected { head, body } | client::Event::Body { head, body } => {
                FromServer::Body(head.clone(), body.to_vec())
            }
            client::Event::Server(event) => FromServer::Event(event.raw().map_or_else(|| event.to_json(), Into::into)),
            client::Event::Malformed { text, .. } => FromServer::Junk(text.to_owned()),
            client::Event::End { .. } => FromServer::End,
            client::Event::Closed(reason) => {
                let code = match reason {
                    CloseReason::Peer { code, .. } => Some(*code),
                    _ => None,
                };
                FromServer::Closed(code, reason.to_string())
            }
            _ => FromServer::Nothing,
        },
    }
}

/// Copies an event of the client. Returns `None` for one that needs nothing.
fn from_client(event: server::Event<'_>) -> Option<FromClient> {
    Some(match event {
        server::Event::Upgrade { head } => FromClient::Upgrade(head.clone()),
        server::Event::Request { head, body } => FromClient::Request(head.clone(), body.to_vec()),
        server::Event::Text { lane, command, text } => {
            FromClient::Message { lane, command: command.is_some(), text: text.to_owned() }
        }
        server::Event::Malformed { text, .. } => {
            FromClient::Message { lane: None, command: false, text: text.to_owned() }
        }
        server::Event::Closed(_) => FromClient::Gone,
        _ => return None,
    })
}

/// Returns the headers without those of one connection.
fn passed_on(headers: &Headers) -> Headers {
    let mut kept = Headers::new();
    let named = |name: &str| headers.has_token("connection", name);
    for (name, value) in headers.iter() {
        let lower = name.to_ascii_lowercase();
        if !HOP_BY_HOP.contains(&lower.as_str()) && !named(&lower) {
            // A header that was received can be sent.
            let _ = kept.append(name, value.clone());
        }
    }
    kept
}
