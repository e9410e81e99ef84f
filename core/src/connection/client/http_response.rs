//! The reader of HTTP responses: for each, a head, then events or a whole body, then its end.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use super::super::content_coding::{self, ContentDecoder, SupportedCodings};
use super::super::error::CloseReason;
use super::super::shared;
use super::config::Config;
use super::request::ExpectedBody;
use crate::http::{
    BodyDecoder, BodyLimits, BodyPart, Error, Framing, HeadDecoder, HeadLimits, Request, Response, is_persistent,
};
use crate::sse;

/// Maximum number of bytes of a body to discard so that the connection can be reused.
const MAX_DISCARD: usize = 256 * 1024;

/// The number of last bytes to keep that follow the last event of a stream. When a stream ends without a terminal event, they may
/// say why.
const TAIL: usize = 1024;

/// The result of reading a part of a response.
#[derive(Debug)]
pub(super) enum HttpProgress {
    Nothing,
    Head(Response),
    Body(Response, Vec<u8>),
    /// The response has ended. `tail`: the last bytes of an event stream that had no terminal event.
    End {
        reusable: bool,
        tail: Vec<u8>,
    },
}

/// Reads the responses of an HTTP connection, one after the other.
#[derive(Debug)]
pub(super) struct HttpResponseReader {
    limits: Limits,
    events: sse::Decoder,
    state: State,
    /// The method of the current request.
    method: alloc::string::String,
    expect: ExpectedBody,
    /// Whether the connection stays open after the current response, as far as is known.
    keep_alive: bool,
    /// The last bytes behind the last event of the stream, at most [`TAIL`].
    tail: Vec<u8>,
}

#[derive(Debug)]
struct Limits {
    heads: HeadLimits,
    bodies: BodyLimits,
    interim: u32,
    body: usize,
    error_body: usize,
    codings: SupportedCodings,
}

#[derive(Debug)]
enum State {
    /// No response is pending.
    Idle,
    /// Reads the head, after this number of interim responses.
    Head(Box<HeadDecoder<Response>>, u32),
    /// Reads an event stream. `data`: the number of bytes at the front of the input that are known to be body data, and that the
    /// body's decoder has consumed.
    Stream { body: BodyDecoder, data: usize, coding: Option<Box<ContentDecoder>> },
    /// Collects a body of at most `limit` bytes. `truncate`: a longer body is truncated instead of rejected.
    Collect {
        head: Box<Response>,
        body: BodyDecoder,
        coding: Option<Box<ContentDecoder>>,
        bytes: Vec<u8>,
        limit: usize,
        truncate: bool,
    },
    /// Discards the rest of a body, as long as it has at most `left` bytes.
    Discard { body: BodyDecoder, left: usize },
    /// The response has ended; this has not been reported yet.
    Done { reusable: bool },
    /// The connection cannot be used any more.
    Failed,
}

impl HttpResponseReader {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            limits: Limits {
                heads: config.head_limits,
                bodies: config.body_limits,
                interim: config.max_interim_responses,
                body: config.max_body,
                error_body: config.max_error_body,
                codings: SupportedCodings::new(config),
            },
            events: sse::Decoder::new(config.event_stream_limits),
            state: State::Idle,
            method: alloc::string::String::new(),
            expect: ExpectedBody::Whole,
            keep_alive: true,
            tail: Vec::new(),
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    pub(super) const fn is_streaming(&self) -> bool {
        matches!(self.state, State::Stream { .. })
    }

    /// Starts to read the response to `request`.
    pub(super) fn begin(&mut self, request: &Request, expect: ExpectedBody) {
        self.method = request.method().into();
        self.expect = expect;
        self.keep_alive = true;
        self.events.reset();
        self.tail.clear();
        self.state = State::Head(Box::new(HeadDecoder::new(self.limits.heads)), 0);
    }

    /// Discards the rest of the response's body.
    pub(super) fn discard(&mut self) {
        let body = match mem::replace(&mut self.state, State::Failed) {
            State::Stream { mut body, data, .. } => {
                body.give_back(data);
                body
            }
            State::Collect { body, .. } => body,
            other @ (State::Idle | State::Head(..) | State::Discard { .. } | State::Done { .. } | State::Failed) => {
                self.state = other;
                return;
            }
        };
        self.tail.clear();
        self.state = State::Discard { body, left: MAX_DISCARD };
    }

