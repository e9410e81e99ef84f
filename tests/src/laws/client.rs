//! The laws of the `client` floor: a client and its servers live through any operations, and every promise holds all the while.

use std::collections::BTreeMap;
use std::time::Duration;

use turnwire::client::{
    CancelMode, Credentials, Disconnected, OwnedEvent, RawOperation, Request, RequestId, Settings, TransportPreference,
};

use crate::chunks::Chunks;
use crate::fixtures::{ask, created, delta, done, done0, error, fail, incomplete, msg, on_lane, token, user};
use crate::pair::{Act, Kind, Pair, Script, Seen, provider};

/// Bytes as numbers, zeros without end.
struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn of(&mut self, sides: u8) -> u8 {
        self.next() % sides
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

/// One life of a client.
struct Life {
    pair: Pair,
    /// The logical turn, counted from zero.
    turn: usize,
    /// The first token that each turn was given, by a response that was heard.
    tokens: BTreeMap<usize, String>,
    asked: Vec<RequestId>,
    /// The lane of each request.
    lanes: BTreeMap<RequestId, Option<String>>,
    /// Which socket each completed response came on.
    given: BTreeMap<String, usize>,
    /// Tokens and responses so far.
    count: usize,
    checked: usize,
}

const LANES: [Option<&str>; 3] = [None, Some("a"), Some("b")];

impl Life {
    fn new(dice: &mut Dice<'_>, up: Chunks, down: Chunks, extra_polls: bool) -> Self {
        let mut provider = provider();
        provider.capabilities.max_concurrent_requests = [1, 2, 16][usize::from(dice.of(3))];
        provider.capabilities.reuse_after_failure = dice.coin();
        provider.capabilities.incremental = dice.coin();
        provider.capabilities.max_lane_names = [1, 2, 32][usize::from(dice.of(3))];
        provider.capabilities.max_connection_age = Some(Duration::from_secs([2, 3300][usize::from(dice.of(2))]));
        provider.capabilities.ping_interval = [None, Some(Duration::from_secs(25))][usize::from(dice.of(2))];
        provider.retry.max_retries = u32::from(dice.of(4));
        provider.retry.on_429 = dice.coin();
        let mut settings = Settings::default();
        settings.transport = [TransportPreference::Auto, TransportPreference::WebSocket, TransportPreference::Http]
            [usize::from(dice.of(3))];
        settings.cancel =
            [CancelMode::Close, CancelMode::Drain { limit: Duration::from_millis(300) }][usize::from(dice.of(2))];
        settings.queue_on_busy_lane = dice.coin();
        settings.resend_after_output = dice.coin();
        settings.max_credential_requests = u32::from(dice.of(2));
        settings.connection.max_backlog = [400, 1 << 20][usize::from(dice.of(2))];
        let mut pair = Pair::with(provider, Credentials::bearer("key"), settings, Script::new());
        (pair.up, pair.down, pair.extra_polls) = (up, down, extra_polls);
        Self {
            pair,
            turn: 0,
            tokens: BTreeMap::new(),
            asked: Vec::new(),
            lanes: BTreeMap::new(),
            given: BTreeMap::new(),
            count: 0,
            checked: 0,
        }
    }

    fn op(&mut self, dice: &mut Dice<'_>) {
        match dice.of(20) {
            0..=3 => self.ask(dice),
            4..=9 => self.answer(dice),
            10 => self.cancel(dice),
            11 => {
                if self.pair.client.begin_turn().is_ok() {
                    self.turn += 1;
                }
            }
            12 | 13 => {
                self.pair.jump();
            }
            14 => self.world(dice),
            15 => self.unary(dice),
            16 => {
                if dice.coin() {
                    self.pair.client.set_credentials(self.pair.now, Credentials::bearer("new"));
                } else {
                    self.pair.client.refuse_credentials(self.pair.now);
                }
            }
            17 => self.steer(dice),
            18 => self.pair.client.preconnect(self.pair.now),
            _ => match dice.of(8) {
                0 => self.pair.client.shut_down_gracefully(self.pair.now),
                1 => self.pair.client.close(self.pair.now),
                _ => self.pair.pass(Duration::from_millis(u64::from(dice.next()))),
            },
        }
        self.pair.run();
    }

    fn request(&self, dice: &mut Dice<'_>) -> Request {
        let mut create = ask(["one", "two"][usize::from(dice.of(2))]);
        if dice.coin() {
            create.input.push(user("more"));
        }
        create.client_metadata = Some([("turn", self.turn.to_string())].into_iter().collect());
        let mut request = Request::from(create);
        request.lane = LANES[usize::from(dice.of(3))].map(Into::into);
        request
    }

    fn ask(&mut self, dice: &mut Dice<'_>) {
        let request = self.request(dice);
        let (now, lane) = (self.pair.now, request.lane.clone());
        let id = match dice.of(6) {
            0 => self.pair.client.prewarm(now, request).unwrap_or_default(),
            _ => self.pair.client.send(now, request).ok(),
        };
        self.asked.extend(id);
        self.lanes.extend(id.map(|id| (id, lane)));
    }

    fn unary(&mut self, dice: &mut Dice<'_>) {
        let mut call = RawOperation::post(
            "responses/compact",
            format!(r#"{{"client_metadata":{{"turn":"{}"}}}}"#, self.turn).into(),
        );
        call.send_turn_token = dice.coin();
        self.asked.extend(self.pair.client.submit_raw(self.pair.now, call));
    }

    fn cancel(&mut self, dice: &mut Dice<'_>) {
        if let Some(id) = self.asked.get(self.asked.len().wrapping_sub(1 + usize::from(dice.of(3)))) {
            self.pair.client.cancel(self.pair.now, *id);
        }
    }

    fn steer(&mut self, dice: &mut Dice<'_>) {
        if let Some(id) = self.asked.get(self.asked.len().wrapping_sub(1 + usize::from(dice.of(2)))) {
            let _ = self.pair.client.steer(self.pair.now, *id, &[user("left")]);
        }
    }

    /// The newest request that the server saw on this lane of the socket there is.
    fn newest(&self, lane: Option<&str>) -> Option<&Seen> {
        let socket = self.pair.dials.len().wrapping_sub(1);
        let mut seen = self.pair.seen.iter().rev().filter(|seen| seen.socket == socket);
        seen.find(|seen| match seen.kind {
            Kind::Text => seen.json()["type"] == "response.create" && seen.json()["stream_id"].as_str() == lane,
            Kind::Post => true,
            Kind::Dial | Kind::Upgrade => false,
        })
    }

    /// The server says something of the lane's newest request.
    fn answer(&mut self, dice: &mut Dice<'_>) {
        let lane = LANES[usize::from(dice.of(3))];
        let Some(seen) = self.newest(lane) else { return };
        let (turn, kind) = (turn_of(seen), seen.kind);
        let choice = dice.of(16);
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
            13 => incomplete(&id, ["max_output_tokens", "steered"][usize::from(dice.of(2))]),
            14 => done0("same"),
            _ => r#"{"type":"odd.event","response":null}"#.into(),
        };
        if choice >= 7 {
            self.count += 1;
        }
        self.given.insert(id, self.pair.dials.len() - 1);
        match kind {
            Kind::Text => {
                let event = lane.map_or_else(|| event.clone(), |lane| on_lane(lane, &event));
                self.pair.act(Act::Send(event));
            }
            Kind::Post | Kind::Dial | Kind::Upgrade => self.answer_http(dice, turn, event),
        }
    }

    fn answer_http(&mut self, dice: &mut Dice<'_>, turn: usize, event: String) {
        self.count += 1;
        let value = format!("t{turn}-{}", self.count);
        let head: &[(&str, &str)] = if dice.coin() { &[("x-codex-turn-state", &value)] } else { &[] };
        match dice.of(6) {
            0 => self.pair.act(Act::respond_with(200, head, "{}")),
            1 => self.pair.act(Act::respond(429, "{}")),
            2 => self.pair.act(Act::End),
            _ => {
                let dials = self.pair.dials.len();
                self.pair.act(Act::stream_with(head));
                // The head may be the end of the connection; the event is not for the next one.
                if self.pair.dials.len() == dials {
                    self.pair.act(Act::Send(event));
                }
            }
        }
    }

    /// The world does something to the socket, or will to the next one.
    fn world(&mut self, dice: &mut Dice<'_>) {
        match dice.of(13) {
            0 => self.pair.act(Act::Drop),
            12 => self.pair.mute(),
            1 => self.pair.act(Act::Close([1000, 1009, 1011][usize::from(dice.of(3))], "why".into())),
            2 => self.pair.act(Act::Raw(vec![0x81, 0x04, b'n', b'o', b'p', b'e'])),
            3 => self.pair.act(Act::Raw(vec![0x82, 0x01, b'x'])),
            4 => self.pair.act(Act::Raw(vec![dice.next(), dice.next(), dice.next()])),
            5 => self.pair.act(Act::KeepAlive),
            6 => self.pair.act(Act::Send(error(400, "websocket_connection_limit_reached", "x"))),
            7 => {
                let status = [426, 503, 429, 401, 200, 404][usize::from(dice.of(6))];
                self.pair.script.plan(Kind::Upgrade, vec![Act::respond(status, "x")]);
            }
            8 => self.pair.script.plan(Kind::Upgrade, vec![Act::Drop]),
            9 => self.pair.script.plan(Kind::Dial, vec![]),
            10 => {
                let status = [500, 401, 429, 404][usize::from(dice.of(4))];
                self.pair.script.plan(Kind::Post, vec![Act::respond(status, "x")]);
            }
            _ => {
                let limits = r#"{"type":"codex.rate_limits","rate_limits":{"primary":{"used_percent":1}}}"#;
                self.pair.act(Act::Send(limits.into()));
            }
        }
    }

    /// What must hold at any time.
    fn check(&mut self) -> Result<(), String> {
        self.token()?;
        if self.pair.client.has_pending_requests() && self.pair.client.poll_timeout().is_none() {
            return Err("something is in flight and nothing will ever be due".into());
        }
        Ok(())
    }

    /// Law 10: a token is of its own turn, and always the same one. A chain is of its own connection.
    fn token(&mut self) -> Result<(), String> {
        for seen in &self.pair.seen[self.checked..] {
            if !matches!(seen.kind, Kind::Post | Kind::Text) || seen.json()["type"] == "response.steer" {
                continue;
            }
            let turn = turn_of(seen);
            if let Some(id) = seen.previous()
                && id != "same"
                && self.given.get(&id) != Some(&seen.socket)
            {
                return Err(format!("socket {} was asked to go on from {id}, which it never gave", seen.socket));
            }
            let Some(token) = seen.turn_state() else { continue };
            if !token.starts_with(&format!("t{turn}-")) {
                return Err(format!("turn {turn} was told {token}"));
            }
            let first = self.tokens.entry(turn).or_insert_with(|| token.clone());
            if *first != token {
                return Err(format!("turn {turn} was told {first}, and then {token}"));
            }
        }
        self.checked = self.pair.seen.len();
        Ok(())
    }

    /// Law 11: one end each, and nothing behind it.
    fn ends(&self) -> Result<(), String> {
        let mut ended: Vec<RequestId> = Vec::new();
        for event in &self.pair.events {
            let Some(id) = event_id(event) else { continue };
            if ended.contains(&id) {
                return Err(format!("after the end of {id} came {event:?}"));
            }
            if let OwnedEvent::Finished { .. } = event {
                ended.push(id);
            }
        }
        Ok(())
    }

    /// Requests of a lane go in their order.
    fn order(&self) -> Result<(), String> {
        let mut last: BTreeMap<&Option<String>, RequestId> = BTreeMap::new();
        for event in &self.pair.events {
            let OwnedEvent::Sent { id, .. } = event else { continue };
            let Some(lane) = self.lanes.get(id) else { continue };
            if last.insert(lane, *id).is_some_and(|before| before > *id) {
                return Err(format!("{id} was sent after its successor on lane {lane:?}"));
            }
        }
        Ok(())
    }

    /// A connection comes once and goes once.
    fn connections(&self) -> Result<(), String> {
        let mut up = false;
        for event in &self.pair.events {
            match event {
                OwnedEvent::Connected { .. } if up => return Err("two connections at once".into()),
                OwnedEvent::Connected { .. } => up = true,
                OwnedEvent::Disconnected(Disconnected::Closed(_)) if !up => return Err("it went twice".into()),
                OwnedEvent::Disconnected(_) => up = false,
                _ => {}
            }
        }
        Ok(())
    }

    /// Everything comes to an end.
    fn end(mut self) -> Result<Pair, String> {
        self.pair.run_out();
        self.check()?;
        self.pair.client.close(self.pair.now);
        self.pair.run_down();
        self.check()?;
        self.ends()?;
        self.connections()?;
        self.order()?;
        if !self.pair.client.is_finished() {
            return Err("the client is closed and does not finish".into());
        }
        let quiet = self.pair.client.poll_event().is_none()
            && self.pair.client.poll_transmit().is_empty()
            && self.pair.client.poll_timeout().is_none()
            && !self.pair.client.wants_input();
        if !quiet {
            return Err("the client is finished and wants something".into());
        }
        match self.asked.iter().find(|id| self.pair.outcome(**id).is_none()) {
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
        | OwnedEvent::Retry { id, .. }
        | OwnedEvent::CredentialsNeeded { id, .. }
        | OwnedEvent::Finished { id, .. } => Some(*id),
        OwnedEvent::Info { id, .. } => *id,
        _ => None,
    }
}

pub(super) fn turn_of(seen: &Seen) -> usize {
    seen.json()["client_metadata"]["turn"].as_str().and_then(|turn| turn.parse().ok()).unwrap_or_default()
}

/// What was said, in words that can be compared.
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

fn live(input: &[u8], up: Chunks, down: Chunks, extra_polls: bool) -> Result<Pair, String> {
    let mut dice = Dice(input);
    let mut life = Life::new(&mut dice, up, down, extra_polls);
    while !dice.0.is_empty() {
        life.op(&mut dice);
        life.check()?;
    }
    life.end()
}

/// Laws 1, 3, 6, 7, 10 and 11 over any life: it ends, and it is the same life however bytes are cut and whoever asks on the way.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [cut, input @ ..] = input else { return Ok(()) };
    let whole = live(input, Chunks::Whole, Chunks::Whole, false)?;
    let sizes = |cut: u8| Chunks::Cycle(vec![usize::from(cut & 7) + 1, usize::from(cut >> 3) + 1]);
    let other = live(input, sizes(*cut), sizes(cut.rotate_left(3)), true)?;
    let (one, two) = (transcript(&whole), transcript(&other));
    if let Some(at) = (0..one.len().max(two.len())).find(|at| one.get(*at) != two.get(*at)) {
        return Err(format!("event {at}: whole {:?}, cut {:?}", one.get(at), two.get(at)));
    }
    let bytes = |pair: &Pair| pair.carried.iter().map(|(up, _)| up.clone()).collect::<Vec<_>>();
    if bytes(&whole) != bytes(&other) {
        return Err("other bytes were sent".into());
    }
    Ok(())
}
