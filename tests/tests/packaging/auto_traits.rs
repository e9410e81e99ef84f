//! Public types are `Send` and `Sync`, and errors implement `Error`. The assertions fail at compile time.

use std::error::Error;

use turnwire::client::{
    CommandError as ClientCommandError, ConnectError, InvalidProvider, OwnedEvent, Rejected, Request, SignError,
};
use turnwire::connection::{CloseReason, CommandError, LossReason};
use turnwire::responses::{Failure, Malformed};
use turnwire::{client, connection, http, sse, turn, ws};
use turnwire_driver::{ClientDriver, ServerDriver, Turn};
use turnwire_rustls::TlsIo;

const fn shared<T: Send + Sync>() {}
const fn error<T: Error + Send + Sync + 'static>() {}

/// Asserts the traits of the types that an adapter exports.
macro_rules! adapter {
    ($adapter:ident) => {{
        shared::<$adapter::Client>();
        shared::<$adapter::Turn<'static>>();
        shared::<$adapter::Server>();
        shared::<ClientDriver<TlsIo<$adapter::TcpIo>>>();
        shared::<ServerDriver<TlsIo<$adapter::TcpIo>>>();
        shared::<Turn<'static, TlsIo<$adapter::TcpIo>>>();
    }};
}

#[test]
fn state_machines_and_drivers_are_send_and_sync() {
    shared::<client::Client>();
    shared::<client::Credentials>();
    shared::<client::Provider>();
    shared::<client::Settings>();
    shared::<OwnedEvent>();
    shared::<connection::ClientConnection>();
    shared::<connection::ServerConnection>();
    shared::<sse::Decoder>();
    shared::<ws::WebSocket>();
    shared::<http::Headers>();
    adapter!(turnwire_tokio);
    adapter!(turnwire_async_std);
    adapter!(turnwire_blocking);
}

#[test]
fn errors_implement_error() {
    error::<http::Error>();
    error::<http::InvalidHead>();
    error::<http::InvalidHeader>();
    error::<sse::Error>();
    error::<ws::Error>();
    error::<ws::handshake::Refusal>();
    error::<ws::handshake::RefusalReason>();
    error::<ws::handshake::Error>();
    error::<turn::Violation>();
    error::<Malformed>();
    error::<Failure>();
    error::<CommandError>();
    error::<CloseReason>();
    error::<LossReason>();
    error::<ClientCommandError>();
    error::<Rejected<Request>>();
    error::<ConnectError>();
    error::<InvalidProvider>();
    error::<SignError>();
    error::<turnwire_rustls::Error>();
}