    /// Finds body data at the front of `input`, in an event stream. Returns `false` if bytes were consumed and none of
    /// them is data.
    pub(super) fn peek_data(&mut self, input: &mut &[u8]) -> Result<bool, CloseReason> {
        let State::Stream { body, data, coding } = &mut self.state else { return Ok(true) };
        if *data > 0 {
            return Ok(true);
        }
        if let Some(coding) = coding {
            return match coding.advance(body, input).map_err(CloseReason::Http)? {
                content_coding::DecodeProgress::Nothing => Ok(false),
                content_coding::DecodeProgress::Output => Ok(true),
                content_coding::DecodeProgress::End => {
                    self.done();
                    Ok(true)
                }
            };
        }
        let before = *input;
        let found = match body.next_data(input) {
            Some(found) => found,
            // The end of a chunk, or a size line.
            None if input.is_empty() && !before.is_empty() => return Ok(false),
            None => match body.decode(input).map_err(CloseReason::Http)? {
                Some(BodyPart::Data(found)) => found,
                Some(BodyPart::End(_)) => {
                    self.done();
                    return Ok(true);
                }
                None => return Ok(false),
            },
        };
        // `next_event` consumes it, one event at a time.
        *data = found.len();
        let start = before.len() - input.len() - found.len();
        *input = &before[start..];
        Ok(true)
    }

    pub(super) fn has_data(&self) -> bool {
        match &self.state {
            State::Stream { coding: Some(coding), .. } => coding.has_output(),
            State::Stream { data, .. } => *data > 0,
            State::Idle | State::Head(..) | State::Collect { .. } | State::Discard { .. } | State::Done { .. } => false,
            State::Failed => false,
        }
    }

