//! Law 13, addressing: what a server says of one response is never delivered to another request. A model of a server that answers two
//! requests and two steering submissions, in any order that the protocol allows.

use std::collections::BTreeMap;

use crate::fixtures::{ask, created, done, incomplete, on_lane, user};
use crate::pair::{Act, Pair, Script, provider};
use serde_json::json;
use turnwire::client::{OwnedEvent, OwnedOutcome, Request, RequestId, Settings, SubmissionId};
use turnwire::turn::SubmissionState;

/// The longest order.
const MESSAGES: usize = 8;

/// What the server says next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Created,
    Accepted(usize),
    Failed(usize),
    Steered,
    Completed,
    Pending(usize),
    Succeeded,
    SecondCreated,
    SecondCompleted,
}

/// The state of a submission at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Steer {
    Sent,
    Accepted,
    Committed,
    Pending,
    Failed,
}

/// How the current response of the first request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Requested,
    Running,
    Steered,
    Completed,
}

/// What the server knows.
#[derive(Clone, Debug)]
struct Server {
    first: First,
    /// The responses of the first request so far.
    responses: usize,
    steers: [Steer; 2],
    second_created: bool,
    second_completed: bool,
}

impl Server {
    const fn new() -> Self {
        Self {
            first: First::Requested,
            responses: 0,
            steers: [Steer::Sent; 2],
            second_created: false,
            second_completed: false,
        }
    }

    /// What a server can say now. `second`: the second request has arrived.
    fn enabled(&self, second: bool) -> Vec<Message> {
        let mut messages = Vec::new();
        let any = |state: Steer| self.steers.contains(&state);
        match self.first {
            First::Requested => messages.push(Message::Created),
            First::Running => {
                messages.push(Message::Completed);
                if any(Steer::Accepted) {
                    messages.push(Message::Steered);
                }
            }
            First::Steered => messages.push(Message::Succeeded),
            First::Completed if any(Steer::Accepted) && !any(Steer::Pending) => messages.push(Message::Succeeded),
            First::Completed => {}
        }
        for at in [0, 1] {
            // The submissions are of the first response.
            if self.first != First::Requested && self.steers[at] == Steer::Sent {
                // Submissions are accepted in their order: a server's acceptance does not say whose it is.
                let is_next = self.steers[..at].iter().all(|before| *before != Steer::Sent);
                if is_next && self.responses == 1 && self.first == First::Running {
                    messages.push(Message::Accepted(at));
                }
                messages.push(Message::Failed(at));
            }
            if self.steers[at] == Steer::Accepted {
                if self.first == First::Completed && self.responses == 1 {
                    messages.push(Message::Pending(at));
                }
                if self.first != First::Steered {
                    messages.push(Message::Failed(at));
                }
            }
        }
        if second && !self.second_created {
            messages.push(Message::SecondCreated);
        }
        if self.second_created && !self.second_completed {
            messages.push(Message::SecondCompleted);
        }
        messages
    }

    fn say(&mut self, message: Message) -> String {
        let current = format!("first-{}", self.responses);
        let steer = |at: usize| json!({"id": format!("s{at}"), "previous_response_id": "first-1"});
        match message {
            Message::Created => {
                (self.first, self.responses) = (First::Running, 1);
                created("first-1")
            }
            Message::Accepted(at) => {
                self.steers[at] = Steer::Accepted;
                json!({"type": "response.steer.accepted", "steer": steer(at)}).to_string()
            }
            Message::Failed(at) => {
                let mut given_back = steer(at);
                given_back["input"] = json!([{
                    "type": "message", "role": "user", "content": [{"type": "input_text", "text": format!("s{at}")}],
                }]);
                if self.steers[at] == Steer::Sent {
                    given_back.as_object_mut().expect("an object").remove("id");
                }
                self.steers[at] = Steer::Failed;
                json!({"type": "response.steer.failed", "steer": given_back, "error": {"code": "x"}}).to_string()
            }
            Message::Steered => {
                self.first = First::Steered;
                incomplete(&current, "steered")
            }
            Message::Completed => {
                self.first = First::Completed;
                done(&current)
            }
            Message::Pending(at) => {
                self.steers[at] = Steer::Pending;
                json!({"type": "response.steer.pending", "steer": steer(at), "required_input": []}).to_string()
            }
            Message::Succeeded => {
                self.steers
                    .iter_mut()
                    .filter(|steer| **steer == Steer::Accepted)
                    .for_each(|steer| *steer = Steer::Committed);
                (self.first, self.responses) = (First::Running, self.responses + 1);
                let id = format!("first-{}", self.responses);
                json!({"type": "response.created", "response": {"id": id, "previous_response_id": current}}).to_string()
            }
            Message::SecondCreated => {
                self.second_created = true;
                created("second")
            }
            Message::SecondCompleted => {
                self.second_completed = true;
                done("second")
            }
        }
    }
}

/// Where the second request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Second {
    /// On the lane of the first, so that it waits for its end.
    SameLane,
    /// On another lane, at the same time.
    OtherLane,
}

/// One conversation.
struct Run {
    pair: Pair,
    requests: [RequestId; 2],
    submissions: Vec<SubmissionId>,
    server: Server,
    second: Second,
}

