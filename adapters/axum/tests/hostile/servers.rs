//! The servers. The `model` of a request says what they do: `hello` gets a text, `long` one without end, and `wait` nothing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::sleep;
use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::any;
use axum::{Extension, Router};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, Semaphore};
use turnwire::connection::server::{Config, Event};
use turnwire::http::Headers;
use turnwire::responses::{ClientEvent, CreateResponse, ResponseWriter, ServerEvent};
use turnwire_axum::{Exchange, Responses, SendError, turnwire};
use turnwire_driver::{Io, ServerDriver, Wake};

use crate::limits::{self, Limits};

pub(crate) const ALL: [Kind; 2] = [Kind::Tokio, Kind::Axum];

/// How long a test waits for what must happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The length of a delta of `long`.
pub(crate) const DELTA: usize = 16 * 1024;

const MAX_UNSENT: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tokio,
    Axum,
}

/// What a server has seen and done.
#[derive(Clone, Default)]
struct Shared {
    requests: Arc<Mutex<Vec<String>>>,
    running: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

/// A response in progress.
struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    fn saw(&self, method: &str, target: &str, body: &[u8]) {
        let request = format!("{method} {target} {}", String::from_utf8_lossy(body));
        self.requests.lock().expect("no panic").push(request);
    }

    fn run(&self) -> Running {
        self.running.fetch_add(1, Ordering::SeqCst);
        Running(Arc::clone(&self.running))
    }
}

pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    shared: Shared,
    ends: mpsc::Receiver<String>,
    stop: Arc<Notify>,
    _runtime: Runtime,
}

impl Kind {
    pub(crate) fn start(self) -> Server {
        self.start_with(|_, _| ())
    }

    /// Starts a server with other limits than the defaults.
    pub(crate) fn start_with(self, change: impl FnOnce(&mut Config, &mut Limits)) -> Server {
        let (mut config, mut limits) = (Config::new(), Limits::default());
        change(&mut config, &mut limits);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Shared::default();
        let (sender, ends) = mpsc::channel();
        let stop = Arc::new(Notify::new());
        match self {
            Self::Tokio => runtime.spawn(serve_tokio(listener, config, limits.connections, shared.clone(), sender)),
            Self::Axum => {
                runtime.spawn(serve_axum(listener, config, limits, shared.clone(), sender, Arc::clone(&stop)))
            }
        };
        Server { kind: self, address, shared, ends, stop, _runtime: runtime }
    }
}

impl Server {
    /// Returns the requests so far: method, target and body of each.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().expect("no panic").clone()
    }

    /// Returns the number of deltas that were sent of responses without end.
    pub(crate) fn sent(&self) -> usize {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// Waits until this number of responses is in progress.
    pub(crate) fn wait_for_running(&self, count: usize) {
        let until = Instant::now() + SOON;
        while self.shared.running.load(Ordering::SeqCst) != count {
            assert!(
                Instant::now() < until,
                "{:?}: {} run, not {count}",
                self.kind,
                self.shared.running.load(Ordering::SeqCst)
            );
            sleep(Duration::from_millis(5));
        }
    }

    /// Shuts the server in axum down gracefully.
    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }

    /// Returns why the next connection ended: the reason of the core, or the error of hyper, or nothing if there was none.
    pub(crate) fn end(&self) -> String {
        self.ends.recv_timeout(SOON).expect("a connection ends")
    }

    /// Checks why the next connection ended.
    pub(crate) fn assert_end(&self, of_core: &str, of_hyper: &str) {
        let (end, expected) = (self.end(), if self.kind == Kind::Tokio { of_core } else { of_hyper });
        assert!(end.contains(expected), "{:?}: ended because of `{end}`, not `{expected}`", self.kind);
    }
}

async fn serve_axum(
    listener: TcpListener,
    config: Config,
    limits: Limits,
    shared: Shared,
    ends: mpsc::Sender<String>,
    stop: Arc<Notify>,
) {
    let (handled, echoed) = (shared.clone(), shared);
    let responses =
        async move |responses: Responses| responses.serve(move |exchange| respond(exchange, handled.clone())).await;
    let echo = async move |request: Request| {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|_| StatusCode::BAD_REQUEST)?;
        echoed.saw(parts.method.as_str(), parts.uri.path(), &body);
        Ok::<_, StatusCode>(body)
    };
    let app = Router::new().route("/v1/responses", any(responses)).layer(Extension(config)).fallback(echo);
    let on_end = move |end: hyper::Result<()>| {
        // The test may be over.
        let _ = ends.send(end.err().map_or_else(String::new, |error| format!("{error:?}")));
    };
    limits::serve(listener, app, limits, stop.notified(), on_end).await;
}

