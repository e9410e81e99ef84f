//! The extractor in an axum server on loopback, with turnwire's own client, and with clients that behave badly.

mod background;
mod history;

use core::future::pending;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::any;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use turnwire::client::{Credentials, Event, Outcome, Provider, Request, Settings, TransportPreference};
use turnwire::connection::Transport;
use turnwire::proxy::ProxySelector;
use turnwire::responses::{CreateResponse, ErrorObject, FailureKind, FunctionCall, Item, ResponseCommand, ToolOutput};
use turnwire_axum::{Exchange, Responses, SendError};
use turnwire_tokio::{Client, ClientBuilder, Turn};

const TRANSPORTS: [TransportPreference; 2] = [TransportPreference::WebSocket, TransportPreference::Http];
const SOON: Duration = Duration::from_secs(10);

/// Starts a server with this handler. Returns its address.
async fn start<H, F>(handler: H) -> String
where
    H: Fn(Exchange) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), SendError>> + Send + 'static,
{
    start_with(move |responses| responses, handler).await
}

async fn start_with<H, F>(change: impl Fn(Responses) -> Responses + Clone + Send + Sync + 'static, handler: H) -> String
where
    H: Fn(Exchange) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), SendError>> + Send + 'static,
{
    let serve = move |responses: Responses| async move { change(responses).serve(handler).await };
    let app: Router = Router::new().route("/v1/responses", any(serve));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn client(transport: TransportPreference, address: &str) -> Client {
    let mut settings = Settings::default();
    settings.transport = transport;
    let mut provider = Provider::new("test", &format!("http://{address}/v1"));
    provider.retry.max_retries = 0;
    provider.capabilities.max_concurrent_requests = 16;
    let builder = ClientBuilder::default().proxies(ProxySelector::new());
    builder.build(provider, Credentials::bearer("key"), settings).expect("a client")
}

fn question() -> CreateResponse {
    CreateResponse::new("gpt-x", "hi")
}

/// What the server saw of a request.
#[derive(Debug, PartialEq)]
struct Seen {
    transport: Transport,
    token: Option<String>,
    items: usize,
    authorized: bool,
}

/// A tool call, then the output of the tool as text.
async fn call_then_text(exchange: Exchange, seen: Arc<Mutex<Vec<Seen>>>) -> Result<(), SendError> {
    let (token, input) = (exchange.turn_token().map(ToOwned::to_owned), exchange.request().input.clone());
    let authorized = exchange.head().headers["authorization"] == "Bearer key";
    seen.lock().expect("no panic").push(Seen {
        transport: exchange.transport(),
        token,
        items: input.len(),
        authorized,
    });
    let number = seen.lock().expect("no panic").len();
    let needs_token = exchange.turn_token().is_none();
    let mut response = exchange.respond(&format!("resp_{number}"));
    if needs_token {
        response.turn_token(&format!("ts-{number}")).await?;
    }
    response.begin().await?;
    match input.last() {
        Some(Item::FunctionCallOutput(output)) => {
            let ToolOutput::Text(text) = &output.output else { panic!("{output:?}") };
            response.text("msg_1", text).await?;
            response.text("msg_1", "!").await?;
        }
        _ => response.item(&FunctionCall::new(&format!("call_{number}"), "tool", "{}").into()).await?,
    }
    response.complete(None).await
}

#[tokio::test]
async fn two_turns_with_tool_and_turn_token_succeed_on_both_transports() {
    for transport in TRANSPORTS {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        let address = start(move |exchange| call_then_text(exchange, Arc::clone(&record))).await;
        let mut client = client(transport, &address);
        let mut request = Request::from(question());
        for turn in 0..2 {
            let mut guard = client.turn().expect("a turn");
            let run = guard.run_tools(&mut request, 5, async |call| format!("{} {}", call.name(), call.call_id()));
            let response = timeout(SOON, run).await.expect("in time").expect("a response");
            assert_eq!(response.output_text(), format!("tool call_{}!", 1 + 2 * turn));
            assert_eq!(guard.token(), Some(format!("ts-{}", 1 + 2 * turn)).as_deref());
            request.body.input.push(Item::user("again"));
        }
        let seen = seen.lock().expect("no panic");
        let wire = if transport == TransportPreference::Http { Transport::Http } else { Transport::WebSocket };
        // On a WebSocket, each request has only what the server does not know.
        let items = if wire == Transport::Http { [1, 3, 5, 7] } else { [1, 1, 1, 1] };
        for (at, seen) in seen.iter().enumerate() {
            let token = [None, Some("ts-1"), None, Some("ts-3")][at].map(ToOwned::to_owned);
            assert_eq!(*seen, Seen { transport: wire, token, items: items[at], authorized: true }, "request {at}");
        }
        assert_eq!(seen.len(), 4);
    }
}

#[tokio::test]
async fn rejected_and_unfinished_requests_fail() {
    let handler = async |exchange: Exchange| {
        let text = exchange.text().to_owned();
        if text.contains("reject") {
            let error = ErrorObject::new("insufficient_quota", "No money.");
            return exchange.reject(429, error).await;
        }
        let mut response = exchange.respond("resp_1");
        if text.contains("begin") {
            response.begin().await?;
            response.text("msg_1", "half").await?;
        }
        assert!(!text.contains("panic"), "the handler panics");
        // The response is not ended.
        Ok(())
    };
    for transport in TRANSPORTS {
        let address = start(handler).await;
        let mut client = client(transport, &address);
        let mut turn = client.turn().expect("a turn");
        let failure = turn.ask(CreateResponse::new("gpt-x", "reject")).await.expect_err("a rejection");
        assert_eq!((failure.kind, failure.status), (FailureKind::QuotaExceeded, Some(429)), "{failure}");
        for text in ["begin", "nothing"] {
            let failure = timeout(SOON, turn.ask(CreateResponse::new("gpt-x", text))).await.expect("in time");
            assert_eq!(failure.expect_err("a failure").code.as_deref(), Some("server_error"), "{text}");
        }
    }
    // On a WebSocket, a handler that panics ends its own response only.
    let address = start(handler).await;
    let mut client = client(TransportPreference::WebSocket, &address);
    let mut turn = client.turn().expect("a turn");
    let failure = timeout(SOON, turn.ask(CreateResponse::new("gpt-x", "panic"))).await.expect("in time");
    assert_eq!(failure.expect_err("a failure").code.as_deref(), Some("server_error"));
}

/// Sends until the client is gone, and says so.
struct Gone(Arc<Notify>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Sends the question, and waits for the first event of the response.
async fn begin(turn: &mut Turn<'_>) {
    turn.send(question()).expect("a request");
    while let Some(event) = turn.next().await {
        if matches!(event, Event::Server { .. }) {
            break;
        }
    }
}

#[tokio::test]
async fn handler_is_dropped_when_client_leaves() {
    for transport in TRANSPORTS {
        let gone = Arc::new(Notify::new());
        let notify = Arc::clone(&gone);
        let address = start(move |exchange| {
            let gone = Gone(Arc::clone(&notify));
            async move {
                let mut response = exchange.respond("resp_1");
                response.begin().await?;
                let () = pending().await;
                drop(gone);
                Ok(())
            }
        })
        .await;
        let mut client = client(transport, &address);
        let mut turn = client.turn().expect("a turn");
        begin(&mut turn).await;
        drop(turn);
        drop(client);
        timeout(SOON, gone.notified()).await.expect("the handler is dropped");
    }
}

#[tokio::test]
async fn handler_waits_while_client_does_not_read() {
    for transport in TRANSPORTS {
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let address = start(move |exchange| {
            let count = Arc::clone(&count);
            async move {
                let mut response = exchange.respond("resp_1");
                response.begin().await?;
                let delta = "x".repeat(16 * 1024);
                for _ in 0..100_000 {
                    response.text("msg_1", &delta).await?;
                    count.fetch_add(1, Ordering::SeqCst);
                }
                response.complete(None).await
            }
        })
        .await;
        let mut client = client(transport, &address);
        let mut turn = client.turn().expect("a turn");
        begin(&mut turn).await;
        // The client reads no more. The handler stops once all buffers are full: those of the sockets hold a few MiB.
        let mut before = usize::MAX;
        while before != sent.load(Ordering::SeqCst) {
            before = sent.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(before < 4000, "{transport:?}: {before} deltas of 16 KiB");
    }
}

#[tokio::test]
async fn lanes_run_at_the_same_time_and_commands_reach_their_handler() {
    let (sender, mut commands) = mpsc::channel(1);
    let address = start(move |exchange| {
        let sender = sender.clone();
        async move {
            let lane = exchange.lane().map(ToOwned::to_owned);
            let (mut response, mut listener) =
                exchange.respond_and_listen(&format!("resp_{}", lane.as_deref().unwrap_or_default()));
            response.begin().await?;
            if lane.as_deref() == Some("slow") {
                let command = listener.recv().await;
                let is_interrupt = matches!(command, Some(ResponseCommand::Interrupt { .. }));
                sender.send(is_interrupt).await.map_err(|_| SendError)?;
                return response.interrupted(None).await;
            }
            response.complete(None).await
        }
    })
    .await;
    let mut client = client(TransportPreference::WebSocket, &address);
    let mut turn = client.turn().expect("a turn");
    let slow = turn.send(Request::from(question()).on_lane("slow")).expect("a request");
    let quick = turn.send(Request::from(question()).on_lane("quick")).expect("a request");
    let mut ends = Vec::new();
    while let Some(event) = timeout(SOON, turn.next()).await.expect("in time") {
        if let Event::Finished { id, outcome, .. } = event {
            ends.push((id, matches!(outcome, Outcome::Completed(_)), matches!(outcome, Outcome::Cancelled)));
            if id == quick {
                turn.interrupt(slow).expect("it runs");
            }
        }
    }
    assert_eq!(ends, [(quick, true, false), (slow, false, true)]);
    assert_eq!(commands.recv().await, Some(true));
}

#[tokio::test]
async fn graceful_shutdown_ends_websocket_after_running_response() {
    let (signal, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (shutdown, finish) = (Arc::clone(&signal), Arc::clone(&go_on));
    let change = move |responses: Responses| {
        let shutdown = Arc::clone(&shutdown);
        responses.with_graceful_shutdown(async move { shutdown.notified().await }, SOON)
    };
    let address = start_with(change, move |exchange| {
        let finish = Arc::clone(&finish);
        async move {
            let mut response = exchange.respond("resp_1");
            response.begin().await?;
            finish.notified().await;
            response.complete(None).await
        }
    })
    .await;
    let mut client = client(TransportPreference::WebSocket, &address);
    let mut turn = client.turn().expect("a turn");
    let response = turn.ask_with(question(), |event| {
        if matches!(event, Event::Server { event, .. } if event.kind() == "response.created") {
            signal.notify_one();
            go_on.notify_one();
        }
    });
    let response = timeout(SOON, response).await.expect("in time").expect("the running response ends");
    assert_eq!(response.status.as_deref(), Some("completed"));
    drop(turn);
    let disconnected = async {
        while let Some(event) = client.next().await {
            if matches!(event, Event::Disconnected(_)) {
                return;
            }
        }
    };
    timeout(SOON, disconnected).await.expect("the server closes");
}

/// Sends bytes to the server, and returns what it responds until it closes the connection.
async fn exchange_bytes(address: &str, request: &str) -> String {
    let (address, request) = (address.to_owned(), request.to_owned());
    let response = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).expect("a server");
        stream.set_read_timeout(Some(SOON)).expect("a timeout");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut response = Vec::new();
        stream.read_to_end(&mut response).expect("a response in time");
        response
    });
    String::from_utf8(response.await.expect("no panic")).expect("text")
}

fn post(body: &str, fields: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    )
}

