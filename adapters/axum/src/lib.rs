//! The server role of turnwire inside axum: one handler serves OpenAI's Responses API over both transports.
//!
//! [`Responses`] is an extractor. It takes a WebSocket handshake or a `POST`, and [`serve`](Responses::serve) calls the handler with an
//! [`Exchange`] for each request: once for a `POST`, and for each `response.create` on a WebSocket, where requests on different lanes
//! run at the same time. [`Exchange::respond`] returns a [`Responder`], which writes the events of the response; the client gets
//! them as server-sent events, as WebSocket messages, or, if it asked for no stream, as one JSON object.
//!
//! ```no_run
//! use axum::{Router, response::Response, routing::any};
//! use turnwire_axum::{Exchange, Responses, SendError};
//!
//! async fn responses(responses: Responses) -> Response {
//!     responses.serve(echo).await
//! }
//!
//! async fn echo(exchange: Exchange) -> Result<(), SendError> {
//!     let model = exchange.request().model.clone();
//!     let mut response = exchange.respond("resp_1");
//!     response.begin().await?;
//!     response.text("msg_1", &format!("This is {model}.")).await?;
//!     response.complete(None).await
//! }
//!
//! let app: Router = Router::new().route("/v1/responses", any(responses));
//! ```
//!
//! **Back-pressure.** Sending waits while the client does not read.
//!
//! **Cancellation.** When the client leaves, the future of the handler is dropped at its next await point. What must happen in any
//! case belongs into a task of its own.
//!
//! **Authorization.** Another extractor or a middleware, which runs before this one, sees the head before the body is read.
//!
//! **Conversations.** With a [`History`], a request can continue an earlier response by its id: see
//! [`Exchange::conversation`]. It also keeps the events of background responses, whose streams can be resumed.
//!
//! A handler that ends without ending its response, for example because of an error, leaves a failed response: the client gets
//! `response.failed` with the code `server_error`, or status 500.
#![forbid(unsafe_code)]

mod background;
mod body;
mod exchange;
mod extract;
mod framing;
mod history;
mod output;
mod post;
mod respond;
mod websocket;

pub use exchange::Exchange;
pub use extract::Responses;
pub use history::{History, HistoryLimits};
pub use output::SendError;
pub use respond::Responder;
/// The core, which defines the requests and events.
pub use turnwire;
