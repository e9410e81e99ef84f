//! TLS as one more pure layer: rustls reads and writes buffers here, not sockets.
//!
//! [`TlsSession`] is the layer itself, for every loop: ciphertext in, plaintext out, and back. [`TlsIo`] puts it between a
//! [`turnwire_driver::Io`] and the loop, so that each runtime's sockets speak `https` and `wss` without a TLS crate of the
//! runtime's own.
//!
//! ```
//! use std::sync::Arc;
//! use turnwire_rustls::{TlsSession, client_config};
//!
//! let mut tls = TlsSession::client(client_config()?, "api.example.com")?;
//! assert!(tls.is_handshaking());
//! assert_eq!(tls.poll_transmit()[0], 22); // a handshake record: write it, then call `handle_written`
//! # Ok::<(), turnwire_rustls::Error>(())
//! ```
//!
//! Certificates are always verified, against the roots in `SSL_CERT_FILE` and `SSL_CERT_DIR` where one of them is set, else
//! against the platform's, and where the platform has none against Mozilla's. There is no switch that turns this off.
#![forbid(unsafe_code)]

mod client;
mod config;
mod io;
mod layer;

pub use client::{Client, accept};
pub use config::{client_config, client_config_with_roots, server_config};
pub use io::TlsIo;
pub use layer::{Error, TlsSession};
/// The TLS implementation, for those who configure it themselves.
pub use rustls;
