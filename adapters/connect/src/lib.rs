//! Opens sockets, on any runtime.
//!
//! [`HappyEyeballsConnect`] connects to the first of a host's addresses that responds (Happy Eyeballs, RFC 8305):
//! [`HappyEyeballs`](turnwire::client::HappyEyeballs) decides which address to try at which time, and the name lookup and the connection
//! attempts in progress are added here. [`Dialer`] opens streams with a function of the application instead. Neither depends on a runtime
//! or spawns a task; dropping them drops all attempts. [`StreamIo`] makes any stream that a dialer opened the
//! [`Io`](turnwire_driver::Io) of a client; [`set_tcp_options`] sets the options of a TCP socket.
#![forbid(unsafe_code)]

mod dialer;
mod happy_eyeballs;
mod stream;
mod tcp_options;

pub use dialer::Dialer;
pub use happy_eyeballs::HappyEyeballsConnect;
pub use stream::{StreamIo, StreamRuntime};
pub use tcp_options::set_tcp_options;
