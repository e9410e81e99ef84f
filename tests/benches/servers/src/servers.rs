//! The servers. The `model` of a request says what is sent: `short`; `paced-COUNT-MILLIS`, a delta each time, with the time at which it
//! was due; `flood`, deltas of 16 KiB without end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, interval_at, timeout};
use turnwire::connection::server::{Config, Event};
use turnwire::http::Headers;
use turnwire::responses::{ClientEvent, CreateResponse, EventData, ResponseWriter, ServerEvent};
use turnwire_axum::{Exchange, Responses, SendError};
use turnwire_driver::Wake;
use turnwire_tokio::Server;

use crate::limits::{self, Limits};
use crate::load::micros;
use crate::plain;

/// The text of a delta, behind the time at which it was due.
pub(crate) const WORDS: &str = "some words of the answer ";

const FLOOD: usize = 16 * 1024;
const MAX_UNSENT: usize = 64 * 1024;

/// What a request asks for.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    Short,
    Paced { count: u64, period: Duration },
    Flood,
}

impl Work {
    pub(crate) fn of(model: &str) -> Self {
        let mut words = model.split('-');
        match words.next() {
            Some("paced") => {
                let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
                Self::Paced { count: number(), period: Duration::from_millis(number()) }
            }
            Some("flood") => Self::Flood,
            _ => Self::Short,
        }
    }
}

/// The times at which deltas are due.
pub(crate) struct Pace {
    ticks: Interval,
    first: u64,
    period: Duration,
    number: u64,
    pub(crate) left: u64,
}

impl Pace {
    pub(crate) fn new(count: u64, period: Duration) -> Self {
        let first = Instant::now() + period;
        let first_micros = micros() + u64::try_from(period.as_micros()).expect("a short period");
        Self { ticks: interval_at(first, period), first: first_micros, period, number: 0, left: count }
    }

    /// Waits until the next delta is due, and returns its text.
    pub(crate) async fn next(&mut self) -> String {
        self.ticks.tick().await;
        let due = self.first + self.number * u64::try_from(self.period.as_micros()).expect("a short period");
        self.number += 1;
        self.left -= 1;
        format!("@{due} {WORDS}")
    }
}

/// Runs a server until SIGINT, and then for at most `grace` seconds.
pub(crate) fn run(kind: &str, port: &str, grace: u64) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = listen(port.parse().expect("a port"));
        let (stop, stopped) = watch::channel(());
        tokio::spawn(async move {
            let _ = tokio::signal::ctrl_c().await;
            stop.send_replace(());
            // The receivers see the value, not the end of the sender.
            stop.closed().await;
        });
        let grace = Duration::from_secs(grace);
        match kind {
            "turnwire-tokio" => serve_tokio(listener, stopped, grace).await,
            "turnwire-axum" => serve_axum(listener, stopped, grace).await,
            "axum" => plain::serve(listener, stopped, grace).await,
            other => panic!("no server is called {other}"),
        }
    });
}

/// Listens with `SO_REUSEPORT`, so that the next server listens before this one has ended.
fn listen(port: u16) -> TcpListener {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_reuseport(true).expect("Linux");
    socket.set_reuseaddr(true).expect("a socket");
    socket.bind(([127, 0, 0, 1], port).into()).expect("the port is free");
    socket.listen(4096).expect("a socket")
}

async fn serve_axum(listener: TcpListener, stopped: watch::Receiver<()>, grace: Duration) {
    let stop = stopped.clone();
    let responses = async move |responses: Responses| {
        let mut stopped = stop;
        let signal = async move {
            let _ = stopped.changed().await;
        };
        responses.with_graceful_shutdown(signal, grace).serve(respond).await
    };
    let app = Router::new().route("/v1/responses", any(responses));
    let limits = Limits { connections: 100_000, grace: grace + Duration::from_millis(500), ..Limits::default() };
    limits::serve(listener, app, limits, stopped_by(stopped), |_| ()).await;
}

pub(crate) async fn stopped_by(mut stopped: watch::Receiver<()>) {
    let _ = stopped.changed().await;
}

async fn respond(exchange: Exchange) -> Result<(), SendError> {
    let work = Work::of(&exchange.request().model);
    let mut response = exchange.respond("resp_1");
    response.begin().await?;
    match work {
        Work::Short => response.text("msg_1", WORDS).await?,
        Work::Paced { count, period } => {
            let mut pace = Pace::new(count, period);
            while pace.left > 0 {
                let text = pace.next().await;
                response.text("msg_1", &text).await?;
            }
        }
        Work::Flood => loop {
            response.event(flood()).await?;
        },
    }
    response.complete(None).await
}

