//! Creates responses, over both transports.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use serde_json::{Value, json};
use turnwire::connection::Transport;
use turnwire::http::{Headers, Request};
use turnwire::responses::{ErrorObject, OpenCalls, ServerEvent, TURN_STATE};

use super::action::{Action, Plan};
use super::command::Source;
use super::errors::{ApiError, error_event};
use super::request::{InputCalls, ObservedRequest, RequestMembers, raw_member};
use super::script::{Reply, ResponseContext, Step};
use super::server::{ScriptedServer, headers, respond_text, set};
use super::store::{Background, Lanes, Store, Stored, calls_after, response_of};

/// A request for a response, that was read and may be answered.
struct Creation<'a> {
    members: RequestMembers,
    body: &'a str,
    lane: Option<&'a str>,
    /// The calls of the conversation that have no output, the request included.
    calls: OpenCalls,
}

impl<'a> Creation<'a> {
    /// Checks a request. `lanes`: what its connection remembers; `None` if any response may be continued.
    fn check(
        members: RequestMembers,
        body: &'a str,
        lane: Option<&'a str>,
        store: &Store,
        lanes: Option<&Lanes>,
    ) -> Result<Self, ApiError> {
        if members.background && !members.store {
            return Err(ApiError::invalid_value("background", "a background response must be stored"));
        }
        let mut creation = Self { members, body, lane, calls: OpenCalls::default() };
        let Some(previous) = creation.members.previous_response_id.as_deref() else { return Ok(creation) };
        let input = InputCalls::read(body);
        let own = lanes.and_then(|lanes| Some(lanes.0.resume(previous, input.steps())?.map(|(_, calls)| calls)));
        let stored = || Some(store.responses.resume(previous, input.steps())?.map(|(_, calls)| calls));
        match (own.or_else(stored), lanes) {
            (Some(calls), _) => creation.calls = calls.map_err(|error| ApiError::of(&error))?,
            (None, Some(_)) => return Err(ApiError::of(&ErrorObject::previous_response_not_found(previous))),
            (None, None) => {}
        }
        Ok(creation)
    }

    fn context(&self, id: String, number: usize, created_at: i64) -> ResponseContext<'_> {
        ResponseContext {
            id,
            number,
            created_at,
            model: self.members.model(),
            lane: self.lane,
            request: self.body,
            background: self.members.background,
        }
    }
}

impl ScriptedServer {
    pub(super) fn create(&self, head: &Request, body: &str) -> Plan {
        let members = match RequestMembers::read(body) {
            Ok(members) => members,
            // A compressed body is not read. It counts as a request for a stream.
            Err(_) if head.headers.get_str("content-encoding").is_some() => {
                RequestMembers { stream: true, ..RequestMembers::default() }
            }
            Err(reason) => return ApiError::invalid(&reason).respond(),
        };
        let turn_state = head.headers.get_str(TURN_STATE);
        self.observe(&ObservedRequest { transport: Transport::Http, turn_state, body }, false);
        // Only stored responses can be continued over HTTP.
        let creation = match Creation::check(members, body, None, &self.state().store, Some(&Lanes::default())) {
            Ok(creation) => creation,
            Err(error) => return error.respond(),
        };
        let (reply, number, tool) = self.pick(body);
        let mut headers = headers(&reply.headers);
        let mut plan = Plan { cut: reply.cut_at_byte(), head_byte: reply.head_byte(), ..Plan::default() };
        plan.actions.extend(reply.delay().map(Action::Pause));
        if let Some(status) = reply.status {
            let body = reply.body.as_deref().unwrap_or("{}").as_bytes().to_vec();
            plan.actions.push_back(Action::Respond(status, headers, body));
            return plan;
        }
        if let Some(token) = &reply.turn_state {
            set(&mut headers, TURN_STATE, token);
        }
        let context = creation.context(format!("resp_{number}"), number, self.created_at());
        let steps = reply.steps(&context, tool.as_ref());
        let background = self.keep(&creation, &reply, &steps, None);
        if !creation.members.stream && !reply.cut {
            let response = match &background {
                Some(background) => {
                    plan.actions.clear();
                    background.queued().unwrap_or_default()
                }
                None => final_response(&steps),
            };
            set(&mut headers, "Content-Type", "application/json");
            plan.actions.push_back(Action::Respond(200, headers, response.to_string().into_bytes()));
            return plan;
        }
        plan.cancelled = background.map(|background| background.cancelled);
        plan.actions.push_back(Action::Begin(headers));
        plan.actions.extend(steps.into_iter().map(Action::from));
        plan.actions.push_back(if reply.cut { Action::Close(1011) } else { Action::End });
        plan
    }