    /// Reads the next event from the data that [`peek_data`](Self::peek_data) has found.
    pub(super) fn next_event<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<sse::Event<'s>>, CloseReason> {
        let State::Stream { data, coding, .. } = &mut self.state else { return Ok(None) };
        if let Some(coding) = coding {
            let ContentDecoder { output, consumed, .. } = &mut **coding;
            let mut cursor = sse::Input::single(&output[*consumed..]);
            let event = self.events.decode(&mut cursor);
            let taken = output.len() - cursor.rest().len();
            keep_tail(&mut self.tail, &output[*consumed..taken], &event);
            *consumed = taken;
            return event.map_err(CloseReason::Events);
        }
        let bytes: &'i [u8] = input;
        let mut cursor = sse::Input::single(&bytes[..*data]);
        let event = self.events.decode(&mut cursor);
        let taken = *data - cursor.rest().len();
        keep_tail(&mut self.tail, &bytes[..taken], &event);
        *data -= taken;
        *input = &bytes[taken..];
        event.map_err(CloseReason::Events)
    }

    /// Reads the next event, if it is whole in one piece of data at the front of what is unread, begins as the one before, and its data are
    /// known: see [`sse::Decoder::decode_known`]. `read`: a cursor over the whole read, which validates the data of several chunks at
    /// once, with the size lines between them.
    #[inline]
    pub(super) fn next_known<'i>(
        &mut self,
        read: &mut sse::Input<'i>,
        length: impl FnOnce(&'i [u8]) -> Option<usize>,
    ) -> Option<&'i str> {
        let unread = read.unread();
        if unread.is_empty() || !matches!(self.state, State::Stream { coding: None, .. }) {
            return None;
        }
        let mut input = unread;
        let found = self.peek_data(&mut input);
        let start = read.at() + unread.len() - input.len();
        read.focus(start..start);
        // An error comes again.
        if !found.ok()? {
            return None;
        }
        let State::Stream { data, .. } = &mut self.state else { return None };
        read.focus(start..start + *data);
        let event = self.events.decode_known(read, length)?;
        self.tail.clear();
        *data -= read.at() - start;
        Some(event)
    }

    /// Frees the memory that only the next response needs, if none is being read. Returns whether that is so.
    pub(super) fn release_memory(&mut self) -> bool {
        let is_idle = self.is_idle();
        if is_idle {
            self.events.release_memory();
            self.tail = Vec::new();
        }
        is_idle
    }

    /// Frees the memory of the last event, once it is no longer borrowed.
    pub(super) fn release_event(&mut self) {
        self.events.release_event();
    }

    /// Reads everything except the data of an event stream.
    pub(super) fn advance(&mut self, input: &mut &[u8]) -> Result<HttpProgress, CloseReason> {
        match &mut self.state {
            State::Idle | State::Failed | State::Stream { .. } => Ok(HttpProgress::Nothing),
            State::Head(decoder, _) => match decoder.decode(input) {
                Ok(Some(head)) => self.head(head),
                Ok(None) => Ok(HttpProgress::Nothing),
                Err(error) => Err(CloseReason::Http(error)),
            },
            State::Collect { .. } => self.collect(input),
            State::Discard { body, left } => {
                match body.decode(input) {
                    Ok(Some(BodyPart::Data(data))) if data.len() <= *left => *left -= data.len(),
                    Ok(Some(BodyPart::End(_))) => self.done(),
                    Ok(None) => {}
                    // The rest is too long or malformed: closing the connection is cheaper than reusing it.
                    Ok(Some(BodyPart::Data(_))) | Err(_) => {
                        *input = &[];
                        self.state = State::Done { reusable: false };
                    }
                }
                Ok(self.take_end().unwrap_or(HttpProgress::Nothing))
            }
            State::Done { .. } => Ok(self.take_end().unwrap_or(HttpProgress::Nothing)),
        }
    }

    /// Collects more of a body.
    fn collect(&mut self, input: &mut &[u8]) -> Result<HttpProgress, CloseReason> {
        let State::Collect { body, coding, bytes, limit, truncate, .. } = &mut self.state else {
            return Ok(HttpProgress::Nothing);
        };
        let is_coded = coding.is_some();
        let data = match coding {
            None => match body.decode(input).map_err(CloseReason::Http)? {
                Some(BodyPart::Data(data)) => data,
                Some(BodyPart::End(_)) => return Ok(self.collected(true)),
                None => return Ok(HttpProgress::Nothing),
            },
            Some(coding) => match coding.advance(body, input) {
                Ok(content_coding::DecodeProgress::Output) => {
                    let start = mem::replace(&mut coding.consumed, coding.output.len());
                    &coding.output[start..]
                }
                Ok(content_coding::DecodeProgress::End) => return Ok(self.collected(true)),
                Ok(content_coding::DecodeProgress::Nothing) => return Ok(HttpProgress::Nothing),
                // A partial error body is more useful than none.
                Err(_) if *truncate => return Ok(self.collected(false)),
                Err(error) => return Err(CloseReason::Http(error)),
            },
        };
        let room = *limit - bytes.len();
        if data.len() > room && !*truncate {
            return Err(CloseReason::BodyTooLong { limit: *limit });
        }
        let length = match body.framing() {
            Framing::ContentLength(length) if !is_coded => usize::try_from(length).unwrap_or(*limit),
            Framing::ContentLength(_) | Framing::None | Framing::Chunked | Framing::CloseDelimited => *limit,
        };
        shared::append(bytes, &data[..data.len().min(room)], length.min(*limit));
        Ok(if data.len() > room { self.collected(false) } else { HttpProgress::Nothing })
    }

    /// Handles the end of input. Returns what it completes; `None` if no response is pending. `orderly`: the peer ended it;
    /// only then is a body whole that ends with the connection (RFC 9112 §9.8).
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if the response is incomplete, or the error of its coding.
    pub(super) fn end(&mut self, orderly: bool) -> Result<Option<HttpProgress>, Error> {
        match &mut self.state {
            State::Idle | State::Failed => Ok(None),
            State::Head(decoder, _) if decoder.is_partial() => Err(Error::Truncated),
            State::Head(..) => Ok(None),
            State::Stream { body, coding, .. } => {
                ended(body, coding, orderly)?;
                self.events.finish();
                self.state = State::Done { reusable: false };
                Ok(self.take_end())
            }
            State::Collect { body, coding, truncate, .. } => match (ended(body, coding, orderly), *truncate) {
                (Ok(()), _) => Ok(Some(self.collected(false))),
                // A partial error body is more useful than none.
                (Err(_), true) => Ok(Some(self.collected(false))),
                (Err(error), false) => Err(error),
            },
            State::Discard { .. } | State::Done { .. } => {
                self.state = State::Done { reusable: false };
                Ok(self.take_end())
            }
        }
    }

    fn head(&mut self, head: Response) -> Result<HttpProgress, CloseReason> {
        let State::Head(_, interim) = &mut self.state else { return Ok(HttpProgress::Nothing) };
        if head.is_interim() {
            *interim += 1;
            if *interim > self.limits.interim {
                let limit = usize::try_from(self.limits.interim).unwrap_or(usize::MAX);
                return Err(CloseReason::Http(Error::TooManyInterim { limit }));
            }
            return Ok(HttpProgress::Nothing);
        }
        let body = BodyDecoder::response(&self.method, &head, self.limits.bodies).map_err(CloseReason::Http)?;
        self.keep_alive &= is_persistent(head.version, &head.headers, body.framing());
        let stream =
            self.expect == ExpectedBody::EventStream && head.is_success() && may_be_event_stream(&head, body.framing());
        // An error body with an unsupported coding is collected without decoding.
        let coding = match self.limits.codings.decoder_for(&head) {
            Err(error) if head.is_success() => return Err(CloseReason::Http(error)),
            coding => coding.unwrap_or_default(),
        };
        if stream {
            self.state = State::Stream { body, data: 0, coding };
            return Ok(HttpProgress::Head(head));
        }
        let (limit, truncate) =
            if head.is_success() { (self.limits.body, false) } else { (self.limits.error_body, true) };
        // Bytes after a 101 belong to the new protocol, and an empty body has ended already.
        let mut collect = body;
        let ended = matches!(collect.decode(&mut &[][..]), Ok(Some(BodyPart::End(_))));
        self.state = State::Collect { head: Box::new(head), body: collect, coding, bytes: Vec::new(), limit, truncate };
        Ok(if ended { self.collected(true) } else { HttpProgress::Nothing })
    }

    /// Ends the collection of a body. `whole`: whether the body was read up to its end.
    fn collected(&mut self, whole: bool) -> HttpProgress {
        match mem::replace(&mut self.state, State::Failed) {
            State::Collect { head, bytes, .. } => {
                self.state = State::Done { reusable: whole && self.keep_alive };
                HttpProgress::Body(*head, bytes)
            }
            other @ (State::Idle
            | State::Head(..)
            | State::Stream { .. }
            | State::Discard { .. }
            | State::Done { .. }
            | State::Failed) => {
                self.state = other;
                HttpProgress::Nothing
            }
        }
    }

    /// Returns the head of the response whose body is being collected.
    pub(super) fn collecting_head(&self) -> Option<&Response> {
        match &self.state {
            State::Collect { head, .. } => Some(head),
            State::Idle
            | State::Head(..)
            | State::Stream { .. }
            | State::Discard { .. }
            | State::Done { .. }
            | State::Failed => None,
        }
    }

    /// Takes the response with the part of its body that has been collected.
    pub(super) fn take_partial(&mut self) -> Option<(Response, Vec<u8>)> {
        match self.collected(false) {
            HttpProgress::Body(head, body) => Some((head, body)),
            HttpProgress::Nothing | HttpProgress::Head(_) | HttpProgress::End { .. } => None,
        }
    }

    fn done(&mut self) {
        self.state = State::Done { reusable: self.keep_alive };
    }

    /// Takes the end of the exchange, once. It needs no input.
    pub(super) fn take_end(&mut self) -> Option<HttpProgress> {
        let State::Done { reusable } = self.state else { return None };
        self.state = if reusable { State::Idle } else { State::Failed };
        Some(HttpProgress::End { reusable, tail: mem::take(&mut self.tail) })
    }

    /// Returns whether a step can be made without more input: the body has ended, or its decoder has output.
    pub(super) const fn is_at_end(&self) -> bool {
        match &self.state {
            State::Stream { body, coding, .. } | State::Collect { body, coding, .. } => {
                body.is_at_end() || matches!(coding, Some(coding) if coding.is_pending())
            }
            State::Discard { body, .. } => body.is_at_end(),
            State::Idle | State::Head(..) | State::Done { .. } | State::Failed => false,
        }
    }
}

