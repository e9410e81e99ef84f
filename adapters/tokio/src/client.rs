//! Clients and servers over tokio.

use std::sync::Arc;

use tokio::net::TcpStream;
use turnwire::connection::server::Config;
use turnwire_rustls::rustls::ServerConfig;
use turnwire_rustls::{ClientIo, Error, TlsIo};

use crate::tcp::TcpIo;

/// A client over tokio, with TLS.
///
/// It dereferences to [`ClientDriver`](turnwire_driver::ClientDriver): [`turn`](turnwire_driver::ClientDriver::turn) begins a
/// [`Turn`], and [`close`](turnwire_driver::ClientDriver::close) closes the connection.
pub type Client = turnwire_rustls::Client<TcpIo>;

/// Builds a [`Client`] with its own TLS configuration or proxies:
/// [`default`](Default::default) begins with a socket of this crate.
pub type ClientBuilder = turnwire_rustls::ClientBuilder<TcpIo>;

/// A turn of a [`Client`]: [`send`](turnwire_driver::Turn::send) submits a request, [`next`](turnwire_driver::Turn::next) returns
/// its events.
pub type Turn<'c> = turnwire_driver::Turn<'c, ClientIo<TcpIo>>;

/// A server connection over an accepted socket, with or without TLS: [`next`](turnwire_driver::ServerDriver::next) returns its
/// requests.
pub type Server = turnwire_driver::ServerDriver<TlsIo<TcpIo>>;

/// Serves an accepted socket, with TLS if `tls` is set.
///
/// # Errors
///
/// Returns [`Error::Session`] when the TLS configuration is unusable. The socket is dropped.
pub fn accept(stream: TcpStream, config: Config, tls: Option<Arc<ServerConfig>>) -> Result<Server, Error> {
    turnwire_rustls::accept(TcpIo::from_stream(stream), config, tls)
}
