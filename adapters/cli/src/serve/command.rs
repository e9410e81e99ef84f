//! Steering, interruption and injection of a response that is being sent.

use serde_json::{Value, json};
use turnwire::connection::Transport;
use turnwire::responses::{ErrorObject, OpenCalls, RawJson, ResponseCommand, ResponseWriter, ServerEvent};

use super::action::{Action, Plan, Responses};
use super::errors::ApiError;
use super::request::ObservedRequest;
use super::script::{Call, Reply, Step, WhenInterrupted, WhenSteered};
use super::server::{ScriptedServer, with_lane};
use super::store::{Lanes, calls_after, response_of};

/// What a response on a WebSocket was made from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) id: String,
    pub(super) writer: ResponseWriter,
    pub(super) reply: Reply,
    pub(super) number: usize,
    pub(super) tool: Option<Call>,
    /// The number of events that were inserted because of commands. Those that follow them have higher sequence numbers.
    pub(super) inserted: i64,
}

impl Source {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Returns the events that are left of those that belong together with the last one that was sent, and the writer after them.
    /// `None` for the writer means that the response has ended.
    fn resume(&self, sent: usize) -> (Vec<Action>, Option<ResponseWriter>) {
        let token = usize::from(self.reply.turn_state.is_some());
        let until = if sent > 1 { sent - token } else { sent };
        let (mut steps, writer) = self.reply.write(self.writer.clone(), self.number, false, self.tool.as_ref(), until);
        self.insert_token(&mut steps);
        let events = steps.into_iter().filter_map(|step| match step {
            Step::Send(event) => Some(Action::Send(event)),
            Step::Pause(_) => None,
        });
        (events.skip(sent).collect(), writer)
    }

    /// Inserts the turn token after the first event.
    fn insert_token(&self, steps: &mut Vec<Step>) {
        if let Some(token) = &self.reply.turn_state {
            let event = ServerEvent::turn_state(token);
            let event = match self.writer.lane() {
                Some(lane) => event.on_lane(lane).to_json(),
                None => event.to_json(),
            };
            steps.insert(1.min(steps.len()), Step::Send(event.into()));
        }
    }
}

impl Responses {
    /// Handles a command about a response.
    pub(super) fn command(
        &mut self,
        server: &ScriptedServer,
        command: &ResponseCommand,
        lane: Option<&str>,
        text: &str,
        lanes: &mut Lanes,
    ) {
        server.observe(&ObservedRequest { transport: Transport::WebSocket, turn_state: None, body: text }, false);
        let id = command.response_id();
        let Some((plan, sent)) = self.find(id) else {
            self.push(Plan::one(not_found(command, lane)));
            return;
        };
        let Some(source) = plan.source.clone() else { return };
        let (mut actions, writer) = source.resume(usize::try_from(*sent - source.inserted).unwrap_or(0));
        let Some(mut writer) = writer else {
            // The last events are on their way.
            self.push(Plan::one(not_found(command, lane)));
            return;
        };
        let events = |events: Vec<ServerEvent<'static>>| {
            let sent = events.into_iter().map(|event| Action::Send(event.to_json().into()));
            sent.collect::<Vec<_>>()
        };
        match command {
            ResponseCommand::Interrupt { .. } if source.reply.interrupt == WhenInterrupted::Fail => {
                let error = ErrorObject::new("interrupt_not_supported", "The model cannot be interrupted.");
                return insert(plan, *sent, &writer.interrupt_failed(&error));
            }
            ResponseCommand::Interrupt { .. } => {
                actions.extend(events(writer.interrupted(Some(&source.reply.token_usage()))));
                plan.source = None;
            }
            ResponseCommand::Steer(message) if source.reply.steer == WhenSteered::Fail => {
                let error = ErrorObject::new("steering_not_supported", "The model cannot be steered.");
                return insert(plan, *sent, &writer.steer_failed(None, &message.input, &error));
            }
            ResponseCommand::Steer(_) if source.reply.steer == WhenSteered::Complete => {
                return server.steer_at_the_end(plan, *sent, writer, text, lanes);
            }
            ResponseCommand::Steer(_) => {
                let (reply, number, tool) = server.pick(text);
                let successor = format!("resp_{number}");
                actions.extend(events(vec![writer.steer_accepted(&format!("steer_{number}"))]));
                let (last, writer) = writer.steered(&successor, server.created_at(), Some(&source.reply.token_usage()));
                actions.extend(events(last));
                renumber(&mut actions, source.inserted);
                *sent = -i64::try_from(actions.len()).unwrap_or(0);
                let source = Source { id: successor, writer, reply, number, tool, inserted: 0 };
                actions.extend(source.actions(lanes));
                plan.actions = actions.into();
                plan.source = Some(Box::new(source));
                return;
            }
            // The output of a tool: the response goes on.
            _ => return insert(plan, *sent, &writer.inject_created()),
        }
        renumber(&mut actions, source.inserted);
        plan.actions = actions.into();
    }
}

