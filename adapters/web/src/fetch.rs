//! A `fetch` of the runtime. It reads the body only as far as the client wants it.

use core::fmt;
use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use js_sys::{Function, Promise, Reflect, Uint8Array};
use turnwire::http::{HeaderValue, Headers};
use turnwire::web::{ExchangeId, FetchRequest};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, ReadableStreamDefaultReader, Request, RequestCache, RequestInit, RequestRedirect, Response,
};

use crate::clock;
use crate::shared::Shared;

/// A request, and the response as far as it was read. Dropping it aborts both.
pub(crate) struct Fetch {
    pub(crate) exchange: ExchangeId,
    controller: AbortController,
    phase: Phase,
}

enum Phase {
    Head(JsFuture),
    Body { reader: ReadableStreamDefaultReader, chunk: Option<JsFuture> },
    Ended,
}

impl Fetch {
    /// Sends a request.
    ///
    /// # Errors
    ///
    /// Returns the runtime's message when it does not accept the request.
    pub(crate) fn send(request: &FetchRequest) -> Result<Self, String> {
        let controller = AbortController::new().map_err(|error| message_of(&error))?;
        let promise = begin(request, &controller).map_err(|error| message_of(&error))?;
        Ok(Self { exchange: request.exchange, controller, phase: Phase::Head(JsFuture::from(promise)) })
    }

    /// Reports the next part of the response to the socket. `Ready` means that there may be something to read.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, shared: &Shared) -> Poll<()> {
        let exchange = self.exchange;
        let result = match &mut self.phase {
            Phase::Ended => return Poll::Pending,
            Phase::Head(response) => ready!(Pin::new(response).poll(cx)).map(Input::Head),
            Phase::Body { reader, chunk } => {
                let pending = chunk.get_or_insert_with(|| JsFuture::from(reader.read()));
                let result = ready!(Pin::new(pending).poll(cx));
                *chunk = None;
                result.map(Input::Chunk)
            }
        };
        match result {
            Ok(Input::Head(response)) => self.handle_head(&response.unchecked_into(), shared),
            Ok(Input::Chunk(chunk)) => match bytes_of(&chunk) {
                Some(bytes) => shared.with(|socket| socket.handle_body(exchange, &bytes)),
                None => {
                    self.phase = Phase::Ended;
                    shared.with(|socket| socket.handle_end(exchange));
                }
            },
            Err(error) => {
                self.phase = Phase::Ended;
                shared.with(|socket| socket.handle_lost(exchange, &message_of(&error)));
            }
        }
        Poll::Ready(())
    }

    fn handle_head(&mut self, response: &Response, shared: &Shared) {
        let exchange = self.exchange;
        shared.with(|socket| socket.handle_head(exchange, response.status(), &headers_of(response)));
        self.phase = match response.body() {
            Some(body) => Phase::Body { reader: body.get_reader().unchecked_into(), chunk: None },
            None => {
                shared.with(|socket| socket.handle_end(exchange));
                Phase::Ended
            }
        };
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        if !matches!(self.phase, Phase::Ended) {
            self.controller.abort();
        }
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}

/// What a promise was fulfilled with.
enum Input {
    Head(JsValue),
    Chunk(JsValue),
}

fn begin(request: &FetchRequest, controller: &AbortController) -> Result<Promise, JsValue> {
    let init = RequestInit::new();
    init.set_method(&request.method);
    init.set_redirect(RequestRedirect::Error);
    init.set_cache(RequestCache::NoStore);
    init.set_signal(Some(&controller.signal()));
    let headers = web_sys::Headers::new()?;
    for (name, value) in request.headers.iter() {
        // A value that is not text is taken as Latin-1, as fetch does.
        let value: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
        headers.append(name, &value)?;
    }
    init.set_headers(&headers);
    if !request.body.is_empty() {
        init.set_body(&Uint8Array::from(request.body.as_slice()));
    }
    let request = Request::new_with_str_and_init(&request.url, &init)?;
    let fetch: Function = clock::global("fetch").dyn_into()?;
    fetch.call1(&js_sys::global(), &request)?.dyn_into()
}

/// Returns the headers that the page may read.
fn headers_of(response: &Response) -> Headers {
    let mut headers = Headers::new();
    let pairs = js_sys::try_iter(&response.headers()).ok().flatten();
    for pair in pairs.into_iter().flatten().flatten() {
        let pair: js_sys::Array = pair.unchecked_into();
        let (Some(name), Some(value)) = (pair.get(0).as_string(), pair.get(1).as_string()) else { continue };
        let bytes: Vec<u8> = value.chars().map(|character| u8::try_from(character).unwrap_or(b'?')).collect();
        if let Ok(value) = HeaderValue::new(&bytes) {
            // Fails only for a name that no header can have.
            let _ = headers.append(&name, value);
        }
    }
    headers
}

/// Returns the bytes of a result of `read()`; `None` at the end.
fn bytes_of(chunk: &JsValue) -> Option<Vec<u8>> {
    let is_done = Reflect::get(chunk, &"done".into()).is_ok_and(|done| done.is_truthy());
    let value = Reflect::get(chunk, &"value".into()).ok()?;
    (!is_done).then(|| Uint8Array::new(&value).to_vec())
}

/// Returns the text of an exception.
pub(crate) fn message_of(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into()).ok().and_then(|message| message.as_string());
    message.or_else(|| error.as_string()).unwrap_or_else(|| "the runtime gives no reason".to_owned())
}
