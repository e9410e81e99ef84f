//! One end of one connection: the server's machine, its memory, and the scripts that are under way.

use turnwire::connection::{ServerConnection, Transport, server};
use turnwire::http::Headers;
use turnwire::turn::RequestState;
use turnwire::ws::deflate::ServerPolicy;

use super::answer::{Act, Author, Script};
use super::messages::{Line, Place, item_text};
use super::raw;
use super::received::{Body, Came, key_of};
use crate::sim::context::{Due, Ground};
use crate::sim::fault::Fault;
use crate::sim::net::Pipe;
use crate::sim::oracle::{Arrival, Memory, Response};
use crate::sim::plan::LANES;
use crate::sim::random::Random;

/// A server's end.
#[derive(Debug)]
pub struct Peer {
    link: usize,
    connection: ServerConnection,
    random: Random,
    memory: [Option<Memory>; LANES.len()],
    /// What is under way, or was.
    pub scripts: Vec<Script>,
    /// The key that the handshake showed.
    key: u32,
    /// What is to be written goes nowhere any more.
    quiet: bool,
    /// It has written what its machine knows nothing of.
    mischief: bool,
    /// When its deadline is on the agenda.
    timer: Option<u64>,
}

impl Peer {
    /// The server's end of a connection.
    #[must_use]
    pub fn new(link: usize, ground: &Ground<'_>) -> Self {
        let mut random = Random::of(ground.plan.seed, 3, link as u64);
        let mut config = server::Config::new();
        (config.timeouts.head, config.timeouts.idle) = (None, None);
        config.deflate_policy = ground.plan.provider.capabilities.deflate.then(ServerPolicy::default);
        Self {
            link,
            connection: ServerConnection::new(config, random.seed()),
            random,
            memory: [const { None }; LANES.len()],
            scripts: Vec::new(),
            key: 0,
            quiet: false,
            mischief: false,
            timer: None,
        }
    }

    /// Bytes came.
    pub fn input(&mut self, ground: &mut Ground<'_>, down: &mut Pipe, bytes: &[u8]) {
        self.connection.handle_input(ground.server_now(), bytes);
        self.turn_to(ground, down);
    }

    /// No more bytes will come.
    pub fn eof(&mut self, ground: &mut Ground<'_>, down: &mut Pipe) {
        self.connection.handle_eof(ground.server_now());
        self.turn_to(ground, down);
    }

    /// A deadline may have passed.
    pub fn timeout(&mut self, ground: &mut Ground<'_>, down: &mut Pipe) {
        self.timer = None;
        self.connection.handle_timeout(ground.server_now());
        self.turn_to(ground, down);
    }

    /// Where the lane's newest request stands; `None` when the machine was gone behind.
    #[must_use]
    pub fn state(&self, lane: usize) -> Option<RequestState> {
        (!self.mischief && !self.quiet && !self.connection.is_finished()).then(|| self.connection.state(LANES[lane]))
    }

    fn turn_to(&mut self, ground: &mut Ground<'_>, down: &mut Pipe) {
        loop {
            // What came is lent; what is done about it needs the whole peer.
            let came = match self.connection.poll_event() {
                None => break,
                Some(server::Event::Upgrade { head }) => Came::Upgrade(key_of(head)),
                Some(server::Event::Request { head, body }) => Came::post(head, body),
                Some(server::Event::Text { text, .. }) => Came::Text(serde_json::from_str(text).ok()),
                Some(server::Event::Closed(_)) => Came::Closed,
                Some(_) => Came::Text(None),
            };
            match came {
                Came::Upgrade(key) => self.upgrade(ground, down, key),
                Came::Post(body, key, token) => self.request(ground, Transport::Http, body, key, token),
                Came::Call(ask, key, token) => self.call(ground, ask, key, token),
                Came::Text(Some(body)) if body.kind.as_deref() == Some("response.create") => {
                    let token = body.client_metadata.token.clone();
                    self.request(ground, Transport::WebSocket, Some(body), self.key, token);
                }
                Came::Text(Some(_)) => {}
                Came::Text(None) | Came::Nonsense => {
                    ground.oracle.breaks("law 8", || "the server was sent what it cannot read".into());
                }
                Came::Closed => {
                    ground.say(|| format!("link {}: server: closed", self.link));
                    self.quiet |= ground.luck.strikes(&mut self.random, Fault::IgnoresClose);
                }
            }
        }
        self.flush(ground, down);
    }

