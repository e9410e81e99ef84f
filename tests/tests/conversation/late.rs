//! A task that was busy for longer than the idle timeout while the peer's bytes waited in the socket loses nothing: on
//! every runtime, with an application that awaits something else or blocks the thread, with and without TLS.

use core::future::Future;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use turnwire::client::{Event, Outcome, Provider, Settings, TransportPreference};
use turnwire::responses::{CreateResponse, EventData, Item};
use turnwire_driver::{ClientDriver, Io};
use turnwire_rustls::TlsSession;
use turnwire_rustls::rustls::{ClientConfig, ServerConfig};

use crate::setup::{self, TransportSetup};

const IDLE: Duration = Duration::from_millis(150);

/// How long the client is busy after the server wrote the first bytes.
const BUSY: Duration = Duration::from_millis(400);

/// The longest output.
const PIECE: usize = 50_000;

/// Whether the first bytes of the output were written.
type Written = Arc<AtomicBool>;

/// A socket of the server, with or without TLS.
struct Peer {
    stream: TcpStream,
    tls: Option<TlsSession>,
}

impl Peer {
    fn write(&mut self, mut bytes: &[u8]) {
        if self.tls.is_none() {
            return self.stream.write_all(bytes).expect("a client");
        }
        while !bytes.is_empty() {
            let length = self.tls.as_mut().map_or(0, |tls| tls.encrypt(bytes));
            bytes = &bytes[length..];
            self.flush();
        }
    }

    /// Writes the pending output of the TLS session.
    fn flush(&mut self) {
        if let Some(tls) = &mut self.tls {
            self.stream.write_all(tls.poll_transmit()).expect("a client");
            let length = tls.poll_transmit().len();
            tls.handle_written(length);
        }
    }

    /// Reads the request, which ends with the end of a JSON value.
    fn read_request(&mut self) {
        let (mut buffer, mut request) = ([0; 4096], Vec::new());
        while !request.ends_with(b"}") {
            let length = self.stream.read(&mut buffer).expect("a client");
            assert!(length > 0, "the client is gone");
            match &mut self.tls {
                None => request.extend_from_slice(&buffer[..length]),
                Some(tls) => {
                    tls.handle_input(&buffer[..length]).expect("a session");
                    request.extend_from_slice(tls.poll_plaintext());
                    tls.consume_plaintext(usize::MAX);
                }
            }
            self.flush();
        }
    }
}

/// Serves one request: the response begins at once, and the rest is written while the client is busy. Sets `written`
/// after the first bytes.
fn serve(listener: &TcpListener, tls: Option<Arc<ServerConfig>>, size: usize, written: &Written) {
    let (stream, _) = listener.accept().expect("a client");
    let tls = tls.map(|config| TlsSession::server(config).expect("a session"));
    let mut peer = Peer { stream, tls };
    peer.read_request();
    peer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    peer.write(b"data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n\n");
    thread::sleep(Duration::from_millis(50));
    for start in (0..size).step_by(PIECE) {
        let delta = "x".repeat(PIECE.min(size - start));
        peer.write(format!("data: {{\"type\":\"response.output_text.delta\",\"delta\":\"{delta}\"}}\n\n").as_bytes());
        written.store(true, Ordering::SeqCst);
    }
    peer.write(b"data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}\n\n");
    if let Some(tls) = &mut peer.tls {
        tls.close();
    }
    peer.flush();
}

fn set_up(address: SocketAddr, tls: bool) -> (Provider, Settings) {
    let mut provider = TransportSetup { choice: TransportPreference::Http, tls }.provider(address);
    provider.idle_timeout = IDLE;
    provider.capabilities.websocket = false;
    (provider, Settings::default())
}

/// Sends a request, and stays busy once its response has begun. Returns the length of the output.
async fn run_client<I: Io, F: Future<Output = ()>>(
    client: &mut ClientDriver<I>,
    written: &Written,
    busy: impl Fn(Duration) -> F,
) -> usize {
    let mut turn = client.turn().expect("no request is pending");
    turn.send(CreateResponse::new("m", vec![Item::user("hi")])).expect("a request");
    let mut length = 0;
    loop {
        let mut created = false;
        match turn.next().await {
            Some(Event::Server { event, .. }) => match &event.data {
                EventData::OutputTextDelta { delta, .. } => length += delta.len(),
                _ => created = event.kind() == "response.created",
            },
            Some(Event::Finished { outcome: Outcome::Completed(_), .. }) => return length,
            Some(event @ (Event::Finished { .. } | Event::Retry { .. })) => panic!("{event:?}"),
            Some(_) => {}
            None => panic!("the turn ended without a terminal event"),
        }
        if created {
            while !written.load(Ordering::SeqCst) {
                busy(Duration::from_millis(1)).await;
            }
            busy(BUSY).await;
        }
    }
}

/// Runs a client against a server for each size, with and without TLS.
fn each(run: impl Fn(Provider, Settings, Arc<ClientConfig>, &Written) -> usize) {
    for tls in [false, true] {
        let (trust, shown) = TransportSetup { choice: TransportPreference::Http, tls }.tls();
        for size in [10, 100_000, 10_000_000] {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let address = listener.local_addr().expect("an address");
            let shown = shown.clone();
            let written = Written::default();
            let writes = Arc::clone(&written);
            let server = thread::spawn(move || serve(&listener, shown, size, &writes));
            let (provider, settings) = set_up(address, tls);
            assert_eq!(run(provider, settings, trust.clone(), &written), size, "TLS: {tls}");
            server.join().expect("the server ends");
        }
    }
}

async fn block(time: Duration) {
    thread::sleep(time);
}

macro_rules! late_on {
    ($($name:ident: $client:ty, $run:expr, $busy:expr;)*) => {
        $(#[test]
        fn $name() {
            each(|provider, settings, tls, written| {
                $run(async {
                    let mut client: $client = setup::client(provider, settings, tls);
                    run_client(&mut client, written, $busy).await
                })
            });
        })*
    };
}

fn on_tokio<F: Future>(multi_thread: bool, future: F) -> F::Output {
    let mut builder = match multi_thread {
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build().expect("a runtime").block_on(future)
}

async fn timer(time: Duration) {
    async_io::Timer::after(time).await;
}

late_on! {
    late_task_that_awaits_on_tokio_current_thread: turnwire_tokio::Client, |future| on_tokio(false, future), tokio::time::sleep;
    late_task_that_blocks_on_tokio_current_thread: turnwire_tokio::Client, |future| on_tokio(false, future), block;
    late_task_that_awaits_on_tokio_multi_thread: turnwire_tokio::Client, |future| on_tokio(true, future), tokio::time::sleep;
    late_task_that_blocks_on_tokio_multi_thread: turnwire_tokio::Client, |future| on_tokio(true, future), block;
    late_task_that_awaits_on_async_std: turnwire_async_std::Client, async_std::task::block_on, timer;
    late_task_that_blocks_on_async_std: turnwire_async_std::Client, async_std::task::block_on, block;
    late_task_that_awaits_on_smol: turnwire_async_std::Client, smol::block_on, timer;
    late_task_that_blocks_on_smol: turnwire_async_std::Client, smol::block_on, block;
    late_task_that_blocks_on_a_thread: turnwire_blocking::Client, turnwire_blocking::block_on, block;
}
