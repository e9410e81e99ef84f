//! Values of the public types, with the secret in every place for content, and their `Debug` output.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use turnwire::client::{
    ClientSetup, Credentials, ForwardProxy, OwnedEvent, RawOperation, Request, Secret, Settings, Sign, SignError,
    SignableRequest,
};
use turnwire::connection::{
    ClientConnection, EventDecoder, ExpectedBody, OutgoingRequest, ServerConnection, Transport, client, server,
};
use turnwire::http::{self, BodyPart, HeadDecoder, HeadLimits, HeaderValue, Headers};
use turnwire::proxy::{self, Proxy, ProxyCredentials, ProxyHandshake, ProxySelector};
use turnwire::responses::request::MessageFields;
use turnwire::responses::session::RequestContext;
use turnwire::responses::{
    CallStep, Chains, ClientMetadata, Collector, Envelope, EventData, EventParser, Failure, OpenCalls, RawJson,
    ResponseHeaders, ResponseInfo, ResponseStore, ResponseWriter, ServerEvent, StoreLimits,
};
use turnwire::sse;
use turnwire::time::Instant;
use turnwire::turn::Turn;
use turnwire::web;
use turnwire::ws::deflate::{MemoryKind, MemoryPool, PooledMemory, SharedPool};
use turnwire::ws::{self, Close, Message, Role, handshake};
use turnwire_tests::fixtures::{ask, delta, done, token};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, owned, provider};

use crate::SECRET;

const NOW: Instant = Instant::ZERO;