    /// Puts on the wire what is to be written.
    fn flush(&mut self, ground: &mut Ground<'_>, down: &mut Pipe) {
        let now = ground.server_now();
        if self.quiet {
            return;
        }
        while !self.connection.poll_transmit().is_empty() {
            let bytes = self.connection.poll_transmit();
            down.write(bytes);
            let length = bytes.len();
            self.connection.handle_written(now, length);
        }
        if self.connection.is_finished() {
            down.end();
        }
        if let Some(at) = self.connection.poll_timeout().map(|at| ground.world_time_of_server(at))
            && self.timer.is_none_or(|timer| at < timer)
        {
            self.timer = Some(at);
            ground.agenda.put(at, Due::Peer(self.link));
        }
    }

    fn upgrade(&mut self, ground: &mut Ground<'_>, down: &mut Pipe, key: Option<u32>) {
        let now = ground.server_now();
        let key = key.unwrap_or_default();
        self.key = key;
        let mut strikes = |fault| ground.luck.strikes(&mut self.random, fault);
        if strikes(Fault::HandshakeSilence) {
            self.quiet = true;
            return;
        }
        if strikes(Fault::HandshakeHangUp) {
            return down.end();
        }
        let status = if strikes(Fault::HandshakeStays) {
            Some(self.random.pick(&[404, 405, 426, 501, 200]))
        } else if strikes(Fault::HandshakeUnauthorized) {
            ground.valid_key = ground.valid_key.max(key + 1);
            Some(401)
        } else if strikes(Fault::HandshakeStatus) {
            Some(self.random.pick(&[400, 403, 429, 500, 502, 503, 302]))
        } else {
            (key < ground.valid_key).then_some(401)
        };
        if let Some(status) = status {
            ground.say(|| format!("link {}: server: answers the handshake {status}", self.link));
            let _ = self.connection.respond(now, status, &Headers::new(), b"no websocket");
            return;
        }
        let bytes = if ground.luck.strikes(&mut self.random, Fault::HandshakeForged) {
            Some(raw::forged(&mut self.random))
        } else if ground.luck.strikes(&mut self.random, Fault::HandshakeGarbage) {
            Some(raw::bad_head(&mut self.random))
        } else {
            None
        };
        if let Some(bytes) = bytes {
            self.mischief = true;
            self.quiet = true;
            return down.write(&bytes);
        }
        let mut headers = Headers::new();
        if ground.luck.strikes(&mut self.random, Fault::HandshakeToken) {
            let _ = headers.append("x-codex-turn-state", "of-the-handshake");
        }
        let _ = self.connection.accept(now, &headers);
    }

