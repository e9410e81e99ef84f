//! Steering, interruption and injection of a response that is being sent.

use serde_json::json;
use turnwire::connection::Transport;
use turnwire::responses::{ResponseCommand, ResponseWriter, ServerEvent};

use super::action::{Action, Plan, Responses};
use super::errors::ApiError;
use super::request::ObservedRequest;
use super::script::{Call, Reply, Step};
use super::server::ScriptedServer;
use super::store::{Chains, OpenCalls, response_of};

/// What a response on a WebSocket was made from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) id: String,
    pub(super) writer: ResponseWriter,
    pub(super) reply: Reply,
    pub(super) number: usize,
    pub(super) tool: Option<Call>,
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
        chains: &mut Chains,
    ) {
        server.observe(&ObservedRequest { transport: Transport::WebSocket, turn_state: None, body: text }, false);
        let id = command.response_id();
        let Some((plan, sent)) = self.find(id) else {
            self.push(Plan::one(ApiError::response_not_found(id).event(lane)));
            return;
        };
        let Some(source) = plan.source.clone() else { return };
        let (mut actions, writer) = source.resume(usize::try_from(*sent).unwrap_or(0));
        let Some(mut writer) = writer else {
            // The last events are on their way.
            self.push(Plan::one(ApiError::response_not_found(id).event(lane)));
            return;
        };
        let events = |events: Vec<ServerEvent<'static>>| {
            let sent = events.into_iter().map(|event| Action::Send(event.to_json().into()));
            sent.collect::<Vec<_>>()
        };
        match command {
            ResponseCommand::Interrupt { .. } => {
                actions.extend(events(writer.interrupted(None)));
                plan.source = None;
            }
            ResponseCommand::Steer(_) => {
                let (reply, number, tool) = server.pick(text);
                let successor = format!("resp_{number}");
                actions.extend(events(vec![writer.steer_accepted(&format!("steer_{number}"))]));
                let (last, writer) = writer.steered(&successor, server.created_at(), None);
                actions.extend(events(last));
                *sent = -i64::try_from(actions.len()).unwrap_or(0);
                let source = Source { id: successor, writer, reply, number, tool };
                actions.extend(source.actions(chains));
                plan.source = Some(Box::new(source));
            }
            // The output of a tool: the response goes on.
            _ => {
                plan.actions.push_front(Action::Send(writer.inject_created().to_json().into()));
                return;
            }
        }
        plan.actions = actions.into();
    }
}

impl Source {
    /// Returns the actions of a successor, which the next request of its lane can continue.
    fn actions(&self, chains: &mut Chains) -> Vec<Action> {
        let (mut steps, _) = self.reply.write(self.writer.clone(), self.number, false, self.tool.as_ref(), usize::MAX);
        self.insert_token(&mut steps);
        let last = steps.iter().rev().find_map(|step| match step {
            Step::Send(event) => response_of(event),
            Step::Pause(_) => None,
        });
        let output = last.map_or_else(|| json!([]), |mut response| response["output"].take());
        chains.insert(self.writer.lane(), &self.id, OpenCalls::default().after(&[], &output));
        steps.into_iter().map(Action::from).collect()
    }
}