impl Run {
    fn new(second: Second) -> Self {
        let mut provider = provider();
        provider.capabilities.max_concurrent_requests = 4;
        let mut pair = Pair::new(provider, Settings::default(), Script::new());
        let lane = if second == Second::SameLane { "a" } else { "b" };
        let first = pair.ask(Request::from(ask("one")).on_lane("a"));
        let other = pair.ask(Request::from(ask("two")).on_lane(lane));
        Self { pair, requests: [first, other], submissions: Vec::new(), server: Server::new(), second }
    }

    fn enabled(&self) -> Vec<Message> {
        let creates = self.pair.texts().iter().filter(|seen| seen.json()["type"] == "response.create").count();
        self.server.enabled(creates == 2)
    }

    fn say(&mut self, message: Message) {
        let text = self.server.say(message);
        let of_second = matches!(message, Message::SecondCreated | Message::SecondCompleted);
        let lane = if of_second && self.second == Second::OtherLane { "b" } else { "a" };
        self.pair.act(Act::Send(on_lane(lane, &text)));
        if message == Message::Created {
            for at in 0..2 {
                let sent = self.pair.client.steer(self.pair.now, self.requests[0], &[user(&format!("s{at}"))]);
                self.submissions.push(sent.expect("a response in flight"));
            }
            self.pair.run();
        }
    }

    /// Every event is of the response of its request, and what the client knows is what the server knows.
    fn check(&self, order: &[Message]) {
        let [first, second] = self.requests;
        let mut states: BTreeMap<SubmissionId, SubmissionState> = BTreeMap::new();
        for event in &self.pair.events {
            match event {
                OwnedEvent::Server { id, event } => {
                    let owner = if event.to_json().contains(r#""second""#) { second } else { first };
                    assert_eq!(*id, owner, "{order:?}: {}", event.to_json());
                }
                OwnedEvent::Continued { id, .. } => assert_eq!(*id, first, "{order:?}"),
                OwnedEvent::Steering { id, update } => {
                    assert!(id.is_none_or(|id| id == first), "{order:?}");
                    states.insert(update.submission, update.state);
                }
                OwnedEvent::Violation { .. } | OwnedEvent::Malformed { .. } => panic!("{order:?}: {event:?}"),
                _ => {}
            }
        }
        for (at, submission) in self.submissions.iter().enumerate() {
            let expected = match self.server.steers[at] {
                Steer::Sent => None,
                Steer::Accepted => Some(SubmissionState::Accepted),
                Steer::Committed => Some(SubmissionState::Committed),
                Steer::Pending => Some(SubmissionState::Pending),
                Steer::Failed => Some(SubmissionState::Failed),
            };
            assert_eq!(states.get(submission).copied(), expected, "{order:?}: submission {at}");
        }
        let is_open = |steer: &Steer| matches!(steer, Steer::Sent | Steer::Accepted);
        let ended = self.server.first == First::Completed && !self.server.steers.iter().any(is_open);
        let outcome = |id| match self.pair.outcome(id) {
            Some(OwnedOutcome::Completed(completed)) => completed.id.clone(),
            Some(other) => panic!("{order:?}: {other:?}"),
            None => None,
        };
        let expected = ended.then(|| format!("first-{}", self.server.responses));
        assert_eq!(outcome(first), expected, "{order:?}");
        assert_eq!(outcome(second), self.server.second_completed.then(|| "second".to_owned()), "{order:?}");
    }
}

/// Tries every order, and returns how many there are.
fn every_order(second: Second) -> usize {
    let (mut choices, mut orders) = (Vec::<usize>::new(), 0);
    loop {
        let mut run = Run::new(second);
        let (mut order, mut widths) = (Vec::new(), Vec::new());
        while order.len() < MESSAGES {
            let enabled = run.enabled();
            if enabled.is_empty() {
                break;
            }
            let choice = choices.get(order.len()).copied().unwrap_or(0);
            widths.push(enabled.len());
            order.push(enabled[choice]);
            run.say(enabled[choice]);
        }
        run.check(&order);
        orders += 1;
        choices.resize(widths.len(), 0);
        // The next order differs from this one as late as possible.
        let Some(last) = (0..widths.len()).rev().find(|at| choices[*at] + 1 < widths[*at]) else { return orders };
        choices.truncate(last + 1);
        choices[last] += 1;
    }
}

/// Tries every order of up to eight messages. Returns how many there are with both requests on one lane, and on two.
///
/// # Panics
///
/// If an order violates the law.
#[must_use]
pub fn every() -> [usize; 2] {
    [Second::SameLane, Second::OtherLane].map(every_order)
}

/// Tries the order that the bytes choose, of any length.
///
/// # Errors
///
/// Never: it panics.
///
/// # Panics
///
/// If the order violates the law.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let Some((first, choices)) = input.split_first() else { return Ok(()) };
    let mut run = Run::new(if first & 1 == 0 { Second::SameLane } else { Second::OtherLane });
    let mut order = Vec::new();
    for choice in choices {
        let enabled = run.enabled();
        if enabled.is_empty() {
            break;
        }
        let message = enabled[usize::from(*choice) % enabled.len()];
        order.push(message);
        run.say(message);
    }
    run.check(&order);
    Ok(())
}
