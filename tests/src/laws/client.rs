//! Laws of the `client` layer, checked over random sequences of operations on a client and its servers.

use std::collections::BTreeMap;
use std::time::Duration;

use turnwire::client::{
    AbandonMode, CancelMode, ConnectError, Credentials, Disconnected, OwnedEvent, RawOperation, Request, RequestId,
    Settings, TransportPreference,
};

use crate::choices::Choices;
use crate::chunks::Chunks;
use crate::fixtures::{ask, created, delta, done, done0, error, fail, incomplete, msg, on_lane, token, user};
use crate::pair::{Act, Kind, Pair, Script, Seen, provider};

/// One run of a client.
struct Run {
    pair: Pair,
    /// Number of the logical turn, counted from zero.
    turn: usize,
    /// The first turn token of each turn that the client received.
    tokens: BTreeMap<usize, String>,
    submitted: Vec<RequestId>,
    /// The lane of each request.
    lanes: BTreeMap<RequestId, Option<String>>,
    /// The socket on which each response completed.
    completed_on: BTreeMap<String, usize>,
    /// Number of turn tokens and responses so far.
    count: usize,
    checked: usize,
}

const LANES: [Option<&str>; 3] = [None, Some("a"), Some("b")];

impl Run {
    fn new(choices: &mut Choices<'_>, up: Chunks, down: Chunks, extra_polls: bool) -> Self {
        let mut provider = provider();
        provider.capabilities.max_concurrent_requests = [1, 2, 16][usize::from(choices.of(3))];
        provider.capabilities.reuse_after_failure = choices.coin();
        provider.capabilities.incremental = choices.coin();
        provider.capabilities.max_lane_names = [1, 2, 32][usize::from(choices.of(3))];
        provider.capabilities.max_connection_age = Some(Duration::from_secs([2, 3300][usize::from(choices.of(2))]));
        provider.capabilities.ping_interval = [None, Some(Duration::from_secs(25))][usize::from(choices.of(2))];
        provider.retry.max_retries = u32::from(choices.of(4));
        provider.retry.on_429 = choices.coin();
        let mut settings = Settings::default();
        settings.transport = [TransportPreference::Auto, TransportPreference::WebSocket, TransportPreference::Http]
            [usize::from(choices.of(3))];
        settings.cancel = [
            CancelMode::Close,
            CancelMode::Drain { limit: Duration::from_millis(300) },
            CancelMode::Interrupt { limit: Duration::from_millis(300), otherwise: AbandonMode::Close },
        ][usize::from(choices.of(3))];
        settings.queue_on_busy_lane = choices.coin();
        settings.resend_after_output = choices.coin();
        settings.max_credential_requests = u32::from(choices.of(2));
        settings.connection.max_backlog = [400, 1 << 20][usize::from(choices.of(2))];
        let mut pair = Pair::with(provider, Credentials::bearer("key"), settings, Script::new());
        (pair.up, pair.down, pair.extra_polls) = (up, down, extra_polls);
        Self {
            pair,
            turn: 0,
            tokens: BTreeMap::new(),
            submitted: Vec::new(),
            lanes: BTreeMap::new(),
            completed_on: BTreeMap::new(),
            count: 0,
            checked: 0,
        }
    }

    fn op(&mut self, choices: &mut Choices<'_>) {
        match choices.of(20) {
            0..=3 => self.send_request(choices),
            4..=9 => self.send_event(choices),
            10 => self.cancel(choices),
            11 => {
                if self.pair.client.begin_turn().is_ok() {
                    self.turn += 1;
                }
            }
            12 | 13 => {
                self.pair.jump();
            }
            14 => self.network_event(choices),
            15 => self.unary(choices),
            16 => {
                if choices.coin() {
                    self.pair.client.set_credentials(self.pair.now, Credentials::bearer("new"));
                } else {
                    self.pair.client.refuse_credentials(self.pair.now);
                }
            }
            17 => self.steer(choices),
            18 => self.pair.client.preconnect(self.pair.now),
            _ => match choices.of(8) {
                0 => self.pair.client.shut_down_gracefully(self.pair.now),
                1 => self.pair.client.close(self.pair.now),
                2 => self.send_message(choices),
                3 => self.fail_connect_attempt(choices),
                4 => self.pair.loses_connections = choices.coin(),
                5 => self.plan_whole_response(choices),
                6 => self.send_with_deadline(choices),
                _ => self.pair.pass(Duration::from_millis(u64::from(choices.next_byte()))),
            },
        }
        self.pair.run();
    }