async fn hello(exchange: Exchange) -> Result<(), SendError> {
    let mut response = exchange.respond("resp_1");
    response.begin().await?;
    response.text("msg_1", "Hello.").await?;
    response.complete(None).await
}

#[tokio::test]
async fn post_without_stream_gets_one_object() {
    let address = start(hello).await;
    let response = exchange_bytes(&address, &post(r#"{"model":"gpt-x","input":"hi"}"#, "")).await;
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("application/json"), "{head}");
    let response = turnwire::responses::Response::parse(body).expect("a response");
    assert_eq!((response.output_text().as_str(), response.status.as_deref()), ("Hello.", Some("completed")));
}

#[tokio::test]
async fn event_stream_tells_proxies_to_pass_it_on() {
    let address = start(hello).await;
    let response = exchange_bytes(&address, &post(r#"{"model":"gpt-x","input":"hi","stream":true}"#, "")).await;
    let (head, body) = response.split_once("\r\n\r\n").expect("a head");
    for line in ["content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"] {
        assert!(head.to_ascii_lowercase().contains(line), "{head}");
    }
    assert!(
        body.contains("event: response.created\ndata: {") && body.contains("event: response.completed\n"),
        "{body}"
    );
}

#[tokio::test]
async fn invalid_requests_are_rejected_with_an_error_object() {
    let address = start(hello).await;
    let handshake =
        "GET /v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n";
    for (request, status) in [
        (post("nonsense", ""), 400),
        (post("[]", ""), 400),
        (post("{}", "Content-Encoding: zstd\r\n"), 415),
        ("DELETE /v1/responses HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned(), 405),
    ] {
        let response = exchange_bytes(&address, &request).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response}");
        assert!(
            response.contains(r#"{"error":{"type":"invalid_request_error","code":"invalid_request""#),
            "{response}"
        );
    }
    let response = exchange_bytes(&address, handshake).await;
    assert!(response.starts_with("HTTP/1.1 4"), "{response}");
}