async fn serve_tokio(listener: TcpListener, stopped: watch::Receiver<()>, grace: Duration) {
    let (alive, mut ended) = mpsc::channel::<()>(1);
    let mut stop = stopped.clone();
    let config = Arc::new(Config::new());
    loop {
        let stream = tokio::select! {
            Ok((stream, _)) = listener.accept() => stream,
            _ = stop.changed() => break,
        };
        let server = turnwire_tokio::accept(stream, (*config).clone(), None).expect("no TLS");
        let (alive, stopped) = (alive.clone(), stopped.clone());
        tokio::spawn(async move {
            serve_connection(server, stopped, grace).await;
            drop(alive);
        });
    }
    drop((alive, listener));
    // Until all connections have ended.
    let _ = timeout(grace + Duration::from_secs(2), ended.recv()).await;
}

/// The response in progress.
struct Job {
    writer: ResponseWriter,
    pace: Option<Pace>,
}

async fn serve_connection(mut server: Server, mut stopped: watch::Receiver<()>, grace: Duration) {
    let (mut job, mut is_stream, mut stops) = (None::<Job>, false, false);
    loop {
        let floods = matches!(&job, Some(Job { pace: None, .. }));
        let paced = async {
            match &mut job {
                Some(Job { pace: Some(pace), writer }) => {
                    let text = pace.next().await;
                    let mut events = writer.text("msg_1", &text);
                    if pace.left == 0 {
                        let ended = core::mem::replace(writer, ResponseWriter::new("", "", 0));
                        events.extend(ended.complete(None, None));
                    }
                    (events, pace.left == 0)
                }
                _ => core::future::pending().await,
            }
        };
        let model = tokio::select! {
            (events, is_end) = paced => {
                send(&mut server, &events, is_end && is_stream);
                if is_end {
                    job = None;
                }
                continue;
            }
            wake = server.wait(floods.then_some(MAX_UNSENT), None) => match (wake, &mut job) {
                (Wake::Writable, Some(job)) => {
                    let event = job.writer.event(flood());
                    send(&mut server, &[event], false);
                    continue;
                }
                (Wake::Event, _) => match server.next().await {
                    None => return,
                    Some(Event::Upgrade { .. }) => {
                        let now = server.now();
                        server.connection().accept(now, &Headers::new()).expect("it was asked for");
                        continue;
                    }
                    Some(Event::Request { body, .. }) => {
                        let body = core::str::from_utf8(body).ok().and_then(|body| CreateResponse::parse(body).ok());
                        let now = server.now();
                        server.connection().begin_stream(now, &Headers::new()).expect("a request waits");
                        is_stream = true;
                        body.map(|request| request.model)
                    }
                    Some(Event::Text { text, .. }) => match ClientEvent::parse(text) {
                        Ok(ClientEvent::Create(create)) => Some(create.request.model),
                        _ => None,
                    },
                    Some(Event::Closed(_)) => {
                        job = None;
                        continue;
                    }
                    Some(_) => continue,
                },
                (Wake::Closed, _) => return,
                _ => continue,
            },
            _ = stopped.changed(), if !stops => {
                stops = true;
                server.shut_down_gracefully(grace);
                continue;
            }
        };
        let model = model.unwrap_or_default();
        let mut writer = ResponseWriter::new("resp_1", &model, 0);
        let mut events = writer.begin();
        let pace = match Work::of(&model) {
            Work::Short => {
                events.extend(writer.text("msg_1", WORDS));
                events.extend(writer.complete(None, None));
                send(&mut server, &events, is_stream);
                continue;
            }
            Work::Paced { count, period } => Some(Pace::new(count, period)),
            Work::Flood => None,
        };
        send(&mut server, &events, false);
        job = Some(Job { writer, pace });
    }
}

/// A delta by itself: the writer of a response keeps the text of its messages, and this one has no end.
fn flood() -> EventData<'static> {
    let delta = format!(r#"{{"type":"response.output_text.delta","item_id":"msg_1","delta":"{}"}}"#, "x".repeat(FLOOD));
    ServerEvent::parse(&delta).expect("an event").into_owned().data
}

/// Sends events. They cannot be sent only on a connection that is closing, which ends the response.
fn send(server: &mut Server, events: &[ServerEvent<'_>], ends_stream: bool) {
    let now = server.now();
    for event in events {
        let _ = server.connection().send(now, &event.to_json());
    }
    if ends_stream {
        let _ = server.connection().end_stream(now);
    }
}