    fn request(&self, choices: &mut Choices<'_>) -> Request {
        let mut create = ask(["one", "two"][usize::from(choices.of(2))]);
        if choices.coin() {
            create.input.push(user("more"));
        }
        create.client_metadata = Some([("turn", self.turn.to_string())].into_iter().collect());
        let mut request = Request::from(create);
        request.lane = LANES[usize::from(choices.of(3))].map(Into::into);
        request
    }

    fn send_request(&mut self, choices: &mut Choices<'_>) {
        let request = self.request(choices);
        let (now, lane) = (self.pair.now, request.lane.clone());
        let id = match choices.of(6) {
            0 => self.pair.client.prewarm(now, request).unwrap_or_default(),
            _ => self.pair.client.send(now, request).ok(),
        };
        self.submitted.extend(id);
        self.lanes.extend(id.map(|id| (id, lane)));
    }

    fn unary(&mut self, choices: &mut Choices<'_>) {
        let mut call = RawOperation::post(
            "responses/compact",
            format!(r#"{{"client_metadata":{{"turn":"{}"}}}}"#, self.turn).into(),
        );
        call.send_turn_token = choices.coin();
        self.submitted.extend(self.pair.client.submit_raw(self.pair.now, call));
    }

    /// Sends a message that the client does not know.
    fn send_message(&mut self, choices: &mut Choices<'_>) {
        let texts = [
            r#"{"type":"zz.note","stream_id":"a"}"#,
            r#"{"type":"zz.note"}"#,
            r#"{"type":"response.create"}"#,
            "not JSON",
        ];
        let lane = LANES[usize::from(choices.of(3))];
        let _ = self.pair.client.send_message(self.pair.now, lane, texts[usize::from(choices.of(4))]);
    }

    /// The next connection attempt fails.
    fn fail_connect_attempt(&mut self, choices: &mut Choices<'_>) {
        let error = match choices.of(4) {
            0 => ConnectError::Network("refused".into()),
            1 => ConnectError::Tls("not trusted".into()),
            kind => ConnectError::Proxy { message: "407".into(), retryable: kind == 2 },
        };
        self.pair.script.plan(Kind::Dial, vec![Act::Fail(error)]);
    }

    /// The server answers the next request over HTTP with a body that is no event stream.
    fn plan_whole_response(&mut self, choices: &mut Choices<'_>) {
        let bodies = [
            r#"{"object":"response","id":"same","status":"completed","output":[{"type":"message","role":"assistant","content":[]}]}"#,
            r#"{"object":"response","id":"same","status":"failed","error":{"code":"odd","message":"x"}}"#,
            r#"{"error":{"code":"odd","message":"x"}}"#,
            "<html></html>",
            "",
        ];
        let kind = ["application/json", "text/html"][usize::from(choices.of(2))];
        let body = bodies[usize::from(choices.of(5))];
        self.pair.script.plan(Kind::Post, vec![Act::respond_with(200, &[("content-type", kind)], body)]);
    }

    /// Sends a request that has little time.
    fn send_with_deadline(&mut self, choices: &mut Choices<'_>) {
        let request = self.request(choices).with_deadline(Duration::from_millis(u64::from(choices.next_byte())));
        self.pair.client.set_wall_clock(self.pair.now, 1_700_000_000_000);
        let lane = request.lane.clone();
        let id = self.pair.client.send(self.pair.now, request).ok();
        self.submitted.extend(id);
        self.lanes.extend(id.map(|id| (id, lane)));
    }

    fn cancel(&mut self, choices: &mut Choices<'_>) {
        if let Some(id) = self.submitted.get(self.submitted.len().wrapping_sub(1 + usize::from(choices.of(3)))) {
            self.pair.client.cancel(self.pair.now, *id);
        }
    }

    fn steer(&mut self, choices: &mut Choices<'_>) {
        if let Some(id) = self.submitted.get(self.submitted.len().wrapping_sub(1 + usize::from(choices.of(2)))) {
            let _ = match choices.of(4) {
                0 => self.pair.client.interrupt(self.pair.now, *id),
                1 => self.pair.client.inject(self.pair.now, *id, &[user("left")]),
                _ => self.pair.client.steer(self.pair.now, *id, &[user("left")]).map(|_| ()),
            };
        }
    }

    /// Returns the newest request that the server received on this lane of the current socket.
    fn newest(&self, lane: Option<&str>) -> Option<&Seen> {
        let socket = self.pair.dials.len().wrapping_sub(1);
        let mut seen = self.pair.seen.iter().rev().filter(|seen| seen.socket == socket);
        seen.find(|seen| match seen.kind {
            Kind::Text => seen.json()["type"] == "response.create" && seen.json()["stream_id"].as_str() == lane,
            Kind::Post => true,
            Kind::Dial | Kind::Upgrade => false,
        })
    }

    /// Sends a server event for the lane's newest request.
    fn send_event(&mut self, choices: &mut Choices<'_>) {
        let lane = LANES[usize::from(choices.of(3))];
        let Some(seen) = self.newest(lane) else { return };
        let (turn, kind) = (turn_of(seen), seen.kind);
        let choice = choices.of(17);
        let id = format!("r{}", self.count);
        let event = match choice {
            0 | 1 => created(&id),
            2..=4 => delta("x"),
            5 => msg("msg_1", "hi"),
            6 => {
                self.count += 1;
                token(&format!("t{turn}-{}", self.count))
            }
            7..=9 => done(&id),
            10 => fail("odd", "x"),
            11 => fail("invalid_prompt", "x"),
            12 => error(400, "previous_response_not_found", "x"),
            13 => incomplete(&id, ["max_output_tokens", "steered", "interrupted"][usize::from(choices.of(3))]),
            15 => self.reply(choices),
            14 => done0("same"),
            _ => r#"{"type":"odd.event","response":null}"#.into(),
        };
        if choice >= 7 {
            self.count += 1;
        }
        self.completed_on.insert(id, self.pair.dials.len() - 1);
        match kind {
            Kind::Text => {
                let event = lane.map_or_else(|| event.clone(), |lane| on_lane(lane, &event));
                self.pair.act(Act::Send(event));
            }
            Kind::Post | Kind::Dial | Kind::Upgrade => self.send_http_event(choices, turn, event),
        }
    }

    /// Replies to what was asked of a response beside its request.
    fn reply(&self, choices: &mut Choices<'_>) -> String {
        let response = format!("r{}", self.count.saturating_sub(usize::from(choices.of(3))));
        let steer = format!(r#"{{"id":"s{}","previous_response_id":"{response}","input":"left"}}"#, choices.of(3));
        match choices.of(6) {
            0 => format!(r#"{{"type":"response.steer.accepted","steer":{steer}}}"#),
            1 => format!(r#"{{"type":"response.steer.pending","steer":{steer},"required_input":[]}}"#),
            2 => format!(
                r#"{{"type":"response.steer.failed","steer":{steer},"error":{{"code":"response_not_active"}}}}"#
            ),
            3 => format!(r#"{{"type":"response.interrupt.accepted","response_id":"{response}"}}"#),
            4 => format!(r#"{{"type":"response.interrupt.failed","response_id":"{response}"}}"#),
            _ => error(400, "response_not_found", "no such response"),
        }
    }

    fn send_http_event(&mut self, choices: &mut Choices<'_>, turn: usize, event: String) {
        self.count += 1;
        let value = format!("t{turn}-{}", self.count);
        let head: &[(&str, &str)] = if choices.coin() { &[("x-codex-turn-state", &value)] } else { &[] };
        match choices.of(6) {
            0 => self.pair.act(Act::respond_with(200, head, "{}")),
            1 => self.pair.act(Act::respond(429, "{}")),
            2 => self.pair.act(Act::End),
            _ => {
                let dials = self.pair.dials.len();
                self.pair.act(Act::stream_with(head));
                // The head may end the connection; then the event must not go to the next connection.
                if self.pair.dials.len() == dials {
                    self.pair.act(Act::Send(event));
                }
            }
        }
    }

    /// Applies a network event to the current socket, or to the next one.
    fn network_event(&mut self, choices: &mut Choices<'_>) {
        match choices.of(13) {
            0 => self.pair.act(Act::Drop),
            12 => self.pair.mute(),
            1 => self.pair.act(Act::Close([1000, 1009, 1011][usize::from(choices.of(3))], "why".into())),
            2 => self.pair.act(Act::Raw(vec![0x81, 0x04, b'n', b'o', b'p', b'e'])),
            3 => self.pair.act(Act::Raw(vec![0x82, 0x01, b'x'])),
            4 => self.pair.act(Act::Raw(vec![choices.next_byte(), choices.next_byte(), choices.next_byte()])),
            5 => self.pair.act(Act::KeepAlive),
            6 => self.pair.act(Act::Send(error(400, "websocket_connection_limit_reached", "x"))),
            7 => {
                let status = [426, 503, 429, 401, 200, 404][usize::from(choices.of(6))];
                self.pair.script.plan(Kind::Upgrade, vec![Act::respond(status, "x")]);
            }
            8 => self.pair.script.plan(Kind::Upgrade, vec![Act::Drop]),
            9 => self.pair.script.plan(Kind::Dial, vec![]),
            10 => {
                let status = [500, 401, 429, 404][usize::from(choices.of(4))];
                self.pair.script.plan(Kind::Post, vec![Act::respond(status, "x")]);
            }
            _ => {
                let limits = r#"{"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent":1}}}"#;
                self.pair.act(Act::Send(limits.into()));
            }
        }
    }

    /// Checks the invariants that hold at any time.
    fn check(&mut self) -> Result<(), String> {
        self.check_tokens()?;
        if self.pair.client.has_pending_requests() && self.pair.client.poll_timeout().is_none() {
            return Err("a request is in flight, but there is no deadline and no scheduled act".into());
        }
        Ok(())
    }

    /// Law 10: every turn token belongs to its turn, and each turn uses one token. A previous response belongs to the
    /// same connection.
    fn check_tokens(&mut self) -> Result<(), String> {
        for seen in &self.pair.seen[self.checked..] {
            if !matches!(seen.kind, Kind::Post | Kind::Text)
                || (seen.kind == Kind::Text && seen.json()["type"] != "response.create")
            {
                continue;
            }
            let turn = turn_of(seen);
            if let Some(id) = seen.previous()
                && id != "same"
                && self.completed_on.get(&id) != Some(&seen.socket)
            {
                return Err(format!("socket {} received previous_response_id {id} of another socket", seen.socket));
            }
            let Some(token) = seen.turn_state() else { continue };
            if !token.starts_with(&format!("t{turn}-")) {
                return Err(format!("turn {turn} sent the turn token {token}"));
            }
            let first = self.tokens.entry(turn).or_insert_with(|| token.clone());
            if *first != token {
                return Err(format!("turn {turn} sent the turn token {first}, and then {token}"));
            }
        }
        self.checked = self.pair.seen.len();
        Ok(())
    }

    /// Law 11: each request has exactly one terminal event, and no event after it.
    fn check_ends(&self) -> Result<(), String> {
        let mut ended: Vec<RequestId> = Vec::new();
        for event in &self.pair.events {
            let Some(id) = event_id(event) else { continue };
            if ended.contains(&id) {
                return Err(format!("event after the end of {id}: {event:?}"));
            }
            if let OwnedEvent::Finished { .. } = event {
                ended.push(id);
            }
        }
        Ok(())
    }

    /// Requests of a lane are sent in order of submission.
    fn check_order(&self) -> Result<(), String> {
        let mut last: BTreeMap<&Option<String>, RequestId> = BTreeMap::new();
        for event in &self.pair.events {
            let OwnedEvent::Sent { id, .. } = event else { continue };
            let Some(lane) = self.lanes.get(id) else { continue };
            if last.insert(lane, *id).is_some_and(|before| before > *id) {
                return Err(format!("{id} was sent after a later request on lane {lane:?}"));
            }
        }
        Ok(())
    }

    /// Each connection is reported once as connected and once as disconnected.
    fn check_connections(&self) -> Result<(), String> {
        let mut up = false;
        for event in &self.pair.events {
            match event {
                OwnedEvent::Connected { .. } if up => return Err("two connections at once".into()),
                OwnedEvent::Connected { .. } => up = true,
                OwnedEvent::Disconnected(Disconnected::Closed(_)) if !up => {
                    return Err("one connection was reported as disconnected twice".into());
                }
                OwnedEvent::Disconnected(_) => up = false,
                _ => {}
            }
        }
        Ok(())
    }

    /// Closes the client and checks that every request ends.
    fn end(mut self) -> Result<Pair, String> {
        self.pair.run_out();
        self.check()?;
        self.pair.client.close(self.pair.now);
        self.pair.run_down();
        self.check()?;
        self.check_ends()?;
        self.check_connections()?;
        self.check_order()?;
        if !self.pair.client.is_finished() {
            return Err("the client was closed but does not finish".into());
        }
        let quiet = self.pair.client.poll_event().is_none()
            && self.pair.client.poll_transmit().is_empty()
            && self.pair.client.poll_timeout().is_none()
            && !self.pair.client.wants_input();
        if !quiet {
            return Err("the client is finished but requests an action".into());
        }
        match self.submitted.iter().find(|id| self.pair.outcome(**id).is_none()) {
            Some(id) => Err(format!("{id} never ended")),
            None => Ok(self.pair),
        }
    }
}

fn event_id(event: &OwnedEvent) -> Option<RequestId> {
    match event {
        OwnedEvent::Sent { id, .. }
        | OwnedEvent::Server { id, .. }
        | OwnedEvent::Malformed { id, .. }
        | OwnedEvent::Violation { id, .. }
        | OwnedEvent::Continued { id, .. }
        | OwnedEvent::Retry { id, .. }
        | OwnedEvent::CredentialsNeeded { id, .. }
        | OwnedEvent::Finished { id, .. } => Some(*id),
        OwnedEvent::Info { id, .. } | OwnedEvent::Steering { id, .. } => *id,
        _ => None,
    }
}

pub(super) fn turn_of(seen: &Seen) -> usize {
    seen.json()["client_metadata"]["turn"].as_str().and_then(|turn| turn.parse().ok()).unwrap_or_default()
}

/// Formats the run as text, for comparison.
#[must_use]
pub fn transcript(pair: &Pair) -> Vec<String> {
    pair.events
        .iter()
        .map(|event| match event {
            OwnedEvent::Server { id, event } => format!("{id} {}", event.to_json()),
            OwnedEvent::Malformed { id, text, .. } => format!("{id} malformed {text}"),
            other => format!("{other:?}"),
        })
        .collect()
}

fn run(input: &[u8], up: Chunks, down: Chunks, extra_polls: bool, delivers_at_once: bool) -> Result<Pair, String> {
    let mut choices = Choices::new(input);
    let mut run = Run::new(&mut choices, up, down, extra_polls);
    run.pair.delivers_at_once = delivers_at_once;
    while !choices.is_empty() {
        run.op(&mut choices);
        run.check()?;
    }
    run.end()
}

/// Laws 1, 3, 6, 7, 10 and 11 over a random run: it ends, and it is the same for every split into reads and with extra
/// polls, and, for every second input, if events are delivered while it is read.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [cut, input @ ..] = input else { return Ok(()) };
    // Each operation runs client and server; a longer run finds nothing that a shorter one does not.
    let input = &input[..input.len().min(4096)];
    let whole = run(input, Chunks::Whole, Chunks::Whole, false, false)?;
    let sizes = |cut: u8| Chunks::Cycle(vec![usize::from(cut & 7) + 1, usize::from(cut >> 3) + 1]);
    let other = run(input, sizes(*cut), sizes(cut.rotate_left(3)), true, input.len() % 2 == 1)?;
    let (one, two) = (transcript(&whole), transcript(&other));
    if let Some(at) = (0..one.len().max(two.len())).find(|at| one.get(*at) != two.get(*at)) {
        return Err(format!("event {at}: whole {:?}, cut {:?}", one.get(at), two.get(at)));
    }
    let bytes = |pair: &Pair| pair.carried.iter().map(|(up, _)| up.clone()).collect::<Vec<_>>();
    if bytes(&whole) != bytes(&other) {
        return Err("the sent bytes differ".into());
    }
    Ok(())
}
