//! A client and a server that drop the future of `next()` each time that it returns `Pending`, over sockets that return
//! `Pending` before every step.

use core::future::{Future as _, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_lite::future::zip;
use turnwire::client::{ConnectError, ConnectTarget};
use turnwire::connection::ServerConnection;
use turnwire::time::Instant;
use turnwire_cli::serve::config;
use turnwire_driver::{ClientDriver, Io, ServerDriver};
use turnwire_rustls::TlsIo;

use crate::endpoints::{self, Application, Listening, ServerLogic};
use crate::setup::TransportSetup;

/// Returns `Pending` for every other call of each method, and wakes the task at once.
struct AlternatingPending<I> {
    io: I,
    /// One flag per method: with a shared flag, a method could be `Pending` for ever.
    was_pending: [bool; 4],
}

impl<I: Io> AlternatingPending<I> {
    const fn new(io: I) -> Self {
        Self { io, was_pending: [false; 4] }
    }

    fn becomes_pending(&mut self, method: usize, cx: &Context<'_>) -> bool {
        self.was_pending[method] = !self.was_pending[method];
        if self.was_pending[method] {
            cx.waker().wake_by_ref();
        }
        self.was_pending[method]
    }
}

impl<I: Io> Io for AlternatingPending<I> {
    fn now(&self) -> Instant {
        self.io.now()
    }

    fn poll_connect(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<(), ConnectError>> {
        if self.becomes_pending(0, cx) { Poll::Pending } else { self.io.poll_connect(cx, target) }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.becomes_pending(1, cx) {
            return Poll::Pending;
        }
        // Short reads, so that events are split.
        let length = buffer.len().min(61);
        self.io.poll_read(cx, &mut buffer[..length])
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.becomes_pending(2, cx) { Poll::Pending } else { self.io.poll_write(cx, &bytes[..bytes.len().min(61)]) }
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, until: Option<Instant>) -> Poll<()> {
        self.io.poll_wait(cx, until)
    }

    fn disconnect(&mut self) {
        self.io.disconnect();
    }
}

/// Polls a future that is created anew for every poll, and dropped when it returns `Pending`.
async fn dropping<T>(drops: &mut usize, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    poll_fn(|cx| {
        let result = poll(cx);
        *drops += usize::from(result.is_pending());
        result
    })
    .await
}

/// Runs the client.
async fn run_client<I: Io, P: Application>(driver: &mut ClientDriver<I>, application: &mut P, drops: &mut usize) {
    loop {
        application.command(driver.now(), driver.client());
        let goes_on = dropping(drops, |cx| {
            pin!(driver.next()).poll(cx).map(|event| event.map(|event| application.handle_event(&event)).is_some())
        });
        if !goes_on.await {
            return;
        }
    }
}

/// Runs the server for one socket.
async fn serve<I: Io, H: ServerLogic>(server: &mut ServerDriver<I>, socket: usize, logic: &H, drops: &mut usize) {
    loop {
        let now = server.now();
        let received = dropping(drops, |cx| {
            pin!(server.next())
                .poll(cx)
                .map(|incoming| incoming.map(|incoming| logic.handle_event(now, socket, &incoming)))
        });
        let Some(received) = received.await else { return };
        if logic.answer(now, server.connection(), received).is_break() {
            // Writes the rest of the output before the socket is dropped.
            poll_fn(|cx| {
                let _ = pin!(server.next()).poll(cx);
                if server.connection().poll_transmit().is_empty() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            return;
        }
    }
}

/// Runs a conversation with both ends in one future, with the sockets of any runtime.
async fn run<I: Io, P: Application, H: ServerLogic>(
    setup: TransportSetup,
    address: SocketAddr,
    (application, logic): (&mut P, &H),
    socket: I,
    accept: impl AsyncFn() -> I,
) {
    let (trust, shown) = setup.tls();
    let (listening, mut asked, mut served) = (Listening::new(address), 0, 0);
    let serving = async {
        for socket in 0.. {
            let accepted = accept().await;
            if listening.is_closed() {
                return;
            }
            let io = TlsIo::accepted(AlternatingPending::new(accepted), shown.clone()).expect("a session");
            let mut server = ServerDriver::new(ServerConnection::new(config(true), [4; 32]), io);
            serve(&mut server, socket, logic, &mut served).await;
        }
    };
    let asking = async {
        let io = TlsIo::with_config(AlternatingPending::new(socket), trust);
        let mut driver = ClientDriver::new(endpoints::client(setup, address, application), io);
        run_client(&mut driver, application, &mut asked).await;
        listening.close();
    };
    zip(serving, asking).await;
    assert!(asked > 10 && served > 10, "the client dropped {asked} futures, the server {served}");
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run_on_tokio<P: Application, H: ServerLogic>(
    setup: TransportSetup,
    application: &mut P,
    logic: &Arc<H>,
) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let accept = async || turnwire_tokio::TcpIo::from_stream(listener.accept().await.expect("a client").0);
    run(setup, address, (application, &**logic), turnwire_tokio::TcpIo::new(), accept).await;
}

pub(crate) fn run_on_smol<P: Application, H: ServerLogic>(setup: TransportSetup, application: &mut P, logic: &Arc<H>) {
    smol::block_on(run_on_async_io(setup, application, logic));
}

pub(crate) fn run_on_async_std<P: Application, H: ServerLogic>(
    setup: TransportSetup,
    application: &mut P,
    logic: &Arc<H>,
) {
    async_std::task::block_on(run_on_async_io(setup, application, logic));
}

async fn run_on_async_io<P: Application, H: ServerLogic>(setup: TransportSetup, application: &mut P, logic: &Arc<H>) {
    let (listener, address) = crate::async_io::listen();
    let accept = async || turnwire_async_std::TcpIo::from_stream(listener.accept().await.expect("a client").0);
    run(setup, address, (application, &**logic), turnwire_async_std::TcpIo::new(), accept).await;
}
