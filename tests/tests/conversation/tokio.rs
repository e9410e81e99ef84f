//! The run on tokio.

use std::sync::Arc;

use tokio::net::TcpListener;
use turnwire_cli::serve;
use turnwire_tokio::{Client, accept};

use crate::endpoints::{self, Application, Listening, ServerLogic};
use crate::setup::{self, TransportSetup};

/// Runs a conversation. The server's future is spawned, so it must be `Send`.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
pub(crate) async fn run<P: Application, H: ServerLogic>(setup: TransportSetup, application: &mut P, logic: &Arc<H>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (trust, shown) = setup.tls();
    let listening = Arc::new(Listening::new(address));
    let (logic, open) = (Arc::clone(logic), Arc::clone(&listening));
    let serving = tokio::spawn(async move {
        for socket in 0.. {
            let (stream, _) = listener.accept().await.expect("a client");
            if open.is_closed() {
                return;
            }
            let mut server = accept(stream, serve::config(true), shown.clone()).expect("a server");
            endpoints::serve(&mut server, socket, &*logic).await;
        }
    });
    let (provider, settings) = endpoints::set_up(setup, address, application);
    let mut client: Client = setup::client(provider, settings, trust);
    endpoints::run_client(&mut client, application).await;
    listening.close();
    serving.await.expect("the server comes to its end");
}
