//! The server's end of one connection: a `ServerConnection`, the remembered responses, and the scripts in progress.

use turnwire::connection::{ServerConnection, Transport, server};
use turnwire::http::Headers;
use turnwire::turn::RequestState;
use turnwire::ws::deflate::ServerPolicy;

use super::messages::{Message, Place, Reply, item_text};
use super::raw;
use super::received::{Body, Received, key_of};
use super::script::{Action, Script, ScriptBuilder};
use crate::sim::context::{Context, Occurrence};
use crate::sim::fault::Fault;
use crate::sim::net::Pipe;
use crate::sim::oracle::{Arrival, Memory, Response};
use crate::sim::plan::LANES;
use crate::sim::random::Random;

/// The server's end of a connection.
#[derive(Debug)]
pub struct Peer {
    pub(super) link: usize,
    connection: ServerConnection,
    pub(super) random: Random,
    memory: [Option<Memory>; LANES.len()],
    /// The scripts, including those that have ended.
    pub scripts: Vec<Script>,
    /// Number of the API key in the handshake.
    key: u32,
    /// Whether output is discarded from now on.
    discards_output: bool,
    /// Whether raw bytes were written that `connection` does not know of.
    raw_written: bool,
    /// When its deadline is scheduled.
    timer: Option<u64>,
}

impl Peer {
    /// Creates the server's end of a connection.
    #[must_use]
    pub fn new(link: usize, context: &Context<'_>) -> Self {
        let mut random = Random::of(context.plan.seed, 3, link as u64);
        let mut config = server::Config::new();
        (config.timeouts.head, config.timeouts.idle) = (None, None);
        config.deflate_policy = context.plan.provider.capabilities.deflate.then(ServerPolicy::default);
        Self {
            link,
            connection: ServerConnection::new(config, random.seed()),
            random,
            memory: [const { None }; LANES.len()],
            scripts: Vec::new(),
            key: 0,
            discards_output: false,
            raw_written: false,
            timer: None,
        }
    }

    /// Handles bytes from the client.
    pub fn input(&mut self, context: &mut Context<'_>, down: &mut Pipe, bytes: &[u8]) {
        self.connection.handle_input(context.server_now(), bytes);
        self.process_events(context, down);
    }

    /// Handles the end of input.
    pub fn eof(&mut self, context: &mut Context<'_>, down: &mut Pipe) {
        self.connection.handle_eof(context.server_now());
        self.process_events(context, down);
    }

    /// Handles a scheduled deadline.
    pub fn timeout(&mut self, context: &mut Context<'_>, down: &mut Pipe) {
        self.timer = None;
        self.connection.handle_timeout(context.server_now());
        self.process_events(context, down);
    }

    /// Returns the state of the lane's newest request, or `None` if raw bytes were written without `connection`.
    #[must_use]
    pub fn state(&self, lane: usize) -> Option<RequestState> {
        (!self.raw_written && !self.discards_output && !self.connection.is_finished())
            .then(|| self.connection.state(LANES[lane]))
    }

    fn process_events(&mut self, context: &mut Context<'_>, down: &mut Pipe) {
        loop {
            // The event borrows from `connection`; copy what is needed, because handling it needs all of `self`.
            let received = match self.connection.poll_event() {
                None => break,
                Some(server::Event::Upgrade { head }) => Received::Upgrade(key_of(head)),
                Some(server::Event::Request { head, body }) => Received::post(head, body),
                Some(server::Event::Text { text, .. }) => Received::Text(serde_json::from_str(text).ok()),
                Some(server::Event::Closed(_)) => Received::Closed,
                Some(_) => Received::Text(None),
            };
            match received {
                Received::Upgrade(key) => self.upgrade(context, down, key),
                Received::Post(body, key, token) => self.request(context, Transport::Http, body, key, token),
                Received::Call(ask, key, token) => self.call(context, ask, key, token),
                Received::Text(Some(body)) if body.kind.as_deref() == Some("response.create") => {
                    let token = body.client_metadata.token.clone();
                    self.request(context, Transport::WebSocket, Some(body), self.key, token);
                }
                Received::Text(Some(body)) => self.said_of_response(context, body),
                Received::Text(None) | Received::Invalid => {
                    context.oracle.violated("law 8", || "the server received a message that it cannot parse".into());
                }
                Received::Closed => {
                    context.log(|| format!("link {}: server: closed", self.link));
                    self.discards_output |= context.injector.inject(&mut self.random, Fault::IgnoresClose);
                }
            }
        }
        self.flush(context, down);
    }

