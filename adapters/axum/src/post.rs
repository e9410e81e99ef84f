//! Responses to a `POST`: an event stream whose body runs the handler, or one JSON object.

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;

use axum_core::body::Body;
use axum_core::response::Response as AxumResponse;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval};
use turnwire::connection::Transport;
use turnwire::responses::{CreateMessage, CreateResponse, Envelope, ErrorObject, TURN_STATE};
use turnwire::sse;

use crate::background::{Backgrounds, Begun};
use crate::exchange::Exchange;
use crate::history::{ConnectionHistory, History};
use crate::output::{Output, OutputOnLane, OutputSender, SendError, WAITING};

/// Time without an event after which the stream has a comment, so that proxies do not take the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A handler, and what it sends. It runs only while it is polled.
struct Running {
    /// `None` once it has ended.
    handler: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    outputs: mpsc::Receiver<OutputOnLane>,
}

impl Running {
    /// Returns the next output, or `None` when the handler has ended.
    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Option<Output>> {
        if let Poll::Ready(output) = self.outputs.poll_recv(cx) {
            return Poll::Ready(output.map(|(_, output)| output));
        }
        if let Some(handler) = &mut self.handler
            && handler.as_mut().poll(cx).is_ready()
        {
            self.handler = None;
        }
        // The handler may have sent something. After its end, the channel is closed.
        self.outputs.poll_recv(cx).map(|output| output.map(|(_, output)| output))
    }
}

/// Serves one `POST`.
pub(crate) async fn serve<H, F>(parts: Parts, body: &Bytes, history: Option<History>, handler: H) -> AxumResponse
where
    H: Fn(Exchange) -> F,
    F: Future<Output = Result<(), SendError>> + Send + 'static,
{
    let request = core::str::from_utf8(body).map_err(|error| error.to_string());
    let request = request.and_then(|text| Ok((text, CreateResponse::parse(text).map_err(|error| error.to_string())?)));
    let (text, request) = match request {
        Ok(request) => request,
        Err(reason) => {
            let error = ErrorObject::new("invalid_request", &reason).of_type("invalid_request_error");
            return error_response(StatusCode::BAD_REQUEST, &error);
        }
    };
    let is_stream = request.stream;
    let background = history.clone().filter(|_| request.background == Some(true));
    let (sender, outputs) = mpsc::channel(WAITING);
    let previous = request.previous_response_id.as_deref();
    let resume = |history: History| history.resume(&ConnectionHistory::default(), None, &request, previous, text.len());
    let continuation = match history.map(resume).transpose() {
        Ok(continuation) => continuation,
        Err(error) => return error_response(StatusCode::BAD_REQUEST, &error),
    };
    let output = OutputSender::new(None, sender, continuation);
    let exchange = Exchange {
        message: CreateMessage::new(request),
        text: text.into(),
        turn_token: Exchange::token_of(&parts),
        parts: Arc::new(parts),
        transport: Transport::Http,
        output: output.clone(),
        // Nobody sends commands over HTTP.
        commands: mpsc::channel(1).1,
    };
    let handled = handler(exchange);
    if let Some(history) = background {
        let begun = history.backgrounds.start(handled, output, outputs).await;
        return respond_in_background(&history.backgrounds, begun, is_stream);
    }
    let handler = async move {
        // The client has left, or the response has ended.
        let _ = handled.await;
        output.end().await;
    };
    let mut running = Running { handler: Some(Box::pin(handler)), outputs };
    let mut headers = HeaderMap::new();
    loop {
        match poll_fn(|cx| running.poll_output(cx)).await {
            Some(Output::TurnToken(token)) => set_turn_token(&mut headers, token),
            Some(Output::Rejected { status, error }) => return rejection(status, &error),
            Some(Output::Event { json, kind, .. }) if is_stream => {
                return stream_response(headers, EventBody::new(running, Some(event_bytes(&json, &kind))));
            }
            Some(Output::Event { json, is_end: true, .. }) => return whole_response(headers, &json),
            Some(Output::Event { .. }) => {}
            None => return error_response(StatusCode::INTERNAL_SERVER_ERROR, &ErrorObject::default()),
        }
    }
}