/// The name of a type and its `Debug` output.
pub(crate) type Shown = (&'static str, String);

fn debug(value: &impl Debug) -> String {
    format!("{value:?}\n{value:#?}")
}

/// Returns the output of every checked type.
pub(crate) fn all() -> Vec<Shown> {
    let mut all = Vec::new();
    all.extend(of_framing());
    all.extend(of_websockets());
    all.extend(of_proxies());
    all.extend(of_web());
    all.extend(of_responses());
    all.extend(of_connections());
    all.extend(of_configuration());
    all.extend(of_clients());
    all
}

fn secret_headers() -> Headers {
    let mut headers = Headers::new();
    headers.append("x-mine", HeaderValue::new(SECRET.as_bytes()).expect("a value").into_sensitive()).expect("a header");
    headers
}

/// Returns a head with every header that carries a credential or the turn token.
fn secret_head(start: &str) -> Vec<u8> {
    let names =
        ["Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "api-key", "X-Api-Key", "X-Codex-Turn-State"];
    let lines: String = names.iter().map(|name| format!("{name}: {SECRET}\r\n")).collect();
    format!("{start}\r\nHost: localhost\r\n{lines}\r\n").into_bytes()
}

fn of_framing() -> Vec<Shown> {
    let mut events = sse::Decoder::resuming(sse::Limits::default(), SECRET);
    let stream = format!("id: {SECRET}\ndata: {SECRET}\n\ndata: {SECRET}");
    let mut input = sse::Input::new(stream.as_bytes());
    let event = debug(&events.decode(&mut input).expect("a stream").expect("an event"));
    assert!(events.decode(&mut input).expect("a stream").is_none(), "the second event is cut");
    let outgoing = sse::OutgoingEvent { id: Some(SECRET), ..sse::OutgoingEvent::data(SECRET) };
    let head = secret_head("POST / HTTP/1.1");
    let mut partial: HeadDecoder<http::Request> = HeadDecoder::new(HeadLimits::default());
    assert!(partial.decode(&mut &head[..head.len() - 2]).expect("a head").is_none(), "the head is cut");
    let request = HeadDecoder::<http::Request>::new(HeadLimits::default()).decode(&mut &*head);
    let head = secret_head("HTTP/1.1 200 OK");
    let response = HeadDecoder::<http::Response>::new(HeadLimits::default()).decode(&mut &*head);
    vec![
        ("sse::Event", event),
        ("sse::Decoder", debug(&events)),
        ("sse::Input", debug(&sse::Input::new(stream.as_bytes()))),
        ("sse::OutgoingEvent", debug(&outgoing)),
        ("http::BodyPart", debug(&BodyPart::Data(SECRET.as_bytes()))),
        ("http::HeadDecoder", debug(&partial)),
        ("http::HeaderValue", debug(&HeaderValue::new(SECRET.as_bytes()).expect("a value").into_sensitive())),
        ("http::Headers", debug(&secret_headers())),
        ("http::Request", debug(&request.expect("a head").expect("all of it"))),
        ("http::Response", debug(&response.expect("a head").expect("all of it"))),
        ("http::Decoder", debug(&http::gzip::Decoder::new(http::gzip::Limits::default()))),
    ]
}

fn of_websockets() -> Vec<Shown> {
    let close = Close { code: 1000, reason: SECRET };
    let messages = [
        Message::Text(SECRET),
        Message::Binary(SECRET.as_bytes()),
        Message::Ping(SECRET.as_bytes()),
        Message::Pong(SECRET.as_bytes()),
        Message::Close(Some(close)),
    ];
    let mut sent = Vec::new();
    let mut encoder = ws::Encoder::new(Role::Server, None);
    encoder.encode(Message::Text(SECRET), [0; 4], &mut sent).expect("a message");
    let mut decoder = ws::Decoder::new(Role::Client, ws::Limits::default(), None);
    assert!(decoder.decode(&mut &sent[..sent.len() - 1]).expect("a message").is_none(), "the message is cut");
    let mut socket = ws::WebSocket::new(Role::Client, ws::Limits::default(), None, [1; 32]);
    assert!(socket.decode(&mut &sent[..sent.len() - 1]).expect("a message").is_none(), "the message is cut");
    socket.close(1000, SECRET).expect("a code");
    let request = HeadDecoder::new(HeadLimits::default()).decode(&mut &*secret_head("POST / HTTP/1.1"));
    let refusal = handshake::accept(
        &request.expect("a head").expect("all of it"),
        &handshake::ServerOptions::default().with_deflate(None),
    );
    let params = ws::deflate::Params::default();
    let spare = Spare::default();
    let pool = SharedPool::new(Pool(Arc::clone(&spare)));
    let mut deflater = ws::deflate::Deflater::new(&params, Role::Client).expect("a window from 9 up");
    deflater.use_pool(&pool);
    deflater.message(SECRET.as_bytes(), &mut Vec::new());
    drop(deflater);
    vec![
        ("ws::Message", debug(&messages)),
        ("ws::Close", debug(&close)),
        ("ws::Encoder", debug(&encoder)),
        ("ws::Decoder", debug(&decoder)),
        ("ws::WebSocket", debug(&socket)),
        ("ws::Refusal", debug(&refusal.expect_err("a POST"))),
        ("ws::Inflater", debug(&ws::deflate::Inflater::new(&params, Role::Client))),
        ("ws::Deflater", debug(&ws::deflate::Deflater::new(&params, Role::Client))),
        ("ws::SharedPool", debug(&pool)),
        ("ws::PooledMemory", debug(&spare.lock().expect("no panic").take().expect("it was put"))),
    ]
}

type Spare = Arc<Mutex<Option<PooledMemory>>>;

struct Pool(Spare);

impl MemoryPool for Pool {
    fn take(&self, _: MemoryKind) -> Option<PooledMemory> {
        None
    }

    fn put(&self, memory: PooledMemory) {
        *self.0.lock().expect("no panic") = Some(memory);
    }
}

/// A socket that holds a part of a request, one that holds its commands, and their commands.
fn of_web() -> Vec<Shown> {
    let mut settings = web::Settings::new();
    settings.key_subprotocol = Some("key.".into());
    let written = |text: &str| {
        let mut socket = web::Socket::new(settings.clone());
        socket.open(true);
        socket.write(text.as_bytes());
        socket
    };
    let head = |method: &str| {
        format!(
            "{method} /v1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SECRET}\r\nX-Codex-Turn-State: {SECRET}\r\n"
        )
    };
    let post = |length: usize| format!("{}Content-Length: {length}\r\n\r\n{SECRET}", head("POST"));
    let upgrade = format!(
        "{}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        head("GET")
    );
    let mut sockets = [written(&head("POST")), written(&post(1000)), written(&post(SECRET.len())), written(&upgrade)];
    let shown = debug(&sockets);
    let fetch = sockets[2].poll_command().expect("a command");
    let open = sockets[3].poll_command().expect("a command");
    let web::Command::OpenWebSocket(websocket) = &open else { panic!("{open:?}") };
    assert!(websocket.subprotocols.iter().any(|name| name.contains(SECRET)), "the key is no subprotocol");
    let web::Command::Fetch(request) = &fetch else { panic!("{fetch:?}") };
    assert_eq!(request.body, SECRET.as_bytes());
    let text = web::Command::SendText { exchange: request.exchange, text: SECRET.into() };
    vec![
        ("web::Socket", shown),
        ("web::WebSocketRequest", debug(websocket)),
        ("web::FetchRequest", debug(request)),
        ("web::Command", debug(&[&open, &fetch, &text])),
    ]
}

fn of_proxies() -> Vec<Shown> {
    let url = format!("http://user:{SECRET}@proxy.test:8080");
    let proxy = Proxy::parse(&url).expect("a proxy");
    let mut selector = ProxySelector::new();
    selector.set_all_proxy(&url).expect("a proxy");
    let limits = proxy::Limits::default();
    let mut handshake = ProxyHandshake::new(&proxy, "host.test", 443, limits).expect("a target");
    let mut shown = debug(&handshake);
    handshake.handle_written(handshake.poll_transmit().len());
    handshake.handle_input(format!("HTTP/1.1 200 OK\r\n\r\n{SECRET}").as_bytes());
    shown.push_str(&debug(&handshake));
    let connected = handshake.poll_result().expect("an end").expect("a connection");
    assert_eq!(connected.leftover, SECRET.as_bytes());
    vec![
        ("proxy::Proxy", debug(&proxy)),
        ("proxy::ProxyCredentials", debug(&ProxyCredentials::new("user", SECRET).expect("credentials"))),
        ("proxy::ProxySelector", debug(&selector)),
        ("proxy::ProxyHandshake", shown),
        ("proxy::Connected", debug(&connected)),
        ("client::ForwardProxy", debug(&ForwardProxy::new(HeaderValue::new(SECRET.as_bytes()).ok()))),
    ]
}

fn of_responses() -> Vec<Shown> {
    let raw = || RawJson::string(SECRET);
    let mut metadata = ClientMetadata::new();
    metadata.set("x-codex-turn-state", SECRET);
    let payload = token(SECRET);
    let envelope = Envelope::scan(&payload).expect("an event");
    let text = delta(SECRET);
    let data = EventData::OutputTextDelta {
        item_id: None,
        output_index: None,
        content_index: None,
        delta: Cow::Borrowed(SECRET),
        logprobs: None,
        obfuscation: None,
    };
    let mut writer = ResponseWriter::new("resp_1", "gpt-x", 0);
    writer.text("msg_1", SECRET);
    writer.end_message();
    writer.text("msg_2", SECRET);
    let mut collector = Collector::new();
    collector.add(&ServerEvent::parse(&text).expect("an event"));
    let mut parser = EventParser::new();
    parser.parse(&text).expect("an event");
    let mut store = ResponseStore::new(StoreLimits::default());
    store.begin("resp_1");
    assert!(store.push("resp_1", &text));
    let mut calls = OpenCalls::default();
    calls.step(CallStep::Call(SECRET));
    let mut chains = Chains::new(1, 100);
    chains.remember(Some(SECRET), SECRET, calls.clone(), SECRET, 1);
    let mut headers = ResponseHeaders::default();
    headers.turn_state = Some(SECRET.into());
    let fields = MessageFields { metadata: &[("x-codex-turn-state", SECRET)], ..MessageFields::default() };
    let mut failure = Failure::from_http(500, &[], SECRET, None, None);
    failure.message = SECRET.into();
    vec![
        ("responses::RawJson", debug(&raw())),
        ("responses::ClientMetadata", debug(&metadata)),
        ("responses::Envelope", debug(&envelope)),
        ("responses::ServerEvent", debug(&[&payload, &text].map(|text| ServerEvent::parse(text).expect("an event")))),
        ("responses::EventData", debug(&data)),
        ("responses::EventParser", debug(&parser)),
        ("responses::Chains", debug(&chains)),
        ("responses::CallStep", debug(&CallStep::Call("call_1"))),
        ("responses::OpenCalls", debug(&calls)),
        ("responses::ResponseStore", debug(&store)),
        ("responses::ResponseWriter", debug(&writer)),
        ("responses::Collector", debug(&collector)),
        ("responses::ResponseHeaders", debug(&headers)),
        ("responses::ResponseInfo", debug(&ResponseInfo::Moderation(raw()))),
        ("responses::MessageFields", debug(&fields)),
        (
            "responses::RequestContext",
            debug(&RequestContext { attestation: Some(SECRET), ..RequestContext::default() }),
        ),
        ("responses::Failure", debug(&failure)),
    ]
}

/// Returns the output of connections. The server connection also yields the bytes of a handshake response.
fn of_connections() -> Vec<Shown> {
    let outgoing = OutgoingRequest::new("/", secret_headers(), SECRET.into(), ExpectedBody::Whole);
    let mut shown = vec![("connection::client::OutgoingRequest", debug(&outgoing))];
    let mut client = ClientConnection::new(client::Config::new("localhost"), Transport::Http, [1; 32]);
    client.send_request(NOW, outgoing).expect("it is idle");
    let head = secret_head("HTTP/1.1 200 OK");
    let head = String::from_utf8(head)
        .expect("text")
        .replace("\r\n\r\n", &format!("\r\nContent-Length: {}\r\n\r\n", SECRET.len()));
    client.handle_input(NOW, format!("{head}{SECRET}").as_bytes());
    shown.push(("connection::client::ClientConnection", debug(&client)));
    let mut events = String::new();
    while let Some(event) = client.poll_event() {
        events.push_str(&debug(&event));
    }
    assert!(events.contains("Body"), "{events}");
    let mut client = ClientConnection::new(client::Config::new("localhost"), Transport::Http, [1; 32]);
    let post = OutgoingRequest::new("/", Headers::new(), Vec::new(), ExpectedBody::EventStream);
    client.send_request(NOW, post).expect("it is idle");
    let stream = format!("HTTP/1.1 200 OK\r\n\r\ndata: {}\n\ndata: {SECRET}\n\n", delta(SECRET));
    client.handle_input(NOW, stream.as_bytes());
    while let Some(event) = client.poll_event() {
        events.push_str(&debug(&event));
    }
    assert!(events.contains("Server") && events.contains("Malformed"), "{events}");
    shown.push(("connection::client::Event", events));
    let body = format!("data: {}\n\ndata: {SECRET}\n\ndata: {SECRET}", delta(SECRET));
    let (mut decoder, mut input) = (EventDecoder::new(sse::Limits::default()), sse::Input::new(body.as_bytes()));
    let mut events = String::new();
    while let Some(event) = decoder.decode(&mut input).expect("within the limits") {
        events.push_str(&debug(&event));
    }
    assert!(events.contains("Server") && events.contains("Malformed"), "{events}");
    shown.push(("connection::StreamEvent", events));
    shown.push(("connection::EventDecoder", debug(&decoder)));
    let mut server = ServerConnection::new(server::Config::new(), [2; 32]);
    let head = String::from_utf8(secret_head("POST / HTTP/1.1")).expect("text");
    let head = head.replace("\r\n\r\n", &format!("\r\nContent-Length: {}\r\n\r\n", SECRET.len()));
    server.handle_input(NOW, format!("{head}{SECRET}{SECRET}").as_bytes());
    shown.push(("connection::server::ServerConnection", debug(&server)));
    let (mut events, mut owned) = (String::new(), String::new());
    while let Some(event) = server.poll_event() {
        events.push_str(&debug(&event));
        owned.push_str(&debug(&event.into_owned()));
    }
    assert!(events.contains("Request") && owned.contains("Request"), "{events}");
    shown.push(("connection::server::Event", events));
    shown.push(("connection::server::OwnedEvent", owned));
    shown
}

/// Records the `Debug` output of the request to sign.
#[derive(Debug, Default)]
struct Signer(Mutex<String>);

impl Sign for Signer {
    fn sign(&self, request: SignableRequest<'_>) -> Result<(), SignError> {
        self.0.lock().expect("a lock").push_str(&debug(&request));
        Ok(())
    }
}

fn of_configuration() -> Vec<Shown> {
    let mut provider = provider();
    provider.headers = owned(&[("x-mine", SECRET)]);
    let mut settings = Settings::default();
    settings.headers = owned(&[("x-mine", SECRET)]);
    settings.default_headers = owned(&[("x-mine", SECRET)]);
    let mut request = Request::from(ask(SECRET));
    request.headers = owned(&[("x-mine", SECRET)]);
    let mut operation = RawOperation::post("responses/compact", SECRET.into());
    operation.headers = owned(&[("x-mine", SECRET)]);
    let signer = Arc::new(Signer::default());
    let credentials = Credentials::Signer(signer.clone());
    let script = Script::new().on(Kind::Post, vec![Act::respond(500, "x")]);
    let mut pair = Pair::with(http_provider(), credentials, Settings::default(), script);
    pair.ask(ask(SECRET));
    pair.run_out();
    let signable = signer.0.lock().expect("a lock").clone();
    let mut turn = Turn::new();
    assert!(turn.set_once(SECRET), "a token");
    let credentials =
        [Credentials::bearer(SECRET), Credentials::Headers(vec![("x-api-key".into(), Secret::new(SECRET))])];
    vec![
        ("client::Secret", debug(&Secret::new(SECRET))),
        ("client::Credentials", debug(&credentials)),
        ("client::Provider", debug(&provider)),
        ("client::Settings", debug(&settings)),
        ("client::ClientSetup", debug(&ClientSetup::new(provider, settings).expect("a provider"))),
        ("client::Request", debug(&request)),
        ("client::RawOperation", debug(&operation)),
        ("client::SignableRequest", signable),
        ("turn::Turn", debug(&turn)),
    ]
}

fn of_clients() -> Vec<Shown> {
    let script = Script::new()
        .ws([vec![token(SECRET), delta(SECRET), done("a")], vec![delta(SECRET), done("b")]])
        .on(Kind::Post, vec![Act::respond(200, SECRET)]);
    let mut pair = Pair::with(provider(), Credentials::bearer(SECRET), Settings::default(), script);
    pair.ask(ask(SECRET));
    pair.run();
    let mut client = debug(&pair.client);
    pair.client.send(pair.now, ask(SECRET)).expect("a request");
    let mut borrowed = String::new();
    while let Some(event) = pair.client.poll_event() {
        borrowed.push_str(&debug(&event));
    }
    assert!(borrowed.contains("turn_token: Some("), "the token went with it: {borrowed}");
    client.push_str(&debug(&pair.client));
    pair.run_out();
    let operation = RawOperation::post("responses/compact", SECRET.into());
    pair.client.submit_raw(pair.now, operation).expect("an operation");
    pair.run_out();
    client.push_str(&debug(&pair.client));
    let outcomes: Vec<String> = pair
        .events
        .iter()
        .filter_map(|event| match event {
            OwnedEvent::Finished { outcome, .. } => Some(debug(outcome)),
            _ => None,
        })
        .collect();
    let outcomes = outcomes.concat();
    assert!(outcomes.contains("OperationCompleted") && outcomes.contains("Completed"), "{outcomes}");
    let owned_events = debug(&pair.events);
    for kind in ["Sent", "Server", "Connected"] {
        assert!(owned_events.contains(kind), "there is no event {kind}: {owned_events}");
    }
    vec![
        ("client::Client", client),
        ("client::Event", borrowed),
        // `Outcome` has the same implementation as `OwnedOutcome`.
        ("client::Outcome", outcomes.clone()),
        ("client::OwnedEvent", owned_events),
        ("client::OwnedOutcome", outcomes),
    ]
}
