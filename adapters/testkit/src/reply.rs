//! Replies: the responses of a scripted server.

use core::fmt;
use core::time::Duration;

use turnwire::http::Headers;
use turnwire::responses::{Envelope, ErrorObject, EventClass, Item, Usage};

/// The response to one request.
///
/// | constructor | response |
/// |---|---|
/// | [`text`](Self::text) | a message, one delta for each word |
/// | [`call`](Self::call) | a function call |
/// | [`item`](Self::item) | any other item |
/// | [`events`](Self::events) | events, as they are |
/// | [`status`](Self::status) | an HTTP response, or an error on a WebSocket |
/// | [`hang_up`](Self::hang_up) | the connection ends after a number of bytes |
/// | [`silence`](Self::silence) | none |
/// | [`pause`](Self::pause) | nothing for a while |
///
/// [`then`](Self::then) joins several of them to one response. The server adds `response.created` and `response.completed` unless an
/// event of [`events`](Self::events) takes their place.
///
/// ```
/// use std::time::Duration;
/// use turnwire_testkit::Reply;
///
/// let slow = Reply::pause(Duration::from_secs(3)).then(Reply::text("Let me see.")).then(Reply::call("weather", "{}"));
/// let torn = Reply::text("It rains.").hang_up_at(200);
/// ```
#[derive(Clone, Default)]
pub struct Reply {
    pub(crate) parts: Vec<Part>,
    pub(crate) end: End,
    pub(crate) cut: Option<Cut>,
    pub(crate) headers: Headers,
    pub(crate) turn_state: Option<String>,
    pub(crate) typing: Option<Duration>,
}

/// A part of a response.
#[derive(Clone)]
pub(crate) enum Part {
    Pause(Duration),
    Text(String),
    Call { name: String, arguments: String },
    Item(Box<Item>),
    Event(String),
}

impl Part {
    /// Returns the class of an event.
    pub(crate) fn class(&self) -> Option<EventClass> {
        match self {
            Self::Event(event) => Envelope::scan(event).ok().map(|envelope| envelope.class()),
            Self::Pause(_) | Self::Text(_) | Self::Call { .. } | Self::Item(_) => None,
        }
    }

    /// Returns whether this is an event that ends a response.
    pub(crate) fn is_terminal(&self) -> bool {
        self.class().is_some_and(EventClass::is_terminal)
    }
}

/// The end of a response.
#[derive(Clone)]
pub(crate) enum End {
    Complete(Option<Usage>),
    Incomplete(String),
    Fail(ErrorObject),
    Reject { status: u16, body: String },
    Silence,
}

impl Default for End {
    fn default() -> Self {
        Self::Complete(None)
    }
}

/// Where a response is cut: after this number of its bytes, or at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) at: u64,
    pub(crate) reset: bool,
}

/// Shows no content.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match &self.end {
            End::Complete(_) => "complete",
            End::Incomplete(_) => "incomplete",
            End::Fail(_) => "fail",
            End::Reject { .. } => "reject",
            End::Silence => "silence",
        };
        f.debug_struct("Reply")
            .field("parts", &self.parts.len())
            .field("end", &end)
            .field("cut", &self.cut)
            .finish_non_exhaustive()
    }
}

impl Reply {
    fn part(part: Part) -> Self {
        Self { parts: vec![part], ..Self::default() }
    }

