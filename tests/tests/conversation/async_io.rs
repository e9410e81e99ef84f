//! The runs on async-std and on smol, which share an adapter.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use async_io::Async;
use futures_lite::future::zip;
use turnwire_async_std::{Client, accept};
use turnwire_cli::serve;
use turnwire_rustls::rustls::ServerConfig;

use crate::endpoints::{self, Application, Listening, ServerLogic};
use crate::setup::{self, TransportSetup};

pub(crate) fn run_on_async_std<P: Application + Send, H: ServerLogic>(
    setup: TransportSetup,
    application: &mut P,
    logic: &Arc<H>,
) {
    async_std::task::block_on(send(run(setup, application, logic)));
}

pub(crate) fn run_on_smol<P: Application + Send, H: ServerLogic>(
    setup: TransportSetup,
    application: &mut P,
    logic: &Arc<H>,
) {
    smol::block_on(send(run(setup, application, logic)));
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
pub(crate) async fn serve<H: ServerLogic>(
    listener: Async<TcpListener>,
    shown: Option<Arc<ServerConfig>>,
    listening: &Listening,
    logic: &H,
) {
    for socket in 0.. {
        let (stream, _) = listener.accept().await.expect("a client");
        if listening.is_closed() {
            return;
        }
        let mut server = accept(stream, serve::config(true), shown.clone()).expect("a server");
        endpoints::serve(&mut server, socket, logic).await;
    }
}

/// Runs a conversation with both ends in one future.
async fn run<P: Application, H: ServerLogic>(setup: TransportSetup, application: &mut P, logic: &Arc<H>) {
    let (listener, address) = listen();
    let (trust, shown) = setup.tls();
    let listening = Listening::new(address);
    let (provider, settings) = endpoints::set_up(setup, address, application);
    let mut client: Client = setup::client(provider, settings, trust);
    let talking = async {
        endpoints::run_client(&mut client, application).await;
        listening.close();
    };
    zip(serve(listener, shown, &listening, &**logic), talking).await;
}