impl ScriptedServer {
    /// Accepts steering that is applied once the response has completed: the successor follows, or, where the response stopped for
    /// output of the client's tools, the input waits for it.
    fn steer_at_the_end(&self, plan: &mut Plan, sent: i64, mut writer: ResponseWriter, text: &str, lanes: &mut Lanes) {
        let Some(source) = plan.source.clone() else { return };
        let last = plan.actions.iter().rev().find_map(|action| match action {
            Action::Send(event) => response_of(event),
            _ => None,
        });
        let mut stubs = Vec::new();
        for call in last.iter().flat_map(|response| response["output"].as_array().into_iter().flatten()) {
            if call["type"] == "function_call" {
                let stub = json!({"type": "function_call_output", "call_id": call["call_id"], "name": call["name"]});
                stubs.extend(RawJson::of(&stub));
            }
        }
        let completes = last.is_some_and(|response| response["status"] == "completed");
        let (reply, number, tool) =
            if completes && stubs.is_empty() { self.pick(text) } else { (Reply::default(), source.number, None) };
        let steer = format!("steer_{number}");
        let input = serde_json::from_str(text).map_or(Value::Null, |mut message: Value| message["input"].take());
        let waits = completes && !stubs.is_empty();
        if waits && !lanes.keep_steering(&source.id, &input) {
            let error = ErrorObject::new("invalid_input", "The input is too long to wait for the next request.");
            return insert(plan, sent, &writer.steer_failed(None, &given_back(&input), &error));
        }
        insert(plan, sent, &writer.steer_accepted(&steer));
        let last_number = plan.actions.iter().rev().find_map(number_of).unwrap_or_default();
        if !completes || !stubs.is_empty() {
            let event = if waits {
                writer.steer_pending(&steer, &stubs)
            } else {
                let error = ErrorObject::new("response_not_active", "The response did not complete.");
                writer.steer_failed(Some(&steer), &given_back(&input), &error)
            };
            plan.actions.push_back(numbered(&event, last_number + 1));
            plan.source = None;
            return;
        }
        let successor = format!("resp_{number}");
        let writer = writer.successor(&successor, self.created_at());
        let source = Source { id: successor, writer, reply, number, tool, inserted: 0 };
        plan.actions.extend(source.actions(lanes));
        // Until the successor is created, commands are about no response that is known.
        plan.source = None;
    }
}

/// The reply to a command about a response that is not being sent.
fn not_found(command: &ResponseCommand, lane: Option<&str>) -> Action {
    let id = command.response_id();
    let ResponseCommand::Steer(message) = command else {
        return ApiError::response_not_found(id).event(lane);
    };
    let error = ApiError::response_not_found(id).object();
    let input: Value = message.input.parse().unwrap_or_default();
    let steer = json!({"input": input, "previous_response_id": id});
    let event = json!({"type": "response.steer.failed", "steer": steer, "error": error});
    Action::Send(with_lane(event, lane).to_string().into())
}

/// Returns the input of steering as the client sent it.
fn given_back(input: &Value) -> RawJson<'static> {
    RawJson::of(input).unwrap_or_else(|_| RawJson::string(""))
}

/// Sends an event now, before those of the response that are left. `sent`: the number of events that were sent.
fn insert(plan: &mut Plan, sent: i64, event: &ServerEvent<'static>) {
    let Some(source) = &mut plan.source else { return };
    let mut first = vec![Action::Send(event.to_json().into())];
    renumber(&mut first, source.inserted);
    source.inserted += 1;
    let mut left: Vec<Action> = plan.actions.drain(..).collect();
    renumber(&mut left, 1);
    // The response begins with its first event.
    let at = usize::from(sent == 0).min(left.len());
    left.splice(at..at, first);
    plan.actions = left.into();
}

/// Increases the sequence numbers of events.
fn renumber(actions: &mut [Action], by: i64) {
    for action in actions.iter_mut().filter(|_| by != 0) {
        if let (Action::Send(event), Some(number)) = (&*action, number_of(action)) {
            *action = with_number(event, number + by);
        }
    }
}

fn numbered(event: &ServerEvent<'static>, number: i64) -> Action {
    with_number(&event.to_json(), number)
}

fn with_number(event: &str, number: i64) -> Action {
    let mut value: Value = serde_json::from_str(event).unwrap_or_default();
    value["sequence_number"] = number.into();
    Action::Send(value.to_string().into())
}

fn number_of(action: &Action) -> Option<i64> {
    let Action::Send(event) = action else { return None };
    serde_json::from_str::<Value>(event).ok()?["sequence_number"].as_i64()
}

impl Source {
    /// Returns the actions of a successor, which the next request of its lane can continue.
    fn actions(&self, lanes: &mut Lanes) -> Vec<Action> {
        let (mut steps, _) = self.reply.write(self.writer.clone(), self.number, false, self.tool.as_ref(), usize::MAX);
        self.insert_token(&mut steps);
        let last = steps.iter().rev().find_map(|step| match step {
            Step::Send(event) => response_of(event),
            Step::Pause(_) => None,
        });
        let output = last.map_or_else(|| json!([]), |mut response| response["output"].take());
        lanes.insert(self.writer.lane(), &self.id, calls_after(OpenCalls::default(), &output));
        steps.into_iter().map(Action::from).collect()
    }
}
