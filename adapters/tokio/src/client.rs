//! Clients that dial, and servers that were dialed.

use std::sync::Arc;

use tokio::net::TcpStream;
use turnwire::connection::Config;
use turnwire_driver::ServerDriver;
use turnwire_rustls::rustls::ServerConfig;
use turnwire_rustls::{Error, TlsIo};

use crate::socket::TcpIo;

/// A client over tokio, with TLS. Everything else is its [`ClientDriver`](turnwire_driver::ClientDriver)'s.
pub type Client = turnwire_rustls::Client<TcpIo>;

/// A server's end of an accepted socket, with TLS where there is a configuration for it.
///
/// # Errors
///
/// [`Error::Session`] when the configuration cannot be used.
pub fn accept(
    stream: TcpStream,
    config: Config,
    tls: Option<Arc<ServerConfig>>,
) -> Result<ServerDriver<TlsIo<TcpIo>>, Error> {
    turnwire_rustls::accept(TcpIo::open(stream), config, tls)
}
