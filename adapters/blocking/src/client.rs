//! Clients that dial, and servers that were dialed.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use turnwire::connection::Config;
use turnwire_driver::ServerDriver;
use turnwire_rustls::TlsIo;
use turnwire_rustls::rustls::ServerConfig;

use crate::socket::TcpIo;

/// A client of the calling thread, with TLS. Everything else is its [`ClientDriver`](turnwire_driver::ClientDriver)'s.
pub type Client = turnwire_rustls::Client<TcpIo>;

/// A server's end of an accepted socket, with TLS where there is a configuration for it.
///
/// # Errors
///
/// When the socket cannot be made non-blocking, or the configuration cannot be used.
pub fn accept(
    stream: TcpStream,
    config: Config,
    tls: Option<Arc<ServerConfig>>,
) -> io::Result<ServerDriver<TlsIo<TcpIo>>> {
    turnwire_rustls::accept(TcpIo::open(stream)?, config, tls).map_err(io::Error::other)
}