    pub(super) fn message(&self, lane: Option<&str>, text: &str, mut lanes: Option<&mut Lanes>) -> Plan {
        let members = match RequestMembers::read(text) {
            Ok(members) => members,
            Err(reason) => return Plan::one(ApiError::invalid(&reason).event(lane)),
        };
        match members.kind.as_deref() {
            Some("response.create") => {}
            // Steering, and what clients say of responses that they have processed.
            Some(kind) if kind.starts_with("response.") => return Plan::default(),
            kind => {
                let words = format!("the message type `{}` is unknown", kind.unwrap_or_default());
                return Plan::one(ApiError::invalid_value("type", &words).event(lane));
            }
        }
        let turn_state = members.turn_state.as_deref();
        let request = ObservedRequest { transport: Transport::WebSocket, turn_state, body: text };
        self.observe(&request, !members.generate);
        let previous = members.previous_response_id.clone();
        let steered = match (&previous, lanes.as_deref_mut()) {
            (Some(previous), Some(lanes)) => lanes.with_steering(previous, text),
            _ => None,
        };
        let text = steered.as_deref().unwrap_or(text);
        let evict = |lanes: Option<&mut Lanes>| {
            if let (Some(lanes), Some(previous)) = (lanes, &previous) {
                lanes.evict(lane, previous);
            }
        };
        let creation = match Creation::check(members, text, lane, &self.state().store, lanes.as_deref()) {
            Ok(creation) => creation,
            Err(error) => {
                evict(lanes);
                return Plan::one(error.event(lane));
            }
        };
        if !creation.members.generate {
            return self.prewarm(&creation, lanes);
        }
        let (reply, number, tool) = self.pick(text);
        let mut plan = Plan { cut: reply.cut_at_byte(), ..Plan::default() };
        plan.actions.extend(reply.delay().map(Action::Pause));
        if let Some(status) = reply.status {
            evict(lanes);
            let body = reply.body.as_deref().and_then(|body| serde_json::from_str::<Value>(body).ok());
            let error = body.map_or_else(|| json!({"message": "refused"}), |mut body| body["error"].take());
            plan.actions.push_back(Action::Send(error_event(status, &error, lane).into()));
            return plan;
        }
        let context = creation.context(format!("resp_{number}"), number, self.created_at());
        let mut steps = reply.steps(&context, tool.as_ref());
        let background = self.keep(&creation, &reply, &steps, lanes);
        plan.cancelled = background.map(|background| background.cancelled);
        if let Some(token) = &reply.turn_state {
            let event = ServerEvent::turn_state(token);
            let event = lane.map_or_else(|| event.to_json(), |lane| event.clone().on_lane(lane).to_json());
            steps.insert(1.min(steps.len()), Step::Send(event.into()));
        }
        plan.actions.extend(steps.into_iter().map(Action::from));
        if reply.cut {
            plan.actions.push_back(Action::Close(1011));
        }
        let (id, writer) = (context.id.clone(), context.writer());
        plan.source = Some(Box::new(Source { id, writer, reply, number, tool, inserted: 0 }));
        plan
    }

    /// A prewarm request generates nothing and uses no reply. The next request can continue it.
    fn prewarm(&self, creation: &Creation<'_>, lanes: Option<&mut Lanes>) -> Plan {
        let number = {
            let mut state = self.state();
            state.prewarmed += 1;
            state.prewarmed
        };
        let reply = Reply::default();
        let context = creation.context(format!("resp_prewarm_{number}"), 0, self.created_at());
        let steps = reply.steps(&context, None);
        self.keep(creation, &reply, &steps, lanes);
        Plan { actions: steps.into_iter().map(Action::from).collect(), ..Plan::default() }
    }

