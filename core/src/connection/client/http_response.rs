//! One HTTP exchange after the other, as a client sees them: head, then events or a whole body, then the next.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use super::super::config::Config;
use super::super::content_coding::{self, ContentDecoder, SupportedCodings};
use super::super::error::CloseReason;
use super::request::ExpectedBody;
use crate::http::{
    BodyDecoder, BodyLimits, BodyPart, Error, HeadDecoder, HeadLimits, Request, Response, is_persistent,
};
use crate::sse;

/// Bytes of a body that are thrown away for the sake of using the connection again.
const MAX_DISCARD: usize = 256 * 1024;

/// What an exchange has found.
#[derive(Debug)]
pub(super) enum HttpProgress {
    Nothing,
    Head(Response),
    Body(Response, Vec<u8>),
    End { reusable: bool },
}

/// An HTTP connection's reading side.
#[derive(Debug)]
pub(super) struct HttpResponseReader {
    limits: Limits,
    events: sse::Decoder,
    state: State,
    /// What the current request was.
    method: alloc::string::String,
    expect: ExpectedBody,
    /// Whether the request, and so far the response, leave the connection open.
    keep_alive: bool,
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
    /// Between exchanges.
    Idle,
    /// A head is awaited; this many interim ones came.
    Head(Box<HeadDecoder<Response>>, u32),
    /// A body of events. `data`: bytes at the input's front that are known to be data.
    Stream {
        body: BodyDecoder,
        data: usize,
        coding: Option<Box<ContentDecoder>>,
    },
    /// A body that is collected, to at most so many bytes. `cut`: what is beyond is dropped instead of refused.
    Collect {
        head: Box<Response>,
        body: BodyDecoder,
        coding: Option<Box<ContentDecoder>>,
        bytes: Vec<u8>,
        limit: usize,
        truncate: bool,
    },
    /// The rest of a body that nobody wants; so many bytes of it are borne with.
    Discard {
        body: BodyDecoder,
        left: usize,
    },
    /// The exchange is over, which is still to be said.
    Done {
        reusable: bool,
    },
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
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    pub(super) const fn is_streaming(&self) -> bool {
        matches!(self.state, State::Stream { .. })
    }

    /// A request was sent: its response is read next.
    pub(super) fn begin(&mut self, request: &Request, expect: ExpectedBody) {
        self.method = request.method().into();
        self.expect = expect;
        self.keep_alive = true;
        self.events.reset();
        self.state = State::Head(Box::new(HeadDecoder::new(self.limits.heads)), 0);
    }

    /// Nobody wants the rest of the response any more.
    pub(super) fn discard(&mut self) {
        let (body, data) = match mem::replace(&mut self.state, State::Failed) {
            State::Stream { body, data, .. } => (body, data),
            State::Collect { body, .. } => (body, 0),
            other @ (State::Idle | State::Head(..) | State::Discard { .. } | State::Done { .. } | State::Failed) => {
                self.state = other;
                return;
            }
        };
        debug_assert_eq!(data, 0, "data is given back before an event is lent");
        self.state = State::Discard { body, left: MAX_DISCARD };
    }

    /// Finds data at the front of `input`, in a stream. `false`: bytes were taken, but none is data.
    pub(super) fn peek_data(&mut self, input: &mut &[u8]) -> Result<bool, CloseReason> {
        let State::Stream { body, data, coding } = &mut self.state else { return Ok(true) };
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
        match body.decode(input) {
            Ok(Some(BodyPart::Data(found))) => {
                // The data is given back whole: an event at a time is taken from it.
                *data = found.len();
                let start = before.len() - input.len() - found.len();
                *input = &before[start..];
                body.give_back(found.len());
                Ok(true)
            }
            Ok(Some(BodyPart::End(_))) => {
                self.done();
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) => Err(CloseReason::Http(error)),
        }
    }

    pub(super) fn has_data(&self) -> bool {
        match &self.state {
            State::Stream { coding: Some(coding), .. } => coding.has_output(),
            State::Stream { data, .. } => *data > 0,
            State::Idle | State::Head(..) | State::Collect { .. } | State::Discard { .. } | State::Done { .. } => false,
            State::Failed => false,
        }
    }

