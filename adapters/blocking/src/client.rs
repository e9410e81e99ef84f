//! Clients that dial, and servers that were dialed.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use turnwire::connection::Config;
use turnwire_driver::Server;
use turnwire_rustls::TlsIo;
use turnwire_rustls::rustls::ServerConfig;

use crate::socket::Socket;

/// A client of the calling thread, with TLS. Everything else is its [`Driver`](turnwire_driver::Driver)'s.
pub type Client = turnwire_rustls::Client<Socket>;

/// A server's end of an accepted socket, with TLS where there is a configuration for it.
///
/// # Errors
///
/// When the socket cannot be made non-blocking, or the configuration cannot be used.
pub fn accept(stream: TcpStream, config: Config, tls: Option<Arc<ServerConfig>>) -> io::Result<Server<TlsIo<Socket>>> {
    turnwire_rustls::accept(Socket::open(stream)?, config, tls).map_err(io::Error::other)
}
