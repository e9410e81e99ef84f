//! What the world does when a client asks something of it.

use std::collections::VecDeque;
use std::time::Duration;

use turnwire::client::ConnectError;
use turnwire::connection::ServerConnection;
use turnwire::http::Headers;
use turnwire::time::Instant;

/// What a client asks of the world, so that a [`Script`] can say what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A socket.
    Dial,
    /// A WebSocket handshake.
    Upgrade,
    /// An HTTP request.
    Post,
    /// A WebSocket text message.
    Text,
}

/// One thing that the world does.
#[derive(Clone, Debug)]
pub enum Act {
    /// The socket opens.
    Connect,
    /// The socket cannot be opened.
    Fail(ConnectError),
    /// The handshake is accepted with these headers.
    Accept(Vec<(String, String)>),
    /// An answer with a body; a handshake is refused with it.
    Respond(u16, Vec<(String, String)>, Vec<u8>),
    /// An event stream begins.
    Stream(Vec<(String, String)>),
    /// An event.
    Send(String),
    /// The event stream ends.
    End,
    /// A sign of life: a comment, or a ping.
    KeepAlive,
    /// A close frame with this code, or the end of an HTTP connection.
    Close(u16, String),
    /// These bytes, from no machine.
    Raw(Vec<u8>),
    /// The socket breaks.
    Drop,
    /// Nothing, for so long; what follows comes after.
    Wait(Duration),
}

impl Act {
    /// An answer without headers.
    #[must_use]
    pub fn respond(status: u16, body: &str) -> Self {
        Self::Respond(status, Vec::new(), body.as_bytes().to_vec())
    }

    /// An answer with headers.
    #[must_use]
    pub fn respond_with(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        Self::Respond(status, owned(headers), body.as_bytes().to_vec())
    }

    /// The handshake is accepted with these headers.
    #[must_use]
    pub fn accept_with(headers: &[(&str, &str)]) -> Self {
        Self::Accept(owned(headers))
    }

    /// An event stream begins with these headers.
    #[must_use]
    pub fn stream_with(headers: &[(&str, &str)]) -> Self {
        Self::Stream(owned(headers))
    }

    /// Does it on this connection, as far as it is the connection's to do. What cannot be done then does nothing.
    ///
    /// # Panics
    ///
    /// When a header cannot stand in a head.
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

/// Pairs of strings, to keep.
#[must_use]
pub fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

/// What the world does when it is asked: of each kind, the k-th list for the k-th time. Where nothing is planned, sockets open,
/// handshakes are accepted, and requests meet silence.
#[derive(Clone, Debug, Default)]
pub struct Script {
    plans: Vec<(Kind, VecDeque<Vec<Act>>)>,
}

impl Script {
    /// Nothing is planned.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Plans what the next thing of this kind, beyond those planned already, is answered with.
    #[must_use]
    pub fn on<A: Into<Vec<Act>>>(mut self, kind: Kind, acts: A) -> Self {
        self.plan(kind, acts.into());
        self
    }

    /// WebSocket: after the k-th text message, the k-th list of events.
    #[must_use]
    pub fn ws<I: IntoIterator<Item = Vec<String>>>(self, answers: I) -> Self {
        answers
            .into_iter()
            .fold(self, |script, events| script.on(Kind::Text, events.into_iter().map(Act::Send).collect::<Vec<_>>()))
    }

    /// HTTP: for the k-th request, a stream of the k-th list of events.
    #[must_use]
    pub fn sse<I: IntoIterator<Item = Vec<String>>>(self, answers: I) -> Self {
        answers.into_iter().fold(self, |script, events| {
            let events = events.into_iter().map(Act::Send);
            let acts = [Act::Stream(Vec::new())].into_iter().chain(events).chain([Act::End]);
            script.on(Kind::Post, acts.collect::<Vec<_>>())
        })
    }

    /// Plans it, on a script that is under way.
    pub fn plan(&mut self, kind: Kind, acts: Vec<Act>) {
        match self.plans.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, plan)) => plan.push_back(acts),
            None => self.plans.push((kind, VecDeque::from([acts]))),
        }
    }

    /// What the next thing of this kind is answered with.
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
