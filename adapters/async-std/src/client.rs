//! Clients and servers over async-io.

use std::net::TcpStream;
use std::sync::Arc;

use async_io::Async;
use futures_io::{AsyncRead, AsyncWrite};
use turnwire::connection::server::Config;
use turnwire_driver::ServerDriver;
use turnwire_rustls::rustls::ServerConfig;
use turnwire_rustls::{ClientIo, Error, TlsIo};

use crate::stream::StreamIo;
use crate::tcp::TcpIo;

/// A client over async-io, with TLS.
///
/// It dereferences to [`ClientDriver`](turnwire_driver::ClientDriver): [`turn`](turnwire_driver::ClientDriver::turn) begins a
/// [`Turn`], and [`close`](turnwire_driver::ClientDriver::close) closes the connection.
pub type Client = turnwire_rustls::Client<TcpIo>;

/// Builds a [`Client`] with its own TLS configuration or proxies:
/// [`default`](Default::default) begins with a socket of this crate.
pub type ClientBuilder = turnwire_rustls::ClientBuilder<TcpIo>;

/// A [`Client`] over streams of any type instead of the sockets of async-io.
pub type StreamClient<S> = turnwire_rustls::Client<StreamIo<S>>;

/// Builds a [`StreamClient`].
pub type StreamClientBuilder<S> = turnwire_rustls::ClientBuilder<StreamIo<S>>;

/// A turn of a [`Client`]: [`send`](turnwire_driver::Turn::send) submits a request, [`next`](turnwire_driver::Turn::next) returns
/// its events.
pub type Turn<'c> = turnwire_driver::Turn<'c, ClientIo<TcpIo>>;

/// A server connection over an accepted socket, with or without TLS: [`next`](turnwire_driver::ServerDriver::next) returns its
/// requests.
pub type Server = ServerDriver<TlsIo<TcpIo>>;

/// Serves an accepted socket, with TLS if `tls` is set.
///
/// # Errors
///
/// Returns [`Error::Session`] when the TLS configuration is unusable. The socket is dropped.
pub fn accept(
    stream: Async<TcpStream>,
    config: impl Into<Arc<Config>>,
    tls: Option<Arc<ServerConfig>>,
) -> Result<Server, Error> {
    turnwire_rustls::accept(TcpIo::from_stream(stream), config, tls)
}

/// Serves an open stream of any type, with TLS if `tls` is set: async-std's own `TcpStream`, a Unix socket, an in-memory pipe.
///
/// # Errors
///
/// Returns [`Error::Session`] when the TLS configuration is unusable. The stream is dropped.
pub fn accept_stream<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    config: impl Into<Arc<Config>>,
    tls: Option<Arc<ServerConfig>>,
) -> Result<ServerDriver<TlsIo<StreamIo<S>>>, Error> {
    turnwire_rustls::accept(StreamIo::from_stream(stream), config, tls)
}
