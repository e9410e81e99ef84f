//! The two ends of a conversation, whatever moves the bytes between them.

use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, Ordering};
use std::net::{SocketAddr, TcpStream};

use futures_lite::future::poll_once;
use turnwire::client::{Client, Event, Provider, Settings};
use turnwire::connection::{ServerConnection, server};
use turnwire::time::Instant;
use turnwire_driver::{ClientDriver, Io, ServerDriver};

use crate::setup::Place;

/// Who talks with a client: hears its events, and commands it.
pub(crate) trait Part {
    /// Says how the client is set up, over what the place says.
    fn set_up(&self, _provider: &mut Provider, _settings: &mut Settings) {}

    /// Commands the client, when there is something to be commanded.
    fn command(&mut self, now: Instant, client: &mut Client);

    /// Hears an event.
    fn hear(&mut self, event: &Event<'_>);
}

/// The provider and the settings of a place, as this part of the conversation wants them.
pub(crate) fn set_up(place: Place, address: SocketAddr, part: &impl Part) -> (Provider, Settings) {
    let (mut provider, mut settings) = (place.provider(address), place.settings());
    part.set_up(&mut provider, &mut settings);
    (provider, settings)
}

/// A client without a socket.
pub(crate) fn client(place: Place, address: SocketAddr, part: &impl Part) -> Client {
    let (provider, settings) = set_up(place, address, part);
    Client::new(provider, Place::credentials(), settings, [3; 32]).expect("a provider")
}

/// Who answers on the sockets that are accepted.
pub(crate) trait House: Send + Sync + 'static {
    /// What one of the sockets heard, to keep until it can be answered.
    type Heard: Send;

    /// Keeps it.
    fn hear(&self, now: Instant, socket: usize, incoming: &server::Event<'_>) -> Self::Heard;

    /// Answers it. `Break`: the socket breaks, once what was said is on its way.
    fn answer(&self, now: Instant, connection: &mut ServerConnection, heard: Self::Heard) -> ControlFlow<()>;
}

/// Where a server listens, until the client has left for good.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    closed: AtomicBool,
}

impl Door {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address, closed: AtomicBool::new(false) }
    }

    /// Nobody comes any more. Whoever still waits at the door is woken.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

/// The client's end.
pub(crate) async fn talk<I: Io, P: Part>(driver: &mut ClientDriver<I>, part: &mut P) {
    loop {
        part.command(driver.now(), driver.client());
        match driver.next().await {
            Some(event) => part.hear(&event),
            None => return,
        }
    }
}

/// The server's end of one socket.
pub(crate) async fn serve<I: Io, H: House>(server: &mut ServerDriver<I>, socket: usize, house: &H) {
    loop {
        let now = server.now();
        let Some(incoming) = server.next().await else { return };
        let heard = house.hear(now, socket, &incoming);
        if house.answer(now, server.connection(), heard).is_break() {
            while !server.connection().poll_transmit().is_empty() {
                let _ = poll_once(server.next()).await;
            }
            return;
        }
    }
}
