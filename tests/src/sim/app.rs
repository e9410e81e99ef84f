//! The simulated application: begins turns, sends and cancels requests, supplies credentials, and stores the
//! conversations.

use turnwire::client::{Client, CommandError, Credentials, RawOperation, Request, RequestId};
use turnwire::responses::{ClientMetadata, CreateResponse, Item};

use super::context::{Context, Occurrence};
use super::oracle::Submission;
use super::plan::{LANES, Op};
use super::random::Random;

/// Maximum number of items in a conversation. A longer one is started anew.
const HISTORY: usize = 10;

/// The simulated application.
#[derive(Debug)]
pub struct App {
    random: Random,
    next: usize,
    /// Whether it waits until no request is in flight.
    pub waiting: bool,
    /// Number of the API key that it used last.
    pub key: u32,
    histories: [History; LANES.len()],
    messages: u32,
    /// Whether it has called `close` or `shut_down_gracefully`.
    pub closing: bool,
}

#[derive(Debug, Default)]
struct History {
    items: Vec<Item>,
    texts: Vec<String>,
}

/// Returns the credentials for a key number.
#[must_use]
pub fn credentials(key: u32) -> Credentials {
    Credentials::bearer(format!("key-{key}"))
}

impl App {
    /// Creates an application that has performed no command.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::of(seed, 5, 0),
            next: 0,
            waiting: false,
            key: 1,
            histories: core::array::from_fn(|_| History::default()),
            messages: 0,
            closing: false,
        }
    }

    /// Performs the next command of the plan, or waits.
    pub fn advance(&mut self, context: &mut Context<'_>, client: &mut Client) {
        if let Some(op) = context.plan.ops.get(self.next).copied() {
            if matches!(op, Op::Begin | Op::Wait) && client.has_pending_requests() {
                self.waiting = true;
                return;
            }
            self.waiting = false;
            self.next += 1;
            if let Op::Pause(long) = op {
                return context.after(long * 1000, Occurrence::App);
            }
            context.log(|| format!("app: {op:?}"));
            context.oracle.progressed(context.now);
            self.perform(context, client, op);
            // Events are polled between two commands, so that each event belongs to its turn.
            return context.after(0, Occurrence::App);
        }
        if !self.closing {
            // Only a shrunk plan ends without `Drain` or `Close`.
            self.closing = true;
            client.close(context.client_now());
            self.all_cancelled(context);
        }
    }

    fn perform(&mut self, context: &mut Context<'_>, client: &mut Client, op: Op) {
        let now = context.client_now();
        match op {
            Op::Begin => {
                if client.begin_turn().is_err() {
                    return context
                        .oracle
                        .violated("misuse", || "a turn cannot begin although nothing is in flight".into());
                }
                context.oracle.turn_begun();
                // An application notices expired keys between turns at the latest.
                if self.key < context.valid_key && self.random.one_in(2) {
                    self.use_key(context, client);
                }
            }
            Op::TrackedRequest { lane, rewritten, other } => self.ask(context, client, lane, rewritten, other),
            Op::Prewarm { lane } => self.prewarm(context, client, lane),
            Op::Call { token } => {
                let mut call = RawOperation::post("responses/compact", b"{}".to_vec());
                call.headers.push(("x-sim".into(), context.oracle.requests.len().to_string()));
                call.send_turn_token = token;
                if let Ok(id) = client.submit_raw(now, call) {
                    let asked =
                        Submission { lane: 0, input: Vec::new(), texts: Vec::new(), call: Some(token), warm: false };
                    context.oracle.submitted(id, asked);
                }
            }
            Op::Preconnect => client.preconnect(now),
            Op::Cancel(after) => {
                if let Some(newest) = context.oracle.requests.len().checked_sub(1) {
                    context.after(after * 1000, Occurrence::Cancel(newest));
                }
            }
            Op::Steer(after) => {
                if let Some(newest) = context.oracle.requests.len().checked_sub(1) {
                    context.after(after * 1000, Occurrence::Steer(newest));
                }
            }
            Op::Interrupt(after) => {
                if let Some(newest) = context.oracle.requests.len().checked_sub(1) {
                    context.after(after * 1000, Occurrence::Interrupt(newest));
                }
            }
            Op::Wait | Op::Pause(_) => {}
            Op::Drain => {
                self.closing = true;
                client.shut_down_gracefully(now);
            }
            Op::Close => {
                self.closing = true;
                client.close(now);
                self.all_cancelled(context);
            }
        }
    }

    fn all_cancelled(&self, context: &mut Context<'_>) {
        for ask in context.oracle.requests.iter_mut().filter(|ask| ask.ended.is_none()) {
            ask.cancelled = true;
        }
    }

    fn request(context: &Context<'_>, lane: usize, input: &[Item], other: bool) -> Request {
        let mut create = CreateResponse::new("m", input.to_vec());
        create.instructions = instructions(other).into();
        let number = context.oracle.requests.len().to_string();
        create.client_metadata = Some(ClientMetadata::from_iter([("sim", number.as_str())]));
        let request = Request::from(create);
        match LANES[lane] {
            Some(lane) => request.on_lane(lane),
            None => request,
        }
    }

    fn ask(&mut self, context: &mut Context<'_>, client: &mut Client, lane: usize, rewritten: bool, other: bool) {
        let busy = context.oracle.requests.iter().any(|ask| ask.ended.is_none() && ask.lane == lane);
        let history = &mut self.histories[lane];
        if rewritten || history.items.len() > HISTORY {
            *history = History::default();
        }
        self.messages += 1;
        let text = format!("u{}", self.messages);
        let (mut input, mut texts) = (history.items.clone(), history.texts.clone());
        input.push(Item::user(&text));
        texts.push(text);
        let request = Self::request(context, lane, &input, other);
        match client.send(context.client_now(), request) {
            Ok(id) => {
                let number = context.oracle.requests.len();
                context.log(|| format!("app: request {number} is {id}, lane {:?}", LANES[lane]));
                let asked = Submission { lane, input, texts, call: None, warm: false };
                context.oracle.submitted(id, asked);
            }
            Err(refused) => {
                let fair =
                    refused.reason == CommandError::InFlight && busy && !context.plan.settings.queue_on_busy_lane;
                if !fair {
                    context.oracle.violated("misuse", || format!("the client rejected a request: {}", refused.reason));
                }
            }
        }
    }

    fn prewarm(&self, context: &mut Context<'_>, client: &mut Client, lane: usize) {
        let history = &self.histories[lane];
        let (input, texts) = (history.items.clone(), history.texts.clone());
        let request = Self::request(context, lane, &input, false);
        if let Ok(Some(id)) = client.prewarm(context.client_now(), request) {
            let asked = Submission { lane, input, texts, call: None, warm: true };
            context.oracle.submitted(id, asked);
        }
    }

    /// Adds the output of a completed request to its conversation.
    pub fn store_output(&mut self, context: &Context<'_>, id: RequestId) {
        let Some(ask) = context.oracle.requests.iter().rfind(|ask| ask.id == id) else { return };
        let continuable = ask.ended == Some("completed") || (ask.ended == Some("cancelled") && ask.interrupted);
        if !continuable || ask.call.is_some() {
            return;
        }
        let history = &mut self.histories[ask.lane];
        history.items = ask.input.iter().chain(&ask.items).cloned().collect();
        history.texts = ask.texts.clone();
        history.texts.extend(ask.items.iter().map(text_of));
    }

    /// Steers a request.
    pub fn steer(&mut self, context: &mut Context<'_>, client: &mut Client, ask: usize) {
        self.messages += 1;
        let (text, id) = (format!("this way {}", self.messages), context.oracle.requests[ask].id);
        if let Ok(submission) = client.steer(context.client_now(), id, &[Item::user(&text)]) {
            context.log(|| format!("app: steers {id}: submission {submission}"));
            context.oracle.steered(submission, ask);
        }
    }

    /// Responds to `CredentialsNeeded`: with a new key, or with none.
    pub fn supply_credentials(&mut self, context: &mut Context<'_>, client: &mut Client) {
        context.oracle.progressed(context.now);
        if self.random.one_in(4) {
            context.log(|| "app: no new credentials".into());
            client.refuse_credentials(context.client_now());
        } else {
            self.use_key(context, client);
        }
    }

    fn use_key(&mut self, context: &mut Context<'_>, client: &mut Client) {
        self.key = context.valid_key.max(self.key);
        context.log(|| format!("app: uses key {}", self.key));
        client.set_credentials(context.client_now(), credentials(self.key));
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