    /// Writes the pending output.
    fn flush(&mut self, context: &mut Context<'_>, down: &mut Pipe) {
        let now = context.server_now();
        if self.discards_output {
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
        if let Some(at) = self.connection.poll_timeout().map(|at| context.world_time_of_server(at))
            && self.timer.is_none_or(|timer| at < timer)
        {
            self.timer = Some(at);
            context.schedule.put(at, Occurrence::Peer(self.link));
        }
    }

    fn upgrade(&mut self, context: &mut Context<'_>, down: &mut Pipe, key: Option<u32>) {
        let now = context.server_now();
        let key = key.unwrap_or_default();
        self.key = key;
        let mut inject = |fault| context.injector.inject(&mut self.random, fault);
        if inject(Fault::HandshakeSilence) {
            self.discards_output = true;
            return;
        }
        if inject(Fault::HandshakeHangUp) {
            return down.end();
        }
        let status = if inject(Fault::HandshakeStays) {
            Some(self.random.pick(&[404, 405, 426, 501, 200]))
        } else if inject(Fault::HandshakeUnauthorized) {
            context.valid_key = context.valid_key.max(key + 1);
            Some(401)
        } else if inject(Fault::HandshakeStatus) {
            Some(self.random.pick(&[400, 403, 429, 500, 502, 503, 302]))
        } else {
            (key < context.valid_key).then_some(401)
        };
        if let Some(status) = status {
            context.log(|| format!("link {}: server: responds to the handshake with {status}", self.link));
            let _ = self.connection.respond(now, status, &Headers::new(), b"no websocket");
            return;
        }
        let bytes = if context.injector.inject(&mut self.random, Fault::HandshakeForged) {
            Some(raw::forged(&mut self.random))
        } else if context.injector.inject(&mut self.random, Fault::HandshakeGarbage) {
            Some(raw::bad_head(&mut self.random))
        } else {
            None
        };
        if let Some(bytes) = bytes {
            self.raw_written = true;
            self.discards_output = true;
            return down.write(&bytes);
        }
        let mut headers = Headers::new();
        if context.injector.inject(&mut self.random, Fault::HandshakeToken) {
            let _ = headers.append("x-codex-turn-state", "of-the-handshake");
        }
        let _ = self.connection.accept(now, &headers);
    }

    /// Handles a request for a response: checks it and starts a script.
    fn request(
        &mut self,
        context: &mut Context<'_>,
        transport: Transport,
        body: Option<Body>,
        key: u32,
        token: Option<String>,
    ) {
        let ask = body.as_ref().and_then(|body| body.client_metadata.sim.as_ref()?.parse::<usize>().ok());
        let (Some(body), Some(ask)) = (body, ask) else {
            return context
                .oracle
                .violated("law 8", || "the server received a request that the application did not submit".into());
        };
        let lane = LANES.iter().position(|lane| *lane == body.stream_id.as_deref()).unwrap_or_default();
        let websocket = transport == Transport::WebSocket;
        self.check_lanes(context, websocket, lane);
        let memory = self.memory[lane].take();
        let response = self.respond(context, None);
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
        context.log(|| {
            format!(
                "link {}: server: request {ask} arrives on {transport:?}, previous response {:?}, turn token {:?}",
                self.link, arrival.previous, arrival.token
            )
        });
        let texts = context.oracle.arrived(self.link, arrival, memory.as_ref());
        let mut random = Random::of(context.plan.seed, 4 + ask as u64, response as u64);
        let actions = if !websocket && (key < context.valid_key || self.expires(context, key)) {
            [(0, Action::Respond(401, Vec::new(), "who are you"))].into()
        } else {
            let mut builder = ScriptBuilder::new(&mut random, &mut context.injector, context.plan, transport);
            builder.warm = body.generate == Some(false);
            builder.response = response;
            builder.answer(incremental)
        };
        let lane = websocket.then_some(lane);
        self.start(
            context,
            Script { response, lane, transport, actions, texts, instructions, steers: Vec::new(), interrupted: false },
        );
    }

    fn expires(&mut self, context: &mut Context<'_>, key: u32) -> bool {
        let expires = context.injector.inject(&mut self.random, Fault::Unauthorized);
        if expires {
            context.valid_key = context.valid_key.max(key + 1);
        }
        expires
    }

    /// Checks that a lane has at most one request in flight, and a connection at most the configured number.
    fn check_lanes(&self, context: &mut Context<'_>, websocket: bool, lane: usize) {
        let open = |script: &&Script| script.actions.iter().any(|(_, action)| ends(action, script.interrupted));
        let busy = self.scripts.iter().filter(open).count();
        let on_lane = self.scripts.iter().filter(open).any(|script| script.lane == Some(lane));
        let most = context.plan.provider.capabilities.max_concurrent_requests;
        if websocket && on_lane {
            context.oracle.violated("lanes", || format!("lane {:?} has two requests in flight", LANES[lane]));
        }
        if websocket && busy >= most {
            context.oracle.violated("lanes", || {
                format!("a connection has {} requests in flight, at most {most} are allowed", busy + 1)
            });
        }
    }

    fn respond(&self, context: &mut Context<'_>, token: Option<String>) -> usize {
        let number = context.oracle.responses.len();
        context.oracle.responses.push(Response { id: format!("resp_{number}x"), payloads: Vec::new(), token });
        number
    }

    fn call(&mut self, context: &mut Context<'_>, ask: usize, key: u32, token: Option<String>) {
        let response = self.respond(context, None);
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
        context.oracle.arrived(self.link, arrival, None);
        let mut random = Random::of(context.plan.seed, 4 + ask as u64, response as u64);
        let actions = if key < context.valid_key || self.expires(context, key) {
            [(0, Action::Respond(401, Vec::new(), "who are you"))].into()
        } else {
            let mut builder = ScriptBuilder::new(&mut random, &mut context.injector, context.plan, Transport::Http);
            builder.response = response;
            builder.call()
        };
        let (texts, instructions) = (Vec::new(), String::new());
        self.start(
            context,
            Script {
                response,
                lane: None,
                transport: Transport::Http,
                actions,
                texts,
                instructions,
                steers: Vec::new(),
                interrupted: false,
            },
        );
    }

    fn start(&mut self, context: &mut Context<'_>, script: Script) {
        if let Some((delay, _)) = script.actions.front() {
            context.after(*delay, Occurrence::Action(self.link, self.scripts.len()));
        }
        self.scripts.push(script);
    }

    /// Performs the next action of a script.
    pub fn act(&mut self, context: &mut Context<'_>, down: &mut Pipe, script: usize) {
        let Some((_, action)) = self.scripts[script].actions.pop_front() else { return };
        context.log(|| format!("link {}: server: {}", self.link, format_action(&action)));
        if !self.connection.is_finished() || matches!(action, Action::Raw(_)) {
            self.perform(context, down, script, action);
        }
        if let Some((delay, _)) = self.scripts[script].actions.front() {
            context.after(*delay, Occurrence::Action(self.link, script));
        }
        self.process_events(context, down);
    }

    fn perform(&mut self, context: &mut Context<'_>, down: &mut Pipe, script: usize, action: Action) {
        let now = context.server_now();
        match action {
            Action::Begin(token) => {
                let response = self.scripts[script].response;
                let mut headers = Headers::new();
                let _ = headers.append("x-models-etag", format!("response-{response}"));
                if let Some(token) = &token {
                    let _ = headers.append("x-codex-turn-state", token.as_str());
                }
                context.oracle.responses[response].token = token;
                let _ = self.connection.begin_stream(now, &headers);
            }
            Action::Respond(status, fields, body) => {
                let mut headers = Headers::new();
                for (name, value) in fields {
                    let _ = headers.append(name, value);
                }
                let _ = self.connection.respond(now, status, &headers, body.as_bytes());
            }
            Action::Send(message, late) => self.send(context, down, script, &message, late, false),
            Action::Fragments(message) => self.send(context, down, script, &message, false, true),
            Action::KeepAlive => {
                let _ = self.connection.send_keep_alive(now);
            }
            Action::EndStream => {
                let _ = self.connection.end_stream(now);
            }
            Action::Raw(bytes) => {
                self.flush(context, down);
                self.raw_written = true;
                down.write(&bytes);
            }
            Action::Unsolicited(bytes) if script + 1 == self.scripts.len() => {
                self.flush(context, down);
                self.raw_written = true;
                down.write(bytes);
            }
            Action::Unsolicited(_) => {}
            Action::Succeed => {
                // It takes all accepted submissions into account.
                self.scripts[script].steers.clear();
                let response = self.scripts[script].response;
                let current = &mut context.oracle.responses[response].id;
                let next = format!("{current}s");
                let previous = core::mem::replace(current, next);
                self.send(context, down, script, &Message::Successor(previous), false, false);
            }
            Action::Close(code) => self.connection.close(now, code, ""),
            Action::HangUp => {
                self.flush(context, down);
                self.discards_output = true;
                down.end();
            }
        }
    }

    fn send(
        &mut self,
        context: &mut Context<'_>,
        down: &mut Pipe,
        script: usize,
        message: &Message,
        late: bool,
        fragmented: bool,
    ) {
        let now = context.server_now();
        let Script { response, lane, transport, .. } = self.scripts[script];
        let id = context.oracle.responses[response].id.clone();
        let place = Place { link: self.link, response, id: &id, lane };
        let payload = message.write(&place, context.oracle.payloads.len(), late);
        let said = if fragmented || matches!(message, Message::NotJson) {
            self.flush(context, down);
            let text = &payload.text;
            // `connection` does not know of these bytes, so its state is not compared from here on.
            self.raw_written = true;
            down.write(&match transport {
                Transport::WebSocket if fragmented => raw::fragments(text),
                Transport::WebSocket => raw::frame(0x81, text.as_bytes()),
                Transport::Http => raw::chunk(format!("data: {text}\n\n").as_bytes()),
            });
            true
        } else {
            self.raw_written |= late;
            self.connection.send(now, &payload.text).is_ok()
        };
        if !said {
            return;
        }
        context.oracle.payload_sent(payload);
        let (number, is_end) = (script, message.is_end() && !late && lane.is_some());
        let script = &mut self.scripts[script];
        match message {
            Message::Item(n) => script.texts.push(item_text(&id, *n)),
            Message::Completed | Message::Interrupted if !late && lane.is_some() => {
                let (texts, instructions) = (script.texts.clone(), script.instructions.clone());
                self.memory[lane.unwrap_or_default()] = Some(Memory { id, texts, instructions });
            }
            _ => {}
        }
        if is_end {
            self.after_end(number, message);
        }
    }
}

/// Returns whether the action ends a response, or a submission: until then, the lane belongs to the request.
fn ends(action: &Action, interrupted: bool) -> bool {
    match action {
        Action::Send(message, false) | Action::Fragments(message) => {
            let settles = matches!(message, Message::Steer(Reply::Pending | Reply::Failed, _));
            message.is_end() || (settles && !interrupted)
        }
        Action::Succeed => true,
        _ => false,
    }
}

fn format_action(action: &Action) -> String {
    match action {
        Action::Raw(bytes) => format!("writes {} raw bytes", bytes.len()),
        Action::Unsolicited(bytes) => format!("writes {} unsolicited bytes", bytes.len()),
        other => format!("{other:?}").chars().take(120).collect(),
    }
}