    /// A request for a response: it is judged, and a script is written for it.
    fn request(
        &mut self,
        ground: &mut Ground<'_>,
        transport: Transport,
        body: Option<Body>,
        key: u32,
        token: Option<String>,
    ) {
        let ask = body.as_ref().and_then(|body| body.client_metadata.sim.as_ref()?.parse::<usize>().ok());
        let (Some(body), Some(ask)) = (body, ask) else {
            return ground.oracle.breaks("law 8", || "a request came that nobody made".into());
        };
        let lane = LANES.iter().position(|lane| *lane == body.stream_id.as_deref()).unwrap_or_default();
        let websocket = transport == Transport::WebSocket;
        self.judge_lanes(ground, websocket, lane);
        let memory = self.memory[lane].take();
        let response = self.respond(ground, None);
        let incremental = body.previous_response_id.is_some();
        let instructions = body.instructions.clone();
        let arrival = Arrival {
            ask,
            transport,
            lane: body.stream_id,
            token,
            previous: body.previous_response_id,
            texts: body
                .input
                .into_iter()
                .filter_map(|entry| entry.content.into_iter().next())
                .map(|part| part.text)
                .collect(),
            instructions: body.instructions,
            key,
            response: Some(response),
        };
        ground.say(|| {
            format!(
                "link {}: server: request {ask} arrives on {transport:?}, builds on {:?}, token {:?}",
                self.link, arrival.previous, arrival.token
            )
        });
        let texts = ground.oracle.arrived(self.link, arrival, memory.as_ref());
        let mut random = Random::of(ground.plan.seed, 4 + ask as u64, response as u64);
        let acts = if !websocket && (key < ground.valid_key || self.expires(ground, key)) {
            [(0, Act::Respond(401, Vec::new(), "who are you"))].into()
        } else {
            let mut author = Author::new(&mut random, &mut ground.luck, ground.plan, transport);
            author.warm = body.generate == Some(false);
            author.response = response;
            author.answer(incremental)
        };
        let lane = websocket.then_some(lane);
        self.start(ground, Script { response, lane, transport, acts, texts, instructions });
    }

    fn expires(&mut self, ground: &mut Ground<'_>, key: u32) -> bool {
        let expires = ground.luck.strikes(&mut self.random, Fault::Unauthorized);
        if expires {
            ground.valid_key = ground.valid_key.max(key + 1);
        }
        expires
    }

    /// No lane may have two requests in flight, and no connection more than it takes.
    fn judge_lanes(&self, ground: &mut Ground<'_>, websocket: bool, lane: usize) {
        let open = |script: &&Script| script.acts.iter().any(|(_, act)| ends(act));
        let busy = self.scripts.iter().filter(open).count();
        let on_lane = self.scripts.iter().filter(open).any(|script| script.lane == Some(lane));
        let most = ground.plan.provider.capabilities.max_concurrent_requests;
        if websocket && on_lane {
            ground.oracle.breaks("lanes", || format!("lane {:?} has two requests in flight", LANES[lane]));
        }
        if websocket && busy >= most {
            ground.oracle.breaks("lanes", || format!("a connection has {} requests in flight, of {most}", busy + 1));
        }
    }

    fn respond(&self, ground: &mut Ground<'_>, token: Option<String>) -> usize {
        let number = ground.oracle.responses.len();
        ground.oracle.responses.push(Response { id: format!("resp_{number}x"), payloads: Vec::new(), token });
        number
    }

    fn call(&mut self, ground: &mut Ground<'_>, ask: usize, key: u32, token: Option<String>) {
        let response = self.respond(ground, None);
        let arrival = Arrival {
            ask,
            transport: Transport::Http,
            lane: None,
            token,
            previous: None,
            texts: Vec::new(),
            instructions: String::new(),
            key,
            response: None,
        };
        ground.oracle.arrived(self.link, arrival, None);
        let mut random = Random::of(ground.plan.seed, 4 + ask as u64, response as u64);
        let acts = if key < ground.valid_key || self.expires(ground, key) {
            [(0, Act::Respond(401, Vec::new(), "who are you"))].into()
        } else {
            let mut author = Author::new(&mut random, &mut ground.luck, ground.plan, Transport::Http);
            author.response = response;
            author.call()
        };
        let (texts, instructions) = (Vec::new(), String::new());
        self.start(ground, Script { response, lane: None, transport: Transport::Http, acts, texts, instructions });
    }

    fn start(&mut self, ground: &mut Ground<'_>, script: Script) {
        if let Some((delay, _)) = script.acts.front() {
            ground.after(*delay, Due::Act(self.link, self.scripts.len()));
        }
        self.scripts.push(script);
    }

