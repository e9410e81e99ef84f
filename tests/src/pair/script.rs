//! Scripts: how network and servers react to the client.

use std::collections::VecDeque;
use std::time::Duration;

use turnwire::client::ConnectError;
use turnwire::connection::ServerConnection;
use turnwire::http::Headers;
use turnwire::time::Instant;

/// A client action that a [`Script`] reacts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A connection attempt.
    Dial,
    /// A WebSocket handshake.
    Upgrade,
    /// An HTTP request.
    Post,
    /// A WebSocket text message.
    Text,
}

/// One action of the network or a server.
#[derive(Clone, Debug)]
pub enum Act {
    /// The socket opens.
    Connect,
    /// The connection attempt fails.
    Fail(ConnectError),
    /// The server accepts the handshake with these headers.
    Accept(Vec<(String, String)>),
    /// A response with a body. It rejects a handshake.
    Respond(u16, Vec<(String, String)>, Vec<u8>),
    /// An event stream begins, with these headers.
    Stream(Vec<(String, String)>),
    /// An event.
    Send(String),
    /// The event stream ends.
    End,
    /// A keep-alive: a comment, or a ping.
    KeepAlive,
    /// A close frame with this code, or the end of an HTTP connection.
    Close(u16, String),
    /// Raw bytes, not from the `ServerConnection`.
    Raw(Vec<u8>),
    /// The socket breaks.
    Drop,
    /// Nothing, for this time. Later acts wait.
    Wait(Duration),
}

impl Act {
    /// Creates a response without headers.
    #[must_use]
    pub fn respond(status: u16, body: &str) -> Self {
        Self::Respond(status, Vec::new(), body.as_bytes().to_vec())
    }

    /// Creates a response with headers.
    #[must_use]
    pub fn respond_with(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        Self::Respond(status, owned(headers), body.as_bytes().to_vec())
    }

    /// Accepts the handshake with these headers.
    #[must_use]
    pub fn accept_with(headers: &[(&str, &str)]) -> Self {
        Self::Accept(owned(headers))
    }

    /// Begins an event stream with these headers.
    #[must_use]
    pub fn stream_with(headers: &[(&str, &str)]) -> Self {
        Self::Stream(owned(headers))
    }

    /// Performs the act on this connection if it applies to a connection. An act that is not possible in its state has
    /// no effect.
    ///
    /// # Panics
    ///
    /// If a header is not valid.
    pub fn perform(self, now: Instant, server: &mut ServerConnection) {
        let _ = match self {
            Self::Accept(fields) => server.accept(now, &headers(&fields)),
            Self::Respond(status, fields, body) => server.respond(now, status, &headers(&fields), &body),
            Self::Stream(fields) => server.begin_stream(now, &headers(&fields)),
            Self::Send(event) => server.send(now, &event),
            Self::End => server.end_stream(now),
            Self::KeepAlive => server.send_keep_alive(now),
            Self::Close(code, reason) => {
                server.close(now, code, &reason);
                Ok(())
            }
            Self::Raw(_) | Self::Drop | Self::Connect | Self::Fail(_) | Self::Wait(_) => Ok(()),
        };
    }
}

/// Copies pairs of strings.
#[must_use]
pub fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

/// Reactions, by kind of client action: the k-th action gets the k-th list. Without a planned reaction, sockets open,
/// handshakes are accepted, and requests get no response.
#[derive(Clone, Debug, Default)]
pub struct Script {
    plans: Vec<(Kind, VecDeque<Vec<Act>>)>,
}

impl Script {
    /// Creates a script without reactions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Plans the reaction to the next action of this kind that has none yet.
    #[must_use]
    pub fn on<A: Into<Vec<Act>>>(mut self, kind: Kind, acts: A) -> Self {
        self.plan(kind, acts.into());
        self
    }

    /// Plans for WebSocket: the k-th text message gets the k-th list of events.
    #[must_use]
    pub fn ws<I: IntoIterator<Item = Vec<String>>>(self, answers: I) -> Self {
        answers
            .into_iter()
            .fold(self, |script, events| script.on(Kind::Text, events.into_iter().map(Act::Send).collect::<Vec<_>>()))
    }

    /// Plans for HTTP: the k-th request gets a stream with the k-th list of events.
    #[must_use]
    pub fn sse<I: IntoIterator<Item = Vec<String>>>(self, answers: I) -> Self {
        answers.into_iter().fold(self, |script, events| {
            let events = events.into_iter().map(Act::Send);
            let acts = [Act::Stream(Vec::new())].into_iter().chain(events).chain([Act::End]);
            script.on(Kind::Post, acts.collect::<Vec<_>>())
        })
    }

    /// Plans a reaction on a script in use.
    pub fn plan(&mut self, kind: Kind, acts: Vec<Act>) {
        match self.plans.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, plan)) => plan.push_back(acts),
            None => self.plans.push((kind, VecDeque::from([acts]))),
        }
    }

    /// Returns the reaction to the next action of this kind.
    pub fn next(&mut self, kind: Kind) -> Vec<Act> {
        let planned = self.plans.iter_mut().find(|(known, _)| *known == kind).and_then(|(_, plan)| plan.pop_front());
        planned.unwrap_or_else(|| match kind {
            Kind::Dial => vec![Act::Connect],
            Kind::Upgrade => vec![Act::Accept(Vec::new())],
            Kind::Post | Kind::Text => Vec::new(),
        })
    }
}

fn headers(fields: &[(String, String)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.append(name, value.as_str()).expect("a header");
    }
    headers
}
