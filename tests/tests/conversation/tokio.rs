//! The run on tokio.

use std::sync::Arc;

use tokio::net::TcpListener;
use turnwire_cli::serve;
use turnwire_tokio::{Client, accept};

use crate::endpoints::{self, Door, House, Part};
use crate::setup::{self, Place};

/// Runs a conversation. The server's future is spawned, so it must be `Send`.
#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
pub(crate) async fn hold<P: Part, H: House>(place: Place, part: &mut P, house: &Arc<H>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (trust, shown) = place.tls();
    let door = Arc::new(Door::new(address));
    let (house, open) = (Arc::clone(house), Arc::clone(&door));
    let serving = tokio::spawn(async move {
        for socket in 0.. {
            let (stream, _) = listener.accept().await.expect("a client");
            if open.is_closed() {
                return;
            }
            let mut server = accept(stream, serve::config(true), shown.clone()).expect("a server");
            endpoints::serve(&mut server, socket, &*house).await;
        }
    });
    let (provider, settings) = endpoints::set_up(place, address, part);
    let mut client: Client = setup::client(provider, settings, trust);
    endpoints::talk(&mut client, part).await;
    door.close();
    serving.await.expect("the server comes to its end");
}