    /// The next act of a script is due.
    pub fn act(&mut self, ground: &mut Ground<'_>, down: &mut Pipe, script: usize) {
        let Some((_, act)) = self.scripts[script].acts.pop_front() else { return };
        ground.say(|| format!("link {}: server: {}", self.link, shown(&act)));
        if !self.connection.is_finished() || matches!(act, Act::Raw(_)) {
            self.perform(ground, down, script, act);
        }
        if let Some((delay, _)) = self.scripts[script].acts.front() {
            ground.after(*delay, Due::Act(self.link, script));
        }
        self.turn_to(ground, down);
    }

    fn perform(&mut self, ground: &mut Ground<'_>, down: &mut Pipe, script: usize, act: Act) {
        let now = ground.server_now();
        match act {
            Act::Begin(token) => {
                let response = self.scripts[script].response;
                let mut headers = Headers::new();
                let _ = headers.append("x-models-etag", format!("response-{response}"));
                if let Some(token) = &token {
                    let _ = headers.append("x-codex-turn-state", token.as_str());
                }
                ground.oracle.responses[response].token = token;
                let _ = self.connection.begin_stream(now, &headers);
            }
            Act::Respond(status, fields, body) => {
                let mut headers = Headers::new();
                for (name, value) in fields {
                    let _ = headers.append(name, value);
                }
                let _ = self.connection.respond(now, status, &headers, body.as_bytes());
            }
            Act::Say(line, late) => self.say(ground, down, script, &line, late, false),
            Act::Fragments(line) => self.say(ground, down, script, &line, false, true),
            Act::KeepAlive => {
                let _ = self.connection.send_keep_alive(now);
            }
            Act::EndStream => {
                let _ = self.connection.end_stream(now);
            }
            Act::Raw(bytes) => {
                self.flush(ground, down);
                self.mischief = true;
                down.write(&bytes);
            }
            Act::Unsolicited(bytes) if script + 1 == self.scripts.len() => {
                self.flush(ground, down);
                self.mischief = true;
                down.write(bytes);
            }
            Act::Unsolicited(_) => {}
            Act::Close(code) => self.connection.close(now, code, ""),
            Act::HangUp => {
                self.flush(ground, down);
                self.quiet = true;
                down.end();
            }
        }
    }

    fn say(&mut self, ground: &mut Ground<'_>, down: &mut Pipe, script: usize, line: &Line, late: bool, torn: bool) {
        let now = ground.server_now();
        let Script { response, lane, transport, .. } = self.scripts[script];
        let id = ground.oracle.responses[response].id.clone();
        let place = Place { link: self.link, response, id: &id, lane };
        let payload = line.write(&place, ground.oracle.payloads.len(), late);
        let said = if torn || matches!(line, Line::NotJson) {
            self.flush(ground, down);
            let text = &payload.text;
            // Its machine knows nothing of it, and its state is not compared from here on.
            self.mischief = true;
            down.write(&match transport {
                Transport::WebSocket if torn => raw::fragments(text),
                Transport::WebSocket => raw::frame(0x81, text.as_bytes()),
                Transport::Http => raw::chunk(format!("data: {text}\n\n").as_bytes()),
            });
            true
        } else {
            self.mischief |= late;
            self.connection.send(now, &payload.text).is_ok()
        };
        if !said {
            return;
        }
        ground.oracle.said(payload);
        let script = &mut self.scripts[script];
        match line {
            Line::Item(n) => script.texts.push(item_text(&id, *n)),
            Line::Completed if !late && lane.is_some() => {
                let (texts, instructions) = (script.texts.clone(), script.instructions.clone());
                self.memory[lane.unwrap_or_default()] = Some(Memory { id, texts, instructions });
            }
            _ => {}
        }
    }
}

/// Whether the act ends a response.
fn ends(act: &Act) -> bool {
    matches!(act, Act::Say(line, false) | Act::Fragments(line) if line.is_end())
}

fn shown(act: &Act) -> String {
    match act {
        Act::Raw(bytes) => format!("writes {} raw bytes", bytes.len()),
        Act::Unsolicited(bytes) => format!("writes {} bytes unasked", bytes.len()),
        other => format!("{other:?}").chars().take(120).collect(),
    }
}
