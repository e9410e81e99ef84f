//! The runs on a thread: with a custom event loop (an example of the core), and with the blocking adapter. The server
//! is on another thread.

#[expect(dead_code, reason = "only the event loop of the example is used")]
#[path = "../../../core/examples/poll_loop.rs"]
mod poll_loop;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use turnwire_blocking::{Client, block_on};
use turnwire_rustls::rustls::ClientConfig;

use crate::async_io;
use crate::endpoints::{self, Door, House, Part};
use crate::setup::{self, Place};

/// Runs a conversation with a custom event loop.
pub(crate) fn hold<P: Part, H: House>(place: Place, part: &mut P, house: &Arc<H>) {
    beside(place, house, |address, trust| {
        let mut client = endpoints::client(place, address, part);
        poll_loop::drive(&mut client, trust, |now, client| {
            while let Some(event) = client.poll_event() {
                part.hear(&event);
            }
            part.command(now, client);
        })
        .expect("a place to wait");
    });
}

/// Runs a conversation with the blocking adapter.
pub(crate) fn hold_blocking<P: Part, H: House>(place: Place, part: &mut P, house: &Arc<H>) {
    beside(place, house, |address, trust| {
        let (provider, settings) = endpoints::set_up(place, address, part);
        let mut client: Client = setup::client(provider, settings, trust);
        block_on(endpoints::talk(&mut client, part));
    });
}

/// Runs the client beside a server thread.
fn beside<H: House>(place: Place, house: &Arc<H>, talk: impl FnOnce(SocketAddr, Arc<ClientConfig>)) {
    let (listener, address) = async_io::listen();
    let (trust, shown) = place.tls();
    let door = Arc::new(Door::new(address));
    let (house, open) = (Arc::clone(house), Arc::clone(&door));
    let serving = thread::spawn(move || smol::block_on(async_io::serve(listener, shown, &open, &*house)));
    talk(address, trust);
    door.close();
    serving.join().expect("the server comes to its end");
}