    /// Remembers a response, to be continued and retrieved. Returns what is known of it if it runs in the background.
    fn keep(
        &self,
        creation: &Creation<'_>,
        reply: &Reply,
        steps: &[Step],
        lanes: Option<&mut Lanes>,
    ) -> Option<Background> {
        let response = final_response(steps);
        let id = response["id"].as_str()?;
        let calls = calls_after(creation.calls.clone(), &response["output"]);
        if let Some(lanes) = lanes {
            match (response["status"].as_str(), &creation.members.previous_response_id) {
                (Some("failed"), Some(previous)) => lanes.evict(creation.lane, previous),
                (Some("failed"), None) => {}
                _ => lanes.insert(creation.lane, id, calls.clone()),
            }
        }
        if !creation.members.store {
            return None;
        }
        let background = creation.members.background.then(|| Background {
            begun: Instant::now(),
            events: timeline(reply.delay().unwrap_or_default(), steps),
            cancelled: Arc::new(OnceLock::new()),
            kept: 0,
        });
        self.state().store.insert(
            Stored {
                id: id.to_owned(),
                input: raw_member(creation.body, "input").map(Arc::from),
                response: response.to_string().into(),
                background: background.clone(),
            },
            calls,
        );
        background
    }
}

/// Returns the events with their times after the beginning.
fn timeline(delay: Duration, steps: &[Step]) -> Arc<[(Duration, Arc<str>)]> {
    let mut at = delay;
    let mut events = Vec::new();
    for step in steps {
        match step {
            Step::Pause(pause) => at += *pause,
            Step::Send(event) => events.push((at, Arc::clone(event))),
        }
    }
    events.into()
}

/// Returns the final response of a list of steps; `null` if there is none.
fn final_response(steps: &[Step]) -> Value {
    let read = |step: &Step| match step {
        Step::Send(event) => response_of(event),
        Step::Pause(_) => None,
    };
    steps.iter().rev().find_map(read).unwrap_or_default()
}

impl From<Step> for Action {
    fn from(step: Step) -> Self {
        match step {
            Step::Send(event) => Self::Send(event),
            Step::Pause(pause) => Self::Pause(pause),
        }
    }
}

/// Returns the stream of a background response, from the event after this number on: those that were made, and those that are
/// still to come. `None` if the events are not kept.
pub(super) fn resume(store: &mut Store, id: &str, after: Option<i64>) -> Option<Plan> {
    let now = Instant::now();
    store.keep_due(id, now);
    let background = store.get(id)?.background.as_ref()?;
    let mut plan = Plan { actions: VecDeque::from([Action::Begin(Headers::new())]), ..Plan::default() };
    plan.actions.extend(store.events.events_after(id, after)?.map(|event| Action::Send(event.into())));
    if background.cancelled.get().is_none() {
        let mut passed = now.saturating_duration_since(background.begun);
        for (time, event) in &background.events[background.kept..] {
            let pause = time.saturating_sub(passed);
            plan.actions.extend((!pause.is_zero()).then_some(Action::Pause(pause)));
            passed = passed.max(*time);
            if number_of(event) > after {
                plan.actions.push_back(Action::Send(Arc::clone(event)));
            }
        }
        plan.cancelled = Some(Arc::clone(&background.cancelled));
    }
    plan.actions.push_back(Action::End);
    Some(plan)
}

/// Returns the `sequence_number` of an event.
pub(super) fn number_of(event: &str) -> Option<i64> {
    raw_member(event, "sequence_number")?.parse().ok()
}