    /// The next event's data, taken from what [`peek_data`](Self::peek_data) has found.
    pub(super) fn next_event<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<&'s str>, CloseReason> {
        let State::Stream { body, data, coding } = &mut self.state else { return Ok(None) };
        if let Some(coding) = coding {
            let ContentDecoder { output, consumed, .. } = &mut **coding;
            let mut cursor = sse::Input::single(&output[*consumed..]);
            let event = self.events.decode(&mut cursor);
            *consumed = output.len() - cursor.rest().len();
            return match event {
                Ok(event) => Ok(event.map(|event| event.data)),
                Err(error) => Err(CloseReason::Events(error)),
            };
        }
        let length = mem::take(data);
        let bytes: &'i [u8] = input;
        let mut cursor = sse::Input::single(&bytes[..length]);
        let event = self.events.decode(&mut cursor);
        let taken = length - cursor.rest().len();
        // The body's decoder moves on by what was taken.
        let mut rest = &bytes[..taken];
        while !rest.is_empty() {
            match body.decode(&mut rest) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return Err(CloseReason::Http(error)),
            }
        }
        *input = &bytes[taken..];
        match event {
            Ok(event) => Ok(event.map(|event| event.data)),
            Err(error) => Err(CloseReason::Events(error)),
        }
    }

    /// Everything but a stream's data.
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
                    // Too much of it, or broken: the connection is not worth it.
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

    /// More of a body that is collected.
    fn collect(&mut self, input: &mut &[u8]) -> Result<HttpProgress, CloseReason> {
        let State::Collect { body, coding, bytes, limit, truncate, .. } = &mut self.state else {
            return Ok(HttpProgress::Nothing);
        };
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
                // Part of what a failing answer says is better than none of it.
                Err(_) if *truncate => return Ok(self.collected(false)),
                Err(error) => return Err(CloseReason::Http(error)),
            },
        };
        let room = *limit - bytes.len();
        if data.len() > room && !*truncate {
            return Err(CloseReason::BodyTooLong { limit: *limit });
        }
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        Ok(if data.len() > room { self.collected(false) } else { HttpProgress::Nothing })
    }

    /// The connection brings no more bytes: what that ends. `None`: nothing.
    pub(super) fn eof(&mut self) -> Result<Option<HttpProgress>, Error> {
        match &mut self.state {
            State::Idle | State::Failed => Ok(None),
            State::Head(decoder, _) if decoder.is_partial() => Err(Error::Truncated),
            State::Head(..) => Ok(None),
            State::Stream { body, coding, .. } => {
                ended(body, coding)?;
                self.events.finish();
                self.state = State::Done { reusable: false };
                Ok(self.take_end())
            }
            State::Collect { body, coding, truncate, .. } => match (ended(body, coding), *truncate) {
                (Ok(()), _) => Ok(Some(self.collected(false))),
                // Part of what a failing answer says is better than none of it.
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
        let stream = self.expect == ExpectedBody::EventStream && head.is_success();
        // What a failing answer says in a coding that is not undone is kept as it is.
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
        // Bytes behind a 101 are the other protocol's, and a body that is empty has ended already.
        let mut collect = body;
        let ended = matches!(collect.decode(&mut &[][..]), Ok(Some(BodyPart::End(_))));
        self.state = State::Collect { head: Box::new(head), body: collect, coding, bytes: Vec::new(), limit, truncate };
        Ok(if ended { self.collected(true) } else { HttpProgress::Nothing })
    }

    /// A body has been collected. `whole`: to its end.
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

    /// The head of an answer whose body is still being collected.
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

    /// Makes do with what has been collected of a body.
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
        Some(HttpProgress::End { reusable })
    }

    /// Whether the body is at its end and that was not seen yet: it takes no input to see it.
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

/// The connection has ended, and with it perhaps the body and its coding.
fn ended(body: &mut BodyDecoder, coding: &mut Option<Box<ContentDecoder>>) -> Result<(), Error> {
    body.eof()?;
    coding.as_mut().map_or(Ok(()), |coding| coding.eof())
}
