//! Clients that dial, and servers that were dialed.

use std::sync::Arc;

use tokio::net::TcpStream;
use turnwire::connection::Config;
use turnwire_driver::Server;
use turnwire_rustls::rustls::ServerConfig;
use turnwire_rustls::{Error, TlsIo};

use crate::socket::Socket;

/// A client over tokio, with TLS. Everything else is its [`Driver`](turnwire_driver::Driver)'s.
pub type Client = turnwire_rustls::Client<Socket>;

/// A server's end of an accepted socket, with TLS where there is a configuration for it.
///
/// # Errors
///
/// [`Error::Session`] when the configuration cannot be used.
pub fn accept(
    stream: TcpStream,
    config: Config,
    tls: Option<Arc<ServerConfig>>,
) -> Result<Server<TlsIo<Socket>>, Error> {
    turnwire_rustls::accept(Socket::open(stream), config, tls)
}
