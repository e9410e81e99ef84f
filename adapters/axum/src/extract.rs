//! `Responses`: the extractor.

use core::fmt;
use core::future::Future;
use core::time::Duration;

use axum_core::body::Body;
use axum_core::extract::{FromRequest, Request};
use axum_core::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode, Version, header};
use hyper::upgrade::OnUpgrade;
use turnwire::connection::server::Config;
use turnwire::http::{self as wire, Request as Head};
use turnwire::responses::ErrorObject;
use turnwire::ws::handshake::{self, ServerOptions};

use crate::body::{self, BodyError};
use crate::exchange::Exchange;
use crate::framing;
use crate::history::History;
use crate::output::SendError;
use crate::post::{self, error_response};
use crate::websocket::{Handlers, Shutdown};

/// An extractor that takes a WebSocket handshake, or a `POST` with its whole body. `Debug` shows no content and no headers.
///
/// Its limits and deadlines are those of the [`Config`] in the request's extensions, or else the default: a router with the layer
/// `axum::Extension(config)` sets them. Of a `POST`, [`Config::max_body`] limits the body (status 413), and
/// [`Timeouts::body`](turnwire::connection::server::Timeouts::body) the time in which it must come (status 408). The head is read by
/// hyper, which has limits of its own.
pub struct Responses {
    parts: Parts,
    kind: Kind,
    config: Config,
    shutdown: Option<Shutdown>,
    history: Option<History>,
}

enum Kind {
    WebSocket { head: Box<Head>, upgrade: OnUpgrade },
    Post(Bytes),
}

impl fmt::Debug for Responses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = match self.kind {
            Kind::WebSocket { .. } => "WebSocket",
            Kind::Post(_) => "Http",
        };
        f.debug_struct("Responses").field("transport", &transport).finish_non_exhaustive()
    }
}

impl Responses {
    /// Sets the limits, deadlines and compression of the WebSocket. The body of a `POST` was read before.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Shuts the WebSocket down gracefully once `signal` is ready: no further request is taken, the responses that are running may end
    /// within this time, and then the WebSocket is closed with code 1001. A `POST` ends as axum's own graceful shutdown says.
    #[must_use]
    pub fn with_graceful_shutdown(
        mut self,
        signal: impl Future<Output = ()> + Send + 'static,
        within: Duration,
    ) -> Self {
        self.shutdown = Some(Shutdown { signal: Box::pin(signal), within });
        self
    }

    /// Lets a request continue an earlier response by its id, and remembers the responses for that.
    #[must_use]
    pub fn with_history(mut self, history: &History) -> Self {
        self.history = Some(history.clone());
        self
    }

    /// Returns the head of the request.
    #[must_use]
    pub const fn head(&self) -> &Parts {
        &self.parts
    }

    /// Serves the request, or the requests of the WebSocket, with `handler`. What it returns is not used: a handler ends its response
    /// itself, also with an error.
    ///
    /// Over HTTP, the result is ready once the handler has sent its first event, and its body then runs the handler. A WebSocket is
    /// served by a task of its own.
    pub async fn serve<H, F>(self, handler: H) -> Response
    where
        H: Fn(Exchange) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), SendError>> + Send + 'static,
    {
        let Self { parts, kind, config, shutdown, history } = self;
        match kind {
            Kind::Post(body) => post::serve(parts, &body, history, handler).await,
            Kind::WebSocket { head, upgrade } => {
                let options = ServerOptions::default().with_deflate(config.deflate_policy);
                match handshake::accept(&head, &options) {
                    Err(refusal) => response_of(&refusal.response),
                    Ok((response, negotiated)) => {
                        let handlers = Handlers::new(handler, parts, history);
                        tokio::spawn(async move {
                            // Fails only if the connection has ended.
                            if let Ok(upgraded) = upgrade.await {
                                handlers.serve(upgraded, config, &negotiated, shutdown).await;
                            }
                        });
                        response_of(&response)
                    }
                }
            }
        }
    }
}

impl<S: Sync> FromRequest<S> for Responses {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let config = parts.extensions.get::<Config>().cloned().unwrap_or_default();
        let head = head_of(&parts).map_err(|_| invalid(StatusCode::BAD_REQUEST, "The request head is invalid."))?;
        let is_upgrade = parts.version == Version::HTTP_11 && handshake::is_upgrade(&head);
        if parts.version <= Version::HTTP_11
            && let Err(reason) = framing::check(&parts, is_upgrade)
        {
            let mut response = invalid(StatusCode::BAD_REQUEST, reason);
            // What follows on the connection may be a part of this request.
            response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
            return Err(response);
        }
        if is_upgrade {
            let upgrade = parts.extensions.remove::<OnUpgrade>();
            let upgrade = upgrade
                .ok_or_else(|| invalid(StatusCode::UPGRADE_REQUIRED, "The connection cannot become a WebSocket."))?;
            let kind = Kind::WebSocket { head: Box::new(head), upgrade };
            return Ok(Self { parts, kind, config, shutdown: None, history: None });
        }
        if parts.method != Method::POST {
            let mut response = invalid(StatusCode::METHOD_NOT_ALLOWED, "Use POST, or GET with a WebSocket handshake.");
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, POST"));
            return Err(response);
        }
        let coded = parts.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
        if coded {
            return Err(invalid(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The content coding of the body is not supported.",
            ));
        }
        match body::read(body, &config).await {
            Ok(body) => Ok(Self { parts, kind: Kind::Post(body), config, shutdown: None, history: None }),
            Err(BodyError::TooLong) => Err(invalid(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long.")),
            Err(BodyError::TooSlow) => Err(invalid(StatusCode::REQUEST_TIMEOUT, "The body comes too slowly.")),
            Err(BodyError::Broken) => Err(invalid(StatusCode::BAD_REQUEST, "The body cannot be read.")),
        }
    }
}

/// Returns the response to an invalid request.
fn invalid(status: StatusCode, message: &str) -> Response {
    error_response(status, &ErrorObject::new("invalid_request", message).of_type("invalid_request_error"))
}

/// Converts a head for the handshake.
fn head_of(parts: &Parts) -> Result<Head, Box<dyn core::error::Error>> {
    let mut head = Head::new(parts.method.as_str(), parts.uri.path_and_query().map_or("/", |target| target.as_str()))?;
    for (name, value) in &parts.headers {
        head.headers.append(name.as_str(), wire::HeaderValue::new(value.as_bytes())?)?;
    }
    Ok(head)
}

/// Converts a response without a body.
fn response_of(response: &wire::Response) -> Response {
    let mut converted = Response::new(Body::empty());
    *converted.status_mut() = StatusCode::from_u16(response.status()).unwrap_or(StatusCode::BAD_REQUEST);
    for (name, value) in response.headers.iter() {
        let name = header::HeaderName::try_from(name);
        if let (Ok(name), Ok(value)) = (name, header::HeaderValue::from_bytes(value.as_bytes())) {
            converted.headers_mut().append(name, value);
        }
    }
    converted
}
