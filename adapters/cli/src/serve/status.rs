//! The status page: the newest exchanges, as they go on.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use turnwire::connection::Transport;
use turnwire::http::{Headers, Request};

use super::action::{Action, Plan};
use super::request::RequestMembers;
use super::server::{respond_json, set};

/// The page, which asks for the exchanges again and again.
const PAGE: &str = include_str!("status.html");

/// The number of exchanges that are listed.
const MAX_EXCHANGES: usize = 200;

/// The longest name of a model that is listed, in characters.
const MAX_NAME: usize = 100;

/// The newest exchanges.
#[derive(Debug, Default)]
pub(super) struct Exchanges(Mutex<(u64, VecDeque<Arc<Exchange>>)>);

/// An exchange, as the page lists it.
#[derive(Debug)]
pub(super) struct Exchange {
    number: u64,
    transport: Transport,
    lane: Option<String>,
    model: String,
    begun: Instant,
    events: AtomicU64,
    /// The time of the end in milliseconds, once there is one.
    ended: AtomicU64,
    state: AtomicU8,
}

const STREAMING: u8 = 0;
const COMPLETE: u8 = 1;
const CUT: u8 = 2;
const STATES: [&str; 3] = ["streaming", "complete", "cut"];

impl Exchange {
    /// Counts an event that was sent.
    pub(super) fn sent(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// Records the end. `complete`: all of the response was sent. Only the first end counts.
    pub(super) fn end(&self, complete: bool) {
        let state = if complete { COMPLETE } else { CUT };
        if self.state.compare_exchange(STREAMING, state, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.ended.store(self.elapsed(), Ordering::Relaxed);
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn json(&self) -> Value {
        let state = self.state.load(Ordering::Relaxed);
        let ms = if state == STREAMING { self.elapsed() } else { self.ended.load(Ordering::Relaxed) };
        json!({
            "number": self.number,
            "transport": if self.transport == Transport::WebSocket { "websocket" } else { "http" },
            "lane": self.lane,
            "model": self.model,
            "events": self.events.load(Ordering::Relaxed),
            "ms": ms,
            "state": STATES[usize::from(state).min(STATES.len() - 1)],
        })
    }
}

impl Exchanges {
    /// Lists the exchange of a request.
    pub(super) fn begin(&self, transport: Transport, lane: Option<&str>, body: &str) -> Arc<Exchange> {
        let model = RequestMembers::read(body).ok().and_then(|members| members.model).unwrap_or_default();
        let mut exchanges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        exchanges.0 += 1;
        let exchange = Arc::new(Exchange {
            number: exchanges.0,
            transport,
            lane: lane.map(str::to_owned),
            model: model.chars().take(MAX_NAME).collect(),
            begun: Instant::now(),
            events: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            state: AtomicU8::new(STREAMING),
        });
        exchanges.1.push_front(Arc::clone(&exchange));
        exchanges.1.truncate(MAX_EXCHANGES);
        exchange
    }

    /// Responds to a request for the page, or for the list of exchanges.
    pub(super) fn respond(&self, head: &Request) -> Option<Plan> {
        match (head.method(), head.target()) {
            ("GET", "/") => {
                let mut headers = Headers::new();
                set(&mut headers, "Content-Type", "text/html; charset=utf-8");
                set(
                    &mut headers,
                    "Content-Security-Policy",
                    "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'",
                );
                Some(Plan::one(Action::Respond(200, headers, PAGE.as_bytes().to_vec())))
            }
            ("GET", "/exchanges.json") => {
                let exchanges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let list: Vec<Value> = exchanges.1.iter().map(|exchange| exchange.json()).collect();
                Some(respond_json(200, &Value::Array(list)))
            }
            _ => None,
        }
    }
}