/// Responds with what there is of a background response: its object, or its stream from the beginning.
fn respond_in_background(backgrounds: &Backgrounds, begun: Begun, is_stream: bool) -> AxumResponse {
    let (id, turn_token) = match begun {
        Begun::Response { id, turn_token } => (id, turn_token),
        Begun::Rejected { status, error } => return rejection(status, &error),
    };
    let mut response = if is_stream {
        follow(backgrounds.clone(), id, None)
    } else {
        json_response(StatusCode::OK, backgrounds.object(&id).unwrap_or_default())
    };
    if let Some(token) = turn_token {
        set_turn_token(response.headers_mut(), token);
    }
    response
}

/// Returns the stream of a background response after the event with this number.
pub(crate) fn follow(backgrounds: Backgrounds, id: String, after: Option<i64>) -> AxumResponse {
    let (sender, outputs) = mpsc::channel(WAITING);
    let output = OutputSender::new(None, sender, None);
    let handler = async move {
        // The client has left, or the stream has ended.
        let _ = backgrounds.follow(id, after, output).await;
    };
    let running = Running { handler: Some(Box::pin(handler)), outputs };
    stream_response(HeaderMap::new(), EventBody::new(running, None))
}

fn set_turn_token(headers: &mut HeaderMap, token: String) {
    if let Ok(token) = HeaderValue::try_from(token) {
        headers.insert(HeaderName::from_static(TURN_STATE), token);
    }
}

fn rejection(status: u16, error: &ErrorObject) -> AxumResponse {
    error_response(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error)
}

fn stream_response(headers: HeaderMap, body: EventBody) -> AxumResponse {
    let mut response = AxumResponse::new(Body::new(body));
    *response.headers_mut() = headers;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// Returns the response object of the event that ends a response.
fn whole_response(headers: HeaderMap, json: &str) -> AxumResponse {
    let envelope = Envelope::scan(json).ok();
    let object = envelope.as_ref().and_then(Envelope::response).unwrap_or(json).to_owned();
    let mut response = json_response(StatusCode::OK, object);
    response.headers_mut().extend(headers);
    response
}

/// Returns a response with an error as its body.
pub(crate) fn error_response(status: StatusCode, error: &ErrorObject) -> AxumResponse {
    json_response(status, format!(r#"{{"error":{}}}"#, error.to_raw().as_str()))
}

fn json_response(status: StatusCode, json: String) -> AxumResponse {
    let mut response = AxumResponse::new(Body::from(json));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The body of an event stream. Dropping it drops the handler.
struct EventBody {
    running: Running,
    /// What is to be sent next.
    next: Option<Bytes>,
    keep_alive: Interval,
}

impl EventBody {
    fn new(running: Running, next: Option<Bytes>) -> Self {
        let mut keep_alive = interval(KEEP_ALIVE);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        keep_alive.reset();
        Self { running, next, keep_alive }
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(bytes) = self.next.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        loop {
            match self.running.poll_output(cx) {
                Poll::Ready(Some(Output::Event { json, kind, .. })) => {
                    self.keep_alive.reset();
                    return Poll::Ready(Some(Ok(Frame::data(event_bytes(&json, &kind)))));
                }
                // Too late: the head is sent.
                Poll::Ready(Some(Output::TurnToken(_) | Output::Rejected { .. })) => {}
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => break,
            }
        }
        if self.keep_alive.poll_tick(cx).is_ready() {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b":\n\n")))));
        }
        Poll::Pending
    }
}

fn event_bytes(json: &str, kind: &str) -> Bytes {
    let mut bytes = Vec::new();
    // Fails only if the type has a line break, which no event of the writer has: then it is left out.
    if sse::encode_event(&sse::OutgoingEvent::data(json).named(kind), &mut bytes).is_err() {
        bytes.clear();
    }
    bytes.into()
}
