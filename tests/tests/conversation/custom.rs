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
use crate::endpoints::{self, Application, Listening, ServerLogic};
use crate::setup::{self, TransportSetup};

/// Runs a conversation with a custom event loop.
pub(crate) fn run<P: Application, H: ServerLogic>(setup: TransportSetup, application: &mut P, logic: &Arc<H>) {
    with_server_thread(setup, logic, |address, trust| {
        let mut client = endpoints::client(setup, address, application);
        poll_loop::drive(&mut client, trust, |now, client| {
            while let Some(event) = client.poll_event() {
                application.handle_event(&event);
            }
            application.command(now, client);
        })
        .expect("a setup to wait");
    });
}

/// Runs a conversation with the blocking adapter.
pub(crate) fn run_blocking<P: Application, H: ServerLogic>(setup: TransportSetup, application: &mut P, logic: &Arc<H>) {
    with_server_thread(setup, logic, |address, trust| {
        let (provider, settings) = endpoints::set_up(setup, address, application);
        let mut client: Client = setup::client(provider, settings, trust);
        block_on(endpoints::run_client(&mut client, application));
    });
}

/// Runs the client with_server_thread a server thread.
fn with_server_thread<H: ServerLogic>(
    setup: TransportSetup,
    logic: &Arc<H>,
    run_client: impl FnOnce(SocketAddr, Arc<ClientConfig>),
) {
    let (listener, address) = async_io::listen();
    let (trust, shown) = setup.tls();
    let listening = Arc::new(Listening::new(address));
    let (logic, open) = (Arc::clone(logic), Arc::clone(&listening));
    let serving = thread::spawn(move || smol::block_on(async_io::serve(listener, shown, &open, &*logic)));
    run_client(address, trust);
    listening.close();
    serving.join().expect("the server comes to its end");
}
