//! A `WebSocket` of the runtime, which reports to the socket.

use core::fmt;

use turnwire::http::Headers;
use turnwire::web::{ExchangeId, WebSocketRequest};
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use crate::fetch::message_of;
use crate::shared::Shared;

/// A WebSocket with its event handlers. Dropping it closes it, and it reports nothing more.
pub(crate) struct OpenWebSocket {
    pub(crate) exchange: ExchangeId,
    socket: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl OpenWebSocket {
    /// Begins to open a WebSocket.
    ///
    /// # Errors
    ///
    /// Returns the runtime's message when it does not accept the URL or the subprotocols.
    pub(crate) fn open(request: &WebSocketRequest, shared: &Shared) -> Result<Self, String> {
        let exchange = request.exchange;
        let protocols = js_sys::Array::new();
        for protocol in &request.subprotocols {
            protocols.push(&protocol.as_str().into());
        }
        let opened = WebSocket::new_with_str_sequence(&request.url, &protocols);
        let socket = opened.map_err(|error| message_of(&error))?;
        let to = shared.clone();
        let on_open =
            Closure::<dyn FnMut()>::new(move || to.report(|socket| socket.handle_open(exchange, &Headers::new())));
        let to = shared.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let text = event.data().as_string();
            to.report(|socket| match text {
                Some(text) => socket.handle_text(exchange, &text),
                None => socket.handle_binary(exchange),
            });
        });
        let to = shared.clone();
        let on_close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            to.report(|socket| socket.handle_close(exchange, event.code(), &event.reason()));
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self { exchange, socket, _on_open: on_open, _on_message: on_message, _on_close: on_close })
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// Returns the runtime's message.
    pub(crate) fn send(&self, text: &str) -> Result<(), String> {
        self.socket.send_with_str(text).map_err(|error| message_of(&error))
    }

    /// Closes the WebSocket. A page may send no other codes than these.
    pub(crate) fn close(&self, code: Option<u16>, reason: &str) {
        let closed = match code {
            Some(code) if code == 1000 || (3000..=4999).contains(&code) => {
                self.socket.close_with_code_and_reason(code, reason)
            }
            Some(_) | None => self.socket.close(),
        };
        // Fails only for a code or a reason that a page may not send.
        if closed.is_err() {
            let _ = self.socket.close();
        }
    }

    /// Returns the number of bytes that wait to be sent.
    pub(crate) fn unsent(&self) -> u32 {
        self.socket.buffered_amount()
    }
}

impl Drop for OpenWebSocket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // It is closed already, or nobody listens.
        let _ = self.socket.close();
    }
}

impl fmt::Debug for OpenWebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenWebSocket").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}