/// Returns a whole response as it is now.
pub(super) fn respond_now(stored: &Stored) -> Plan {
    match &stored.background {
        Some(_) => respond_text(200, &stored.now(Instant::now()).to_string()),
        None => respond_text(200, &stored.response),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Action, Lanes, Plan, ScriptedServer, response_of};
    use crate::serve::Script;

    /// Returns the events that a plan sends.
    fn sent(plan: &Plan) -> Vec<Value> {
        let event = |action: &Action| match action {
            Action::Send(event) => serde_json::from_str(event).ok(),
            _ => None,
        };
        plan.actions.iter().filter_map(event).collect()
    }

    /// Returns the response of a message: its last event.
    fn ask(server: &ScriptedServer, lanes: &mut Lanes, lane: Option<&str>, mut request: Value) -> Value {
        request["type"] = "response.create".into();
        request["model"] = "m".into();
        sent(&server.message(lane, &request.to_string(), Some(lanes))).pop().expect("an event")
    }

    fn server(script: &str) -> ScriptedServer {
        ScriptedServer::new(Script::parse(script).expect("a script"))
    }

    const TEXT: &str = "[[reply]]\ntext = \"Hi\"\n";

    #[test]
    fn a_response_that_is_not_stored_is_continued_on_its_connection_only() {
        let (server, mut lanes) = (server(TEXT), Lanes::default());
        let first = ask(&server, &mut lanes, None, json!({"store": false, "input": "a"}));
        let id = &first["response"]["id"];
        assert_eq!(first["response"]["store"], false);
        let again = json!({"store": false, "previous_response_id": id, "input": "b"});
        let next = ask(&server, &mut lanes, Some("lane"), again.clone());
        assert_eq!((&next["type"], &next["stream_id"]), (&json!("response.completed"), &json!("lane")));
        assert_eq!(&next["response"]["previous_response_id"], id);
        let elsewhere = ask(&server, &mut Lanes::default(), None, again);
        let error = json!({"type": "invalid_request_error", "code": "previous_response_not_found",
            "param": "previous_response_id", "message": format!("Previous response with id '{}' not found.", id.as_str().unwrap())});
        assert_eq!(elsewhere, json!({"type": "error", "status": 400, "error": error}));
    }

    #[test]
    fn a_stored_response_is_continued_anywhere() {
        let server = server(TEXT);
        let first = ask(&server, &mut Lanes::default(), None, json!({"input": "a"}));
        let again = json!({"previous_response_id": first["response"]["id"], "input": "b"});
        assert_eq!(ask(&server, &mut Lanes::default(), None, again)["type"], "response.completed");
    }

    #[test]
    fn an_output_without_its_call_fails_and_evicts_the_response_from_its_lane() {
        let script = "[[reply]]\nwhen = \"weather\"\ncall = { name = \"f\", arguments = \"{}\" }\n[[reply]]\nwhen = \"\"\ntext = \"Hi\"\n";
        let (server, mut lanes) = (server(script), Lanes::default());
        let first = ask(&server, &mut lanes, None, json!({"store": false, "input": "weather"}));
        let output = |id: &Value, call: &str| {
            let input = json!([{"type": "function_call_output", "call_id": call, "output": "x"}]);
            json!({"store": false, "previous_response_id": id, "input": input})
        };
        let call = first["response"]["output"][0]["call_id"].as_str().expect("a call");
        let second = ask(&server, &mut lanes, None, output(&first["response"]["id"], call));
        assert_eq!(second["type"], "response.completed", "{second}");
        let id = &second["response"]["id"];
        let answered = ask(&server, &mut lanes, None, output(id, call));
        assert_eq!(
            (&answered["status"], &answered["error"]["param"]),
            (&json!(400), &json!("input")),
            "the call has its output"
        );
        let gone = ask(&server, &mut lanes, None, json!({"store": false, "previous_response_id": id, "input": "c"}));
        assert_eq!(gone["error"]["code"], "previous_response_not_found");
    }

    #[test]
    fn a_prewarm_request_can_be_continued_and_uses_no_reply() {
        let (server, mut lanes) = (server(TEXT), Lanes::default());
        let warm = ask(&server, &mut lanes, None, json!({"generate": false, "store": false}));
        let id = &warm["response"]["id"];
        assert_eq!((id, &warm["response"]["output"]), (&json!("resp_prewarm_1"), &json!([])));
        let next = ask(&server, &mut lanes, None, json!({"previous_response_id": id, "input": "a"}));
        assert_eq!(next["response"]["id"], "resp_1");
    }

    #[test]
    fn the_built_in_script_calls_a_function_and_answers_its_output() {
        let (server, mut lanes) = (ScriptedServer::new(Script::mock()), Lanes::default());
        let tools = json!([{"type": "function", "name": "f"}]);
        for _ in 0..2 {
            let call = ask(&server, &mut lanes, None, json!({"tools": tools, "input": "a"}));
            let item = &call["response"]["output"][0];
            assert_eq!(
                (&item["type"], &item["name"], &item["arguments"]),
                (&json!("function_call"), &json!("f"), &json!("{}"))
            );
            let input = json!([{"type": "function_call_output", "call_id": item["call_id"], "output": "x"}]);
            let request = json!({"tools": tools, "previous_response_id": call["response"]["id"], "input": input});
            assert_eq!(ask(&server, &mut lanes, None, request)["response"]["output"][0]["type"], "message");
        }
        assert_eq!(ask(&server, &mut lanes, None, json!({"input": "a"}))["response"]["output"][0]["type"], "message");
        assert_eq!(response_of("{}"), None);
    }
}
