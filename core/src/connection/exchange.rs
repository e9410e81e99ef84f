//! One HTTP exchange after the other, as a client sees them: head, then events or a whole body, then the next.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use super::closed::CloseReason;
use super::coding::{self, Coding, Codings};
use super::config::Config;
use super::event::ExpectedBody;
use crate::http::{
    BodyDecoder, BodyLimits, BodyPart, Error, HeadDecoder, HeadLimits, Request, Response, is_persistent,
};
use crate::sse;

/// Bytes of a body that are thrown away for the sake of using the connection again.
const DISCARD: usize = 256 * 1024;

/// What an exchange has found.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    Head(Response),
    Body(Response, Vec<u8>),
    End { reusable: bool },
}

/// An HTTP connection's reading side.
#[derive(Debug)]
pub(super) struct Exchange {
    limits: Limits,
    events: sse::Decoder,
    state: State,
    /// What the current request was.
    method: alloc::string::String,
    expect: ExpectedBody,
    /// Whether the request, and so far the response, leave the connection open.
    persists: bool,
}

#[derive(Debug)]
struct Limits {
    heads: HeadLimits,
    bodies: BodyLimits,
    interim: u32,
    body: usize,
    error_body: usize,
    codings: Codings,
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
        coding: Option<Box<Coding>>,
    },
    /// A body that is collected, to at most so many bytes. `cut`: what is beyond is dropped instead of refused.
    Collect {
        head: Box<Response>,
        body: BodyDecoder,
        coding: Option<Box<Coding>>,
        bytes: Vec<u8>,
        limit: usize,
        cut: bool,
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

impl Exchange {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            limits: Limits {
                heads: config.head_limits,
                bodies: config.body_limits,
                interim: config.max_interim_responses,
                body: config.max_body,
                error_body: config.max_error_body,
                codings: Codings::new(config),
            },
            events: sse::Decoder::new(config.event_stream_limits),
            state: State::Idle,
            method: alloc::string::String::new(),
            expect: ExpectedBody::Whole,
            persists: true,
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
        self.persists = true;
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
        self.state = State::Discard { body, left: DISCARD };
    }

    /// Finds data at the front of `input`, in a stream. `false`: bytes were taken, but none is data.
    pub(super) fn fill(&mut self, input: &mut &[u8]) -> Result<bool, CloseReason> {
        let State::Stream { body, data, coding } = &mut self.state else { return Ok(true) };
        if let Some(coding) = coding {
            return match coding.advance(body, input).map_err(CloseReason::Http)? {
                coding::Found::Nothing => Ok(false),
                coding::Found::Plain => Ok(true),
                coding::Found::End => {
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
            State::Stream { coding: Some(coding), .. } => coding.has_plain(),
            State::Stream { data, .. } => *data > 0,
            State::Idle | State::Head(..) | State::Collect { .. } | State::Discard { .. } | State::Done { .. } => false,
            State::Failed => false,
        }
    }

    /// The next event's data, taken from what [`fill`](Self::fill) has found.
    pub(super) fn event<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Result<Option<&'s str>, CloseReason> {
        let State::Stream { body, data, coding } = &mut self.state else { return Ok(None) };
        if let Some(coding) = coding {
            let Coding { plain, at, .. } = &mut **coding;
            let mut cursor = sse::Input::single(&plain[*at..]);
            let event = self.events.decode(&mut cursor);
            *at = plain.len() - cursor.rest().len();
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
    pub(super) fn advance(&mut self, input: &mut &[u8]) -> Result<Found, CloseReason> {
        match &mut self.state {
            State::Idle | State::Failed | State::Stream { .. } => Ok(Found::Nothing),
            State::Head(decoder, _) => match decoder.decode(input) {
                Ok(Some(head)) => self.head(head),
                Ok(None) => Ok(Found::Nothing),
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
                Ok(self.said())
            }
            State::Done { .. } => Ok(self.said()),
        }
    }

    /// More of a body that is collected.
    fn collect(&mut self, input: &mut &[u8]) -> Result<Found, CloseReason> {
        let State::Collect { body, coding, bytes, limit, cut, .. } = &mut self.state else { return Ok(Found::Nothing) };
        let data = match coding {
            None => match body.decode(input).map_err(CloseReason::Http)? {
                Some(BodyPart::Data(data)) => data,
                Some(BodyPart::End(_)) => return Ok(self.collected(true)),
                None => return Ok(Found::Nothing),
            },
            Some(coding) => match coding.advance(body, input) {
                Ok(coding::Found::Plain) => {
                    let start = mem::replace(&mut coding.at, coding.plain.len());
                    &coding.plain[start..]
                }
                Ok(coding::Found::End) => return Ok(self.collected(true)),
                Ok(coding::Found::Nothing) => return Ok(Found::Nothing),
                // Part of what a failing answer says is better than none of it.
                Err(_) if *cut => return Ok(self.collected(false)),
                Err(error) => return Err(CloseReason::Http(error)),
            },
        };
        let room = *limit - bytes.len();
        if data.len() > room && !*cut {
            return Err(CloseReason::BodyTooLong { limit: *limit });
        }
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        Ok(if data.len() > room { self.collected(false) } else { Found::Nothing })
    }

    /// The connection brings no more bytes: what that ends. `None`: nothing.
    pub(super) fn eof(&mut self) -> Result<Option<Found>, Error> {
        match &mut self.state {
            State::Idle | State::Failed => Ok(None),
            State::Head(decoder, _) if decoder.is_partial() => Err(Error::Truncated),
            State::Head(..) => Ok(None),
            State::Stream { body, coding, .. } => {
                ended(body, coding)?;
                self.events.finish();
                self.state = State::Done { reusable: false };
                Ok(Some(self.said()))
            }
            State::Collect { body, coding, cut, .. } => match (ended(body, coding), *cut) {
                (Ok(()), _) => Ok(Some(self.collected(false))),
                // Part of what a failing answer says is better than none of it.
                (Err(_), true) => Ok(Some(self.collected(false))),
                (Err(error), false) => Err(error),
            },
            State::Discard { .. } | State::Done { .. } => {
                self.state = State::Done { reusable: false };
                Ok(Some(self.said()))
            }
        }
    }

    fn head(&mut self, head: Response) -> Result<Found, CloseReason> {
        let State::Head(_, interim) = &mut self.state else { return Ok(Found::Nothing) };
        if head.is_interim() {
            *interim += 1;
            if *interim > self.limits.interim {
                let limit = usize::try_from(self.limits.interim).unwrap_or(usize::MAX);
                return Err(CloseReason::Http(Error::TooManyInterim { limit }));
            }
            return Ok(Found::Nothing);
        }
        let body = BodyDecoder::response(&self.method, &head, self.limits.bodies).map_err(CloseReason::Http)?;
        self.persists &= is_persistent(head.version, &head.headers, body.framing());
        let stream = self.expect == ExpectedBody::EventStream && head.is_success();
        // What a failing answer says in a coding that is not undone is kept as it is.
        let coding = match self.limits.codings.undo(&head) {
            Err(error) if head.is_success() => return Err(CloseReason::Http(error)),
            coding => coding.unwrap_or_default(),
        };
        if stream {
            self.state = State::Stream { body, data: 0, coding };
            return Ok(Found::Head(head));
        }
        let (limit, cut) = if head.is_success() { (self.limits.body, false) } else { (self.limits.error_body, true) };
        // Bytes behind a 101 are the other protocol's, and a body that is empty has ended already.
        let mut collect = body;
        let ended = matches!(collect.decode(&mut &[][..]), Ok(Some(BodyPart::End(_))));
        self.state = State::Collect { head: Box::new(head), body: collect, coding, bytes: Vec::new(), limit, cut };
        Ok(if ended { self.collected(true) } else { Found::Nothing })
    }

    /// A body has been collected. `whole`: to its end.
    fn collected(&mut self, whole: bool) -> Found {
        match mem::replace(&mut self.state, State::Failed) {
            State::Collect { head, bytes, .. } => {
                self.state = State::Done { reusable: whole && self.persists };
                Found::Body(*head, bytes)
            }
            other @ (State::Idle
            | State::Head(..)
            | State::Stream { .. }
            | State::Discard { .. }
            | State::Done { .. }
            | State::Failed) => {
                self.state = other;
                Found::Nothing
            }
        }
    }

    /// The head of an answer whose body is still being collected.
    pub(super) fn collecting(&self) -> Option<&Response> {
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
    pub(super) fn cut_short(&mut self) -> Option<(Response, Vec<u8>)> {
        match self.collected(false) {
            Found::Body(head, body) => Some((head, body)),
            Found::Nothing | Found::Head(_) | Found::End { .. } => None,
        }
    }

    fn done(&mut self) {
        self.state = State::Done { reusable: self.persists };
    }

    /// Says that the exchange is over, once.
    pub(super) fn said(&mut self) -> Found {
        let State::Done { reusable } = self.state else { return Found::Nothing };
        self.state = if reusable { State::Idle } else { State::Failed };
        Found::End { reusable }
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

    /// Whether the exchange is over and that was not said yet: it takes no input to say it.
    pub(super) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done { .. })
    }
}

/// The connection has ended, and with it perhaps the body and its coding.
fn ended(body: &mut BodyDecoder, coding: &mut Option<Box<Coding>>) -> Result<(), Error> {
    body.eof()?;
    coding.as_mut().map_or(Ok(()), |coding| coding.eof())
}
