//! The one connection of a client: being dialed, up, or on its way down.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::connection::{ClientConnection, Transport};
use crate::http::Response;
use crate::time::Instant;

/// How long the end of a body that has nothing more to say is waited for, before a request takes a new connection instead.
const TAIL: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) enum Wire {
    Down,
    /// A socket was asked for; it must be up by this time.
    Dialing {
        transport: Transport,
        until: Instant,
    },
    Up(Box<Live>),
}

#[derive(Debug)]
pub(super) struct Live {
    pub(super) connection: ClientConnection,
    pub(super) transport: Transport,
    pub(super) stage: Stage,
    /// What accepted the handshake.
    pub(super) head: Option<Response>,
    pub(super) opened: Instant,
    /// How many requests it has carried.
    pub(super) carried: u32,
    /// HTTP: a response's body goes on, and since when nobody wants it any more.
    pub(super) exchange: Option<Option<Instant>>,
    /// Lanes with a response that was given up, and until when it may go on.
    pub(super) drains: Vec<(Option<String>, Option<Instant>)>,
    /// The names that lanes have had on it.
    pub(super) lanes: Vec<String>,
    /// It takes no more requests.
    pub(super) retired: bool,
    /// Its end was told before it came.
    pub(super) told: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The handshake must be answered by this time.
    Upgrading {
        until: Instant,
    },
    Open,
    /// A close frame was sent.
    Closing,
    /// It has ended, which was told; what is left to be written is being written.
    Over,
}

impl Live {
    pub(super) fn new(connection: ClientConnection, transport: Transport, stage: Stage, now: Instant) -> Box<Self> {
        Box::new(Self {
            connection,
            transport,
            stage,
            head: None,
            opened: now,
            carried: 0,
            exchange: None,
            drains: Vec::new(),
            lanes: Vec::new(),
            retired: false,
            told: false,
        })
    }

    /// Begins the closing handshake; what was to be written is written first.
    pub(super) fn close(&mut self, now: Instant) {
        if self.stage == Stage::Open {
            self.connection.begin_close(now, 1000);
            self.stage = Stage::Closing;
        }
    }

    /// Whether nothing keeps the socket any more: it may be dropped. `hurry`: somebody waits for the next one.
    pub(super) fn is_spent(&self, hurry: bool) -> bool {
        matches!(self.stage, Stage::Closing | Stage::Over)
            && (self.connection.is_finished() || (hurry && self.connection.poll_transmit().is_empty()))
    }

    /// Whether it was kept only for the sake of others, while something on it was given up for good.
    pub(super) fn is_left_over(&self) -> bool {
        self.stage == Stage::Open && self.drains.iter().any(|(_, until)| until.is_none())
    }

    /// From when on a WebSocket is too old to be used again.
    pub(super) fn ripe_at(&self, max_age: Option<Duration>) -> Option<Instant> {
        max_age.filter(|_| self.transport == Transport::WebSocket).map(|age| self.opened + age)
    }

    /// Until when the rest of a body is waited for.
    pub(super) fn tail(&self) -> Option<Instant> {
        self.exchange.flatten().map(|since| since + TAIL)
    }

    pub(super) fn drains(&self, lane: Option<&str>) -> bool {
        self.drains.iter().any(|(known, _)| known.as_deref() == lane)
    }

    /// The response that was given up has ended.
    pub(super) fn drained(&mut self, lane: Option<&str>) {
        self.drains.retain(|(known, _)| known.as_deref() != lane);
    }
}
