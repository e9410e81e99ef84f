//! The application: it begins turns, asks, cancels, calls, brings new credentials, and keeps what it was told.

use turnwire::client::{Client, CommandError, Credentials, RawOperation, Request, RequestId};
use turnwire::responses::{ClientMetadata, CreateResponse, Item};

use super::context::{Due, Ground};
use super::oracle::Asked;
use super::plan::{LANES, Op};
use super::random::Random;

/// A conversation's memory is begun anew when it is this long.
const HISTORY: usize = 10;

/// The application.
#[derive(Debug)]
pub struct App {
    random: Random,
    next: usize,
    /// It waits until nothing is in flight.
    pub waiting: bool,
    /// The number of the key it has shown last.
    pub key: u32,
    histories: [History; LANES.len()],
    said: u32,
    /// It has told the client to end.
    pub over: bool,
}

#[derive(Debug, Default)]
struct History {
    items: Vec<Item>,
    texts: Vec<String>,
}

/// The credentials of this number.
#[must_use]
pub fn credentials(key: u32) -> Credentials {
    Credentials::bearer(format!("key-{key}"))
}

impl App {
    /// An application that has not begun.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::of(seed, 5, 0),
            next: 0,
            waiting: false,
            key: 1,
            histories: core::array::from_fn(|_| History::default()),
            said: 0,
            over: false,
        }
    }

    /// Goes on until it has to wait.
    pub fn go_on(&mut self, ground: &mut Ground<'_>, client: &mut Client) {
        if let Some(op) = ground.plan.ops.get(self.next).copied() {
            if matches!(op, Op::Begin | Op::Wait) && client.has_pending_requests() {
                self.waiting = true;
                return;
            }
            self.waiting = false;
            self.next += 1;
            if let Op::Pause(long) = op {
                return ground.after(long * 1000, Due::App);
            }
            ground.say(|| format!("app: {op:?}"));
            ground.oracle.progressed(ground.now);
            self.perform(ground, client, op);
            // Events are read between two commands, so that each belongs to its turn.
            return ground.after(0, Due::App);
        }
        if !self.over {
            // Only a plan that was cut short ends so.
            self.over = true;
            client.close(ground.client_now());
            self.all_cancelled(ground);
        }
    }

    fn perform(&mut self, ground: &mut Ground<'_>, client: &mut Client, op: Op) {
        let now = ground.client_now();
        match op {
            Op::Begin => {
                if client.begin_turn().is_err() {
                    return ground
                        .oracle
                        .breaks("misuse", || "a turn cannot begin although nothing is in flight".into());
                }
                ground.oracle.begun();
                // Keys that have expired are noticed between turns at the latest.
                if self.key < ground.valid_key && self.random.one_in(2) {
                    self.show_key(ground, client);
                }
            }
            Op::Ask { lane, rewritten, other } => self.ask(ground, client, lane, rewritten, other),
            Op::Prewarm { lane } => self.prewarm(ground, client, lane),
            Op::Call { token } => {
                let mut call = RawOperation::post("responses/compact", b"{}".to_vec());
                call.headers.push(("x-sim".into(), ground.oracle.asks.len().to_string()));
                call.send_turn_token = token;
                if let Ok(id) = client.submit_raw(now, call) {
                    let asked = Asked { lane: 0, input: Vec::new(), texts: Vec::new(), call: Some(token), warm: false };
                    ground.oracle.asked(id, asked);
                }
            }
            Op::Preconnect => client.preconnect(now),
            Op::Cancel(after) => {
                if let Some(newest) = ground.oracle.asks.len().checked_sub(1) {
                    ground.after(after * 1000, Due::Cancel(newest));
                }
            }
            Op::Steer => {
                if let Some(id) = ground.oracle.asks.last().map(|ask| ask.id) {
                    let _ = client.steer(now, id, &[Item::user("this way")]);
                }
            }
            Op::Wait | Op::Pause(_) => {}
            Op::Drain => {
                self.over = true;
                client.shut_down_gracefully(now);
            }
            Op::Close => {
                self.over = true;
                client.close(now);
                self.all_cancelled(ground);
            }
        }
    }

    fn all_cancelled(&self, ground: &mut Ground<'_>) {
        for ask in ground.oracle.asks.iter_mut().filter(|ask| ask.ended.is_none()) {
            ask.cancelled = true;
        }
    }

    fn request(ground: &Ground<'_>, lane: usize, input: &[Item], other: bool) -> Request {
        let mut create = CreateResponse::new("m", input.to_vec());
        create.instructions = instructions(other).into();
        let number = ground.oracle.asks.len().to_string();
        create.client_metadata = Some(ClientMetadata::from_iter([("sim", number.as_str())]));
        let request = Request::from(create);
        match LANES[lane] {
            Some(lane) => request.on_lane(lane),
            None => request,
        }
    }

    fn ask(&mut self, ground: &mut Ground<'_>, client: &mut Client, lane: usize, rewritten: bool, other: bool) {
        let busy = ground.oracle.asks.iter().any(|ask| ask.ended.is_none() && ask.lane == lane);
        let history = &mut self.histories[lane];
        if rewritten || history.items.len() > HISTORY {
            *history = History::default();
        }
        self.said += 1;
        let text = format!("u{}", self.said);
        let (mut input, mut texts) = (history.items.clone(), history.texts.clone());
        input.push(Item::user(&text));
        texts.push(text);
        let request = Self::request(ground, lane, &input, other);
        match client.send(ground.client_now(), request) {
            Ok(id) => {
                let number = ground.oracle.asks.len();
                ground.say(|| format!("app: request {number} is {id}, lane {:?}", LANES[lane]));
                let asked = Asked { lane, input, texts, call: None, warm: false };
                ground.oracle.asked(id, asked);
            }
            Err(refused) => {
                let fair = refused.reason == CommandError::InFlight && busy && !ground.plan.settings.queue_on_busy_lane;
                if !fair {
                    ground.oracle.breaks("misuse", || format!("a request was refused: {}", refused.reason));
                }
            }
        }
    }

    fn prewarm(&self, ground: &mut Ground<'_>, client: &mut Client, lane: usize) {
        let history = &self.histories[lane];
        let (input, texts) = (history.items.clone(), history.texts.clone());
        let request = Self::request(ground, lane, &input, false);
        if let Ok(Some(id)) = client.prewarm(ground.client_now(), request) {
            let asked = Asked { lane, input, texts, call: None, warm: true };
            ground.oracle.asked(id, asked);
        }
    }

    /// Keeps what a request brought.
    pub fn keep(&mut self, ground: &Ground<'_>, id: RequestId) {
        let Some(ask) = ground.oracle.asks.iter().rfind(|ask| ask.id == id) else { return };
        if ask.ended != Some("completed") || ask.call.is_some() {
            return;
        }
        let history = &mut self.histories[ask.lane];
        history.items = ask.input.iter().chain(&ask.items).cloned().collect();
        history.texts = ask.texts.clone();
        history.texts.extend(ask.items.iter().map(text_of));
    }

    /// Answers the question for credentials: with a new key, or with none.
    pub fn answer(&mut self, ground: &mut Ground<'_>, client: &mut Client) {
        ground.oracle.progressed(ground.now);
        if self.random.one_in(4) {
            ground.say(|| "app: there are no new credentials".into());
            client.refuse_credentials(ground.client_now());
        } else {
            self.show_key(ground, client);
        }
    }

    fn show_key(&mut self, ground: &mut Ground<'_>, client: &mut Client) {
        self.key = ground.valid_key.max(self.key);
        ground.say(|| format!("app: shows key {}", self.key));
        client.set_credentials(ground.client_now(), credentials(self.key));
    }
}

const fn instructions(other: bool) -> &'static str {
    if other { "be brief" } else { "" }
}

fn text_of(item: &Item) -> String {
    match item {
        Item::Message(message) => message.text(),
        _ => String::new(),
    }
}
