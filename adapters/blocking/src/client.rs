//! Clients and servers on the calling thread.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use turnwire::connection::server::Config;
use turnwire_rustls::rustls::ServerConfig;
use turnwire_rustls::{ClientIo, TlsIo};

use crate::tcp::TcpIo;

/// A client on the calling thread, with TLS. Its futures run with [`block_on`](crate::block_on).
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
/// Returns an error when the socket cannot be made non-blocking, or the TLS configuration is unusable. The socket is dropped.
pub fn accept(stream: TcpStream, config: impl Into<Arc<Config>>, tls: Option<Arc<ServerConfig>>) -> io::Result<Server> {
    turnwire_rustls::accept(TcpIo::from_stream(stream)?, config, tls).map_err(io::Error::other)
}
