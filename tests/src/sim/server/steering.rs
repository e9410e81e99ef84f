//! What the simulated servers do about steering and interruption, in every order that the protocol allows.

use std::collections::VecDeque;

use super::messages::{Message, Reply, Steering};
use super::peer::Peer;
use super::received::Body;
use super::script::{Action, Script};
use crate::sim::context::{Context, Occurrence};
use crate::sim::random::Random;

/// The error that answers the interruption of a response that has ended. It concerns no request.
const NOT_FOUND: &str =
    r#""status":400,"error":{"type":"invalid_request_error","code":"response_not_found","message":"it has ended"}"#;

impl Peer {
    /// Handles a message about a response of this connection. One about an unknown response is not answered.
    pub(super) fn said_of_response(&mut self, context: &mut Context<'_>, body: Body) {
        let steers = body.kind.as_deref() == Some("response.steer");
        let Some(id) = (if steers { body.previous_response_id } else { body.response_id }) else { return };
        // A successor has the id of its predecessor with another letter.
        let is_of = |script: &Script| context.oracle.responses[script.response].id.starts_with(&id);
        let Some(at) = self.scripts.iter().rposition(is_of) else { return };
        let is_current = context.oracle.responses[self.scripts[at].response].id == id;
        let script = &mut self.scripts[at];
        // Its action is scheduled unless it has none left.
        let was_idle = script.actions.is_empty();
        if steers {
            context.steers += 1;
            let text = body.input.into_iter().flat_map(|entry| entry.content).map(|part| part.text).collect();
            let steering = Steering { id: None, response_id: id, text };
            script.steer(&mut self.random, steering, is_current, context.steers);
        } else {
            script.interrupt(&mut self.random, is_current);
        }
        if was_idle && !self.scripts[at].actions.is_empty() {
            context.after(0, Occurrence::Action(self.link, at));
        }
    }

    /// The response of a script has ended: decides what becomes of the submissions that it has accepted.
    pub(super) fn after_end(&mut self, script: usize, message: &Message) {
        let script = &mut self.scripts[script];
        if script.steers.is_empty() {
            return;
        }
        // What would follow the end of another response does not follow this one.
        script.actions.clear();
        let can_succeed = !matches!(message, Message::Error(_) | Message::Interrupted);
        if can_succeed && self.random.one_in(2) {
            return script.succeed(&mut self.random);
        }
        let can_wait = matches!(message, Message::Completed);
        for steering in core::mem::take(&mut script.steers) {
            let reply = if can_wait && self.random.one_in(2) { Reply::Pending } else { Reply::Failed };
            script.add(&mut self.random, Message::Steer(reply, steering.clone()));
            if reply == Reply::Pending && self.random.one_in(4) {
                // The server forgets an input that waits. The request has ended by then.
                let forgotten = Action::Send(Message::Steer(Reply::Failed, steering), true);
                script.actions.push_back((delay(&mut self.random), forgotten));
            }
        }
    }
}

impl Script {
    /// Handles a submission: gives it back, or accepts it. Then it is committed by a successor at once, or its fate is decided
    /// when the response ends, or it is given back at any time before.
    fn steer(&mut self, random: &mut Random, mut steering: Steering, is_current: bool, number: u64) {
        let is_running = is_current && self.lane.is_some() && self.end().is_some();
        if !is_running || random.one_in(6) {
            let at = self.place(random, 0);
            return self.insert(random, at, Message::Steer(Reply::Failed, steering));
        }
        steering.id = Some(format!("steer_{number}"));
        self.insert(random, 0, Message::Steer(Reply::Accepted, steering.clone()));
        match random.below(6) {
            0 => {
                let at = self.place(random, 1);
                self.insert(random, at, Message::Steer(Reply::Failed, steering));
            }
            1 => {
                self.steers.push(steering);
                // What it was about to say before its end, it says in part.
                let kept = 1 + usize::try_from(random.below(2)).unwrap_or_default();
                let kept = kept.min(self.end().unwrap_or_default());
                self.actions.truncate(kept);
                self.add(random, Message::Steered);
                self.succeed(random);
            }
            _ => self.steers.push(steering),
        }
    }

    /// Interrupts the response, refuses to, or lets it complete.
    fn interrupt(&mut self, random: &mut Random, is_current: bool) {
        if !is_current || self.lane.is_none() || self.end().is_none() {
            let will_succeed = self.actions.iter().any(|(_, action)| matches!(action, Action::Succeed));
            if !will_succeed && random.one_in(2) {
                self.actions.push_front((random.below(2000), Action::Send(Message::Nobody(NOT_FOUND), true)));
            }
            return;
        }
        match random.below(4) {
            0 => self.insert(random, 0, Message::Interrupt("response.interrupt.failed")),
            1 => {}
            _ => {
                self.interrupted = true;
                self.actions = VecDeque::new();
                self.add(random, Message::Interrupt("response.interrupt.accepted"));
                if random.one_in(2) {
                    self.add(random, Message::Item(50));
                }
                if random.one_in(2) {
                    for steering in core::mem::take(&mut self.steers) {
                        self.add(random, Message::Steer(Reply::Failed, steering));
                    }
                }
                self.add(random, Message::Interrupted);
            }
        }
    }

    /// Adds a successor, which takes all accepted submissions into account.
    fn succeed(&mut self, random: &mut Random) {
        self.steers.clear();
        self.actions.push_back((delay(random), Action::Succeed));
        for n in 0..u32::try_from(random.below(3)).unwrap_or_default() {
            self.add(random, Message::Delta(100 + n));
            self.add(random, Message::Item(100 + n));
        }
        self.add(random, Message::Completed);
    }

    /// Returns the place of the action that ends the response, if it has not ended and is not about to have a successor.
    fn end(&self) -> Option<usize> {
        let decides = |action: &Action| match action {
            Action::Send(message, false) | Action::Fragments(message) => message.is_end(),
            Action::Succeed => true,
            _ => false,
        };
        let at = self.actions.iter().position(|(_, action)| decides(action))?;
        (!matches!(self.actions[at].1, Action::Succeed)).then_some(at)
    }

    /// Returns a place for a reply: not before `from`, nor after the end.
    fn place(&self, random: &mut Random, from: u64) -> usize {
        let end = self.end().unwrap_or(self.actions.len()) as u64;
        usize::try_from(random.between(from.min(end), end)).unwrap_or_default()
    }

    fn insert(&mut self, random: &mut Random, at: usize, message: Message) {
        self.actions.insert(at, (delay(random), Action::Send(message, false)));
    }

    fn add(&mut self, random: &mut Random, message: Message) {
        self.actions.push_back((delay(random), Action::Send(message, false)));
    }
}

const fn delay(random: &mut Random) -> u64 {
    if random.one_in(2) { 0 } else { random.below(20_000) }
}
