//! A server in axum for an open network. `axum::serve` waits without end for a head and for a client that does not read; this accept
//! loop sets the limits of hyper, the number of connections and a deadline for writing, and shuts down gracefully.
//!
//! `cargo run -p turnwire-axum --example limits -- 127.0.0.1:8080`
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::routing::any;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Sleep, sleep, timeout};
use turnwire_axum::turnwire::connection::server::Config;
use turnwire_axum::{Exchange, Responses, SendError};

/// What hyper, axum and the sockets are limited to. `Config` has the limits of turnwire.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The number of connections. Further ones wait in the queue of the operating system.
    pub(crate) connections: usize,
    /// From the end of a response, or the start of the connection, to the end of the next head.
    pub(crate) head: Duration,
    /// The length of a head.
    pub(crate) head_bytes: usize,
    /// The number of header lines of a head.
    pub(crate) headers: usize,
    /// How long a client may read nothing while bytes wait to be written.
    pub(crate) write: Duration,
    /// How long running responses may take after `shutdown`.
    pub(crate) grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head: Duration::from_secs(30),
            head_bytes: 64 * 1024,
            headers: 128,
            write: Duration::from_secs(60),
            grace: Duration::from_secs(30),
        }
    }
}

/// Serves connections until `shutdown` is ready. `on_end` hears how each connection ended, or that it became a WebSocket.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
    on_end: impl Fn(hyper::Result<()>) + Clone + Send + 'static,
) {
    let connections = Arc::new(Semaphore::new(limits.connections));
    // Each socket holds a receiver, so that the sender knows when the last one is closed.
    let (stop, stopped) = watch::channel(());
    let mut shutdown = pin!(shutdown);
    loop {
        let accept = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, stream) = tokio::select! {
            (Ok(permit), Ok((stream, _))) = accept => (permit, stream),
            () = &mut shutdown => break,
            // There are no more file descriptors, for example.
            else => {
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let socket = Socket { stream, period: limits.write, until: None, _held: (permit, stopped.clone()) };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_header_size(limits.head_bytes)
            .max_headers(limits.headers)
            .serve_connection(TokioIo::new(socket), TowerToHyperService::new(app.clone()))
            .with_upgrades();
        let (on_end, mut stopped) = (on_end.clone(), stopped.clone());
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            tokio::select! {
                end = connection.as_mut() => return on_end(end),
                _ = stopped.changed() => connection.as_mut().graceful_shutdown(),
            }
            tokio::select! {
                end = connection => on_end(end),
                // The time is over: the connection is cut.
                _ = stopped.changed() => {}
            }
        });
    }
    // Another process may listen from now on.
    drop((listener, stopped));
    stop.send_replace(());
    let _ = timeout(limits.grace, stop.closed()).await;
}

/// A socket that fails once its peer has read nothing for a period, while bytes wait to be written.
struct Socket {
    stream: TcpStream,
    period: Duration,
    until: Option<Pin<Box<Sleep>>>,
    /// Until the socket is closed, also that of a WebSocket.
    _held: (OwnedSemaphorePermit, watch::Receiver<()>),
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.stream).poll_write(cx, bytes) {
            self.until = None;
            return Poll::Ready(written);
        }
        let period = self.period;
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(period)));
        until.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

async fn hello(exchange: Exchange) -> Result<(), SendError> {
    let mut response = exchange.respond("resp_1");
    response.begin().await?;
    response.text("msg_1", "Hello.").await?;
    response.complete(None).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config::new();
    config.max_body = 16 * 1024 * 1024;
    config.message_limits.message = config.max_body;
    let limits = Limits::default();
    let (stop, stopped) = watch::channel(());
    let grace = limits.grace;
    let responses = async move |responses: Responses| {
        let mut stopped = stopped;
        let signal = async move {
            let _ = stopped.changed().await;
        };
        responses.with_graceful_shutdown(signal, grace).serve(hello).await
    };
    let app = Router::new().route("/v1/responses", any(responses)).layer(Extension(config));
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".into());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on http://{}/v1", listener.local_addr()?);
    let shutdown = async {
        let _ = tokio::signal::ctrl_c().await;
        stop.send_replace(());
    };
    serve(listener, app, limits, shutdown, |_| ()).await;
    Ok(())
}