async fn respond(exchange: Exchange, shared: Shared) -> Result<(), SendError> {
    let _running = shared.run();
    let model = exchange.request().model.clone();
    shared.saw("create", &model, b"");
    let mut response = exchange.respond("resp_1");
    response.begin().await?;
    match model.as_str() {
        "wait" => std::future::pending().await,
        "long" => loop {
            response.text("msg_1", &"x".repeat(DELTA)).await?;
            shared.sent.fetch_add(1, Ordering::SeqCst);
        },
        _ => {
            response.text("msg_1", "Hello.").await?;
            response.complete(None).await
        }
    }
}

async fn serve_tokio(
    listener: TcpListener,
    config: Config,
    connections: usize,
    shared: Shared,
    ends: mpsc::Sender<String>,
) {
    let connections = Arc::new(Semaphore::new(connections));
    loop {
        let permit = Arc::clone(&connections).acquire_owned().await;
        let (stream, _) = listener.accept().await.expect("a connection");
        let server = turnwire_tokio::accept(stream, config.clone(), None).expect("no TLS");
        let (shared, ends) = (shared.clone(), ends.clone());
        tokio::spawn(async move {
            // The test may be over.
            let _ = ends.send(serve_connection(server, shared).await);
            drop(permit);
        });
    }
}

/// What a connection of the tokio server does at the moment.
#[derive(Default)]
struct Job {
    running: Option<Running>,
    /// The writer of a response without end.
    long: Option<ResponseWriter>,
    is_stream: bool,
}

/// Serves a connection, and returns why it ended.
async fn serve_connection<I: Io>(mut server: ServerDriver<I>, shared: Shared) -> String {
    let mut job = Job::default();
    let mut reason = String::new();
    loop {
        if server.wait(job.long.is_some().then_some(MAX_UNSENT), None).await == Wake::Writable {
            let Some(writer) = &mut job.long else { continue };
            for event in writer.text("msg_1", &"x".repeat(DELTA)) {
                let now = server.now();
                // Fails only on a connection that is closing.
                let _ = server.connection().send(now, &event.to_json());
            }
            shared.sent.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        let model = match server.next().await {
            None => return reason,
            Some(Event::Closed(closed)) => {
                reason = format!("{closed:?}");
                job = Job::default();
                continue;
            }
            Some(Event::Upgrade { .. }) => {
                let now = server.now();
                let _ = server.connection().accept(now, &Headers::new());
                continue;
            }
            Some(Event::Request { head, body }) if head.target() == "/v1/responses" => {
                let model = core::str::from_utf8(body).ok().and_then(|body| CreateResponse::parse(body).ok());
                let now = server.now();
                let _ = server.connection().begin_stream(now, &Headers::new());
                job.is_stream = true;
                model.map(|request| request.model)
            }
            Some(Event::Request { head, body }) => {
                shared.saw(head.method(), head.target(), body);
                let body = body.to_vec();
                let now = server.now();
                let _ = server.connection().respond(now, 200, &Headers::new(), &body);
                continue;
            }
            Some(Event::Text { text, .. }) => match ClientEvent::parse(text) {
                Ok(ClientEvent::Create(create)) => Some(create.request.model),
                _ => None,
            },
            Some(_) => continue,
        };
        let model = model.unwrap_or_default();
        shared.saw("create", &model, b"");
        job.running = Some(shared.run());
        let mut writer = ResponseWriter::new("resp_1", &model, 0);
        let mut events: Vec<ServerEvent<'_>> = writer.begin();
        match model.as_str() {
            "wait" => {}
            "long" => job.long = Some(writer),
            _ => {
                events.extend(writer.text("msg_1", "Hello."));
                events.extend(writer.complete(None, None));
                job.running = None;
            }
        }
        let now = server.now();
        for event in events {
            let _ = server.connection().send(now, &event.to_json());
        }
        if job.running.is_none() && job.is_stream {
            let _ = server.connection().end_stream(now);
        }
    }
}
