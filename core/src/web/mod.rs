//! The Web's own WebSocket and `fetch` in place of a socket: for browsers, Deno, Cloudflare Workers and others that do the framing
//! themselves and give out no bytes.
//!
//! A [`Socket`] has two sides. To the client it is a socket: it takes the bytes that the client writes, and has bytes to read. To the
//! runtime it is a list of [`Command`]s (open this WebSocket, send this text, fetch this URL) and a number of `handle_*` methods (it
//! is open, this text has arrived, this is the head of the response). In between, it translates HTTP/1.1 and WebSocket frames to
//! messages and back. So the client keeps its limits, deadlines and retries, and does not know the difference.
//!
//! A socket carries one WebSocket, or one request and its response. It performs no I/O and needs no clock.
//!
//! ```
//! use turnwire::web::{Command, ReadResult, Settings, Socket};
//!
//! let mut socket = Socket::new(Settings::new());
//! socket.open(true);
//! socket.write(b"GET /v1/models HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer key\r\n\r\n");
//! let Some(Command::Fetch(request)) = socket.poll_command() else { unreachable!("the request is whole") };
//! assert_eq!((request.method.as_str(), request.url.as_str()), ("GET", "https://api.example.com/v1/models"));
//!
//! // The runtime has fetched it.
//! socket.handle_head(request.exchange, 200, &turnwire::http::Headers::new());
//! socket.handle_body(request.exchange, b"{}");
//! socket.handle_end(request.exchange);
//! let mut buffer = [0; 1024];
//! let ReadResult::Bytes(length) = socket.read(&mut buffer) else { unreachable!("the response is whole") };
//! assert!(buffer[..length].starts_with(b"HTTP/1.1 200 OK\r\n"));
//! assert_eq!(socket.read(&mut buffer), ReadResult::Eof);
//! ```

mod command;
mod request;
mod settings;
mod socket;
mod state;

pub use command::{Command, ExchangeId, FetchRequest, WebSocketRequest};
pub use settings::Settings;
pub use socket::{ReadResult, Socket};