/// Keeps the last bytes behind the last event of a stream. `data`: the bytes that led to `event`.
fn keep_tail(tail: &mut Vec<u8>, data: &[u8], event: &Result<Option<sse::Event<'_>>, sse::Error>) {
    if matches!(event, Ok(Some(_))) {
        return tail.clear();
    }
    let data = &data[data.len().saturating_sub(TAIL)..];
    let excess = (tail.len() + data.len()).saturating_sub(TAIL);
    tail.drain(..excess);
    tail.extend_from_slice(data);
}

/// Returns whether the body of a successful response can be an event stream. Some servers ignore that one was
/// requested, and send a whole response or an error as JSON, a web page, or nothing (docs/differences.md row 43).
fn may_be_event_stream(head: &Response, framing: Framing) -> bool {
    let content_type = head.headers.get_str("content-type").unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_other = essence == "application/json" || essence.ends_with("+json") || essence == "text/html";
    head.status() == 200 && !is_other && !matches!(framing, Framing::None | Framing::ContentLength(0))
}

/// Handles the end of input in a body.
///
/// # Errors
///
/// [`Error::Truncated`] if the body is incomplete, or the error of its coding.
fn ended(body: &mut BodyDecoder, coding: &mut Option<Box<ContentDecoder>>, orderly: bool) -> Result<(), Error> {
    if !orderly && body.framing() == Framing::CloseDelimited {
        return Err(Error::Truncated);
    }
    body.eof()?;
    coding.as_mut().map_or(Ok(()), |coding| coding.eof())
}
