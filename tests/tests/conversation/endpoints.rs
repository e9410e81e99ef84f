//! The two ends of a conversation, independent of the runtime.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, Ordering};
use std::net::{SocketAddr, TcpStream};

use futures_lite::future::poll_once;
use turnwire::client::{Client, Event, Provider, Settings};
use turnwire::connection::{ServerConnection, server};
use turnwire::time::Instant;
use turnwire_driver::{ClientDriver, Io, ServerDriver};

use crate::setup::TransportSetup;

/// An application: handles a client's events and commands it.
pub(crate) trait Application {
    /// Changes the provider and settings.
    fn set_up(&self, _provider: &mut Provider, _settings: &mut Settings) {}

    /// Commands the client, if there is a command to perform.
    fn command(&mut self, now: Instant, client: &mut Client);

    /// Handles an event.
    fn handle_event(&mut self, event: &Event<'_>);
}

/// Returns the provider and the settings, with the changes of the application.
pub(crate) fn set_up(
    setup: TransportSetup,
    address: SocketAddr,
    application: &impl Application,
) -> (Provider, Settings) {
    let (mut provider, mut settings) = (setup.provider(address), setup.settings());
    application.set_up(&mut provider, &mut settings);
    (provider, settings)
}

/// Creates a client without a socket.
pub(crate) fn client(setup: TransportSetup, address: SocketAddr, application: &impl Application) -> Client {
    let (provider, settings) = set_up(setup, address, application);
    Client::new(provider, TransportSetup::credentials(), settings, [3; 32]).expect("a provider")
}

/// The logic of a server.
pub(crate) trait ServerLogic: Send + Sync + 'static {
    /// An owned copy of an event, kept until the connection can be borrowed again.
    type Received: Send;

    /// Copies an event.
    fn handle_event(&self, now: Instant, socket: usize, incoming: &server::Event<'_>) -> Self::Received;

    /// Responds to an event. `Break`: drop the socket once the output is written.
    fn answer(&self, now: Instant, connection: &mut ServerConnection, received: Self::Received) -> ControlFlow<()>;
}

/// A listener's address, and whether the client has finished.
#[derive(Debug)]
pub(crate) struct Listening {
    address: SocketAddr,
    closed: AtomicBool,
}

impl Listening {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address, closed: AtomicBool::new(false) }
    }

    /// Marks the client as finished, and wakes the waiting listener by connecting to it.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

/// Runs the client.
pub(crate) async fn run_client<I: Io, P: Application>(driver: &mut ClientDriver<I>, application: &mut P) {
    loop {
        application.command(driver.now(), driver.client());
        match driver.next().await {
            Some(event) => application.handle_event(&event),
            None => return,
        }
    }
}

/// Runs the server for one socket.
pub(crate) async fn serve<I: Io, H: ServerLogic>(server: &mut ServerDriver<I>, socket: usize, logic: &H) {
    loop {
        let now = server.now();
        let Some(incoming) = server.next().await else { return };
        let received = logic.handle_event(now, socket, &incoming);
        if logic.answer(now, server.connection(), received).is_break() {
            while !server.connection().poll_transmit().is_empty() {
                let _ = poll_once(server.next()).await;
            }
            return;
        }
    }
}
