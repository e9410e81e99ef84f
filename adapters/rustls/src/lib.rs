//! TLS for turnwire, by rustls over buffers instead of sockets.
//!
//! [`TlsSession`] converts between ciphertext and plaintext, for any I/O loop. [`TlsIo`] puts it between a [`turnwire_driver::Io`] and
//! the loop of the driver, so that the sockets of each runtime support `https` and `wss` without a TLS crate for that runtime.
//! [`Client`] and [`accept`] are the client and the server that the adapters of each runtime re-export.
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
//! Certificates are always verified: against the roots in `SSL_CERT_FILE` and `SSL_CERT_DIR` if one of them is set, otherwise against
//! the platform's roots, and if the platform has none, against Mozilla's. [`ClientConfigBuilder`] sets other roots and a client
//! certificate; any [`rustls::ClientConfig`] of the application can be used instead. Verification cannot be disabled.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod client;
mod config;
mod error;
mod io;
mod session;

pub use client::{Client, ClientBuilder, ClientIo, accept};
pub use config::{ClientConfigBuilder, client_config, client_config_with_roots, server_config};
pub use error::Error;
pub use io::TlsIo;
/// The TLS implementation, for applications with their own configuration.
pub use rustls;
pub use session::TlsSession;
/// The core, which defines the requests and events.
pub use turnwire;
