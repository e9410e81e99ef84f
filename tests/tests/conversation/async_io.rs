//! The runs on async-std and on smol, which share an adapter.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use async_io::Async;
use futures_lite::future::zip;
use turnwire_async_std::{Client, accept};
use turnwire_cli::serve;
use turnwire_rustls::rustls::ServerConfig;

use crate::endpoints::{self, Door, House, Part};
use crate::setup::{self, Place};

pub(crate) fn hold_on_async_std<P: Part + Send, H: House>(place: Place, part: &mut P, house: &Arc<H>) {
    async_std::task::block_on(send(hold(place, part, house)));
}

pub(crate) fn hold_on_smol<P: Part + Send, H: House>(place: Place, part: &mut P, house: &Arc<H>) {
    smol::block_on(send(hold(place, part, house)));
}

/// Asserts that the future is `Send`.
const fn send<F: Future + Send>(future: F) -> F {
    future
}

/// Binds a listener on a loopback port.
pub(crate) fn listen() -> (Async<TcpListener>, SocketAddr) {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).expect("a port");
    let address = listener.get_ref().local_addr().expect("an address");
    (listener, address)
}

/// Serves one socket after the other until the client has finished.
pub(crate) async fn serve<H: House>(
    listener: Async<TcpListener>,
    shown: Option<Arc<ServerConfig>>,
    door: &Door,
    house: &H,
) {
    for socket in 0.. {
        let (stream, _) = listener.accept().await.expect("a client");
        if door.is_closed() {
            return;
        }
        let mut server = accept(stream, serve::config(true), shown.clone()).expect("a server");
        endpoints::serve(&mut server, socket, house).await;
    }
}

/// Runs a conversation with both ends in one future.
async fn hold<P: Part, H: House>(place: Place, part: &mut P, house: &Arc<H>) {
    let (listener, address) = listen();
    let (trust, shown) = place.tls();
    let door = Door::new(address);
    let (provider, settings) = endpoints::set_up(place, address, part);
    let mut client: Client = setup::client(provider, settings, trust);
    let talking = async {
        endpoints::talk(&mut client, part).await;
        door.close();
    };
    zip(serve(listener, shown, &door, &**house), talking).await;
}