    /// A message, streamed word by word.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::part(Part::Text(text.into()))
    }

    /// A call of this function. `arguments`: a JSON object. The server numbers the calls: `call_1` is the first.
    #[must_use]
    pub fn call(name: &str, arguments: &str) -> Self {
        Self::part(Part::Call { name: name.into(), arguments: arguments.into() })
    }

    /// An item, with its ids as they are.
    #[must_use]
    pub fn item(item: Item) -> Self {
        Self::part(Part::Item(Box::new(item)))
    }

    /// Events as JSON, sent as they are. If one of them is `response.created`, the server sends none of its own before; if one ends the
    /// response, it adds no end.
    ///
    /// # Panics
    ///
    /// When a text is not a JSON object with a `type`.
    #[must_use]
    pub fn events<E: Into<String>>(events: impl IntoIterator<Item = E>) -> Self {
        let event = |event: E| {
            let event = event.into();
            assert!(
                Envelope::scan(&event).is_ok_and(|envelope| !envelope.kind().is_empty()),
                "not a JSON object with a `type`: {event}"
            );
            Part::Event(event)
        };
        Self { parts: events.into_iter().map(event).collect(), ..Self::default() }
    }

    /// Rejects the request: over HTTP with this status and body, on a WebSocket with an `error` event that has the status and the body's
    /// `error`. Over HTTP, a status below 300 is the response to an operation such as `GET /models`.
    ///
    /// # Panics
    ///
    /// When the status is not 200 to 999.
    #[must_use]
    pub fn status(status: u16, body: &str) -> Self {
        assert!((200..1000).contains(&status), "the status {status} is not 200 to 999");
        Self { end: End::Reject { status, body: body.into() }, ..Self::default() }
    }

    /// Ends the connection after this number of bytes of a response that would be a message: 0 means before the first byte.
    #[must_use]
    pub fn hang_up(at_byte: u64) -> Self {
        Self::text("This response ends before its time.").hang_up_at(at_byte)
    }

    /// Does not respond. The connection stays open.
    #[must_use]
    pub fn silence() -> Self {
        Self { end: End::Silence, ..Self::default() }
    }

    /// Waits for this long.
    #[must_use]
    pub fn pause(duration: Duration) -> Self {
        Self::part(Part::Pause(duration))
    }

    /// Continues this response with another one: the parts of both, and the end, the cut, the headers and the turn token of `next`, as far
    /// as it sets them.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.parts.extend(next.parts);
        self.end = match next.end {
            End::Complete(None) => self.end,
            end => end,
        };
        self.cut = next.cut.or(self.cut);
        for (name, value) in next.headers.iter() {
            // A header of a list is valid.
            let _ = self.headers.append(name, value.clone());
        }
        self.turn_state = next.turn_state.or(self.turn_state);
        self.typing = next.typing.or(self.typing);
        self
    }

    /// Sends this turn token: as a header over HTTP, as an event on a WebSocket.
    #[must_use]
    pub fn turn_state(mut self, token: &str) -> Self {
        self.turn_state = Some(token.into());
        self
    }

    /// Completes the response with this usage.
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.end = End::Complete(Some(usage));
        self
    }

    /// Fails the response after its parts.
    #[must_use]
    pub fn fail(mut self, code: &str, message: &str) -> Self {
        self.end = End::Fail(ErrorObject::new(code, message));
        self
    }

    /// Ends the response as incomplete after its parts, for this reason: `max_output_tokens`, for example.
    #[must_use]
    pub fn incomplete(mut self, reason: &str) -> Self {
        self.end = End::Incomplete(reason.into());
        self
    }

    /// Ends the connection in an orderly way after this number of bytes of the response, its head included, or at its end.
    #[must_use]
    pub const fn hang_up_at(mut self, byte: u64) -> Self {
        self.cut = Some(Cut { at: byte, reset: false });
        self
    }

    /// Resets the connection after this number of bytes of the response, its head included, or at its end.
    #[must_use]
    pub const fn reset_at(mut self, byte: u64) -> Self {
        self.cut = Some(Cut { at: byte, reset: true });
        self
    }

    /// Waits for this long before each word of a text.
    #[must_use]
    pub const fn typing(mut self, pause: Duration) -> Self {
        self.typing = Some(pause);
        self
    }

    /// Adds a header to the response over HTTP. An error on a WebSocket has it too, in its member `headers`.
    ///
    /// # Panics
    ///
    /// When no header can have this name or value.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.append(name, value).unwrap_or_else(|error| panic!("the header `{name}`: {error}"));
        self
    }

    /// The same without its end, for a fault that cuts it.
    pub(crate) fn torn(mut self) -> Self {
        self.end = match self.end {
            End::Reject { .. } => self.end,
            End::Complete(_) | End::Incomplete(_) | End::Fail(_) | End::Silence => End::Silence,
        };
        self.parts.retain(|part| !part.is_terminal());
        self
    }

    /// The reply to a request after the last reply of a script.
    pub(crate) fn unscripted() -> Self {
        Self::status(
            400,
            r#"{"error":{"type":"invalid_request_error","code":"no_reply","param":null,"message":"the script has no reply to this"}}"#,
        )
    }
}
