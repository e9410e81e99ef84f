//! Steering, interruption and injection between the two roles: typed commands at the server, and replies that its writer makes
//! (`docs/protocol.md` §15.1 to §15.3).

use turnwire::connection::{ClientConnection, ServerConnection, Transport, client, server};
use turnwire::http::Headers;
use turnwire::responses::{ErrorObject, RawJson, ResponseCommand, ResponseWriter, ServerEvent, Usage};
use turnwire::time::Instant;
use turnwire::turn::RequestState;

const NOW: Instant = Instant::ZERO;

/// A client and a server with an open WebSocket between them.
struct Ends {
    client: ClientConnection,
    server: ServerConnection,
}

impl Ends {
    fn new() -> Self {
        let config = client::Config::new("localhost");
        let mut ends = Self {
            client: ClientConnection::new(config, Transport::WebSocket, [1; 32]),
            server: ServerConnection::new(server::Config::new(), [2; 32]),
        };
        ends.client.upgrade(NOW, "/v1/responses", &Headers::new()).expect("a handshake");
        ends.deliver_to_server();
        assert!(matches!(ends.server.poll_event(), Some(server::Event::Upgrade { .. })));
        ends.server.accept(NOW, &Headers::new()).expect("a handshake");
        assert!(ends.deliver_to_client().is_empty());
        ends
    }

    fn deliver_to_server(&mut self) {
        self.server.handle_input(NOW, self.client.poll_transmit());
        self.client.handle_written(NOW, usize::MAX);
    }

    /// The kinds of the events that reached the client. A violation is one.
    fn deliver_to_client(&mut self) -> Vec<String> {
        self.client.handle_input(NOW, self.server.poll_transmit());
        self.server.handle_written(NOW, usize::MAX);
        let mut kinds = Vec::new();
        while let Some(event) = self.client.poll_event() {
            match event {
                client::Event::Upgraded { .. } => {}
                client::Event::Server(event) => kinds.push(event.kind().to_owned()),
                other => kinds.push(format!("{other:?}")),
            }
        }
        kinds
    }

    fn request(&mut self, lane: &str) {
        let text = format!(r#"{{"type":"response.create","stream_id":"{lane}","model":"m"}}"#);
        self.client.send_request_message(NOW, Some(lane), &text).expect("a lane that is free");
        assert!(matches!(self.receive(&[]), (_, None)));
    }

    /// The lane and the command of the next message of the client, after these texts were sent.
    fn receive(&mut self, texts: &[&str]) -> (Option<String>, Option<ResponseCommand>) {
        for text in texts {
            self.client.send_message(NOW, text).expect("an open WebSocket");
        }
        self.deliver_to_server();
        match self.server.poll_event() {
            Some(server::Event::Text { lane, command, .. }) => (lane, command),
            other => panic!("{other:?}"),
        }
    }

    fn send(&mut self, events: impl IntoIterator<Item = ServerEvent<'static>>) -> Vec<String> {
        for event in events {
            self.server.send(NOW, &event.to_json()).expect("an open WebSocket");
        }
        self.deliver_to_client()
    }

    fn states(&self, lane: &str) -> [RequestState; 2] {
        [self.client.state(Some(lane)), self.server.state(Some(lane))]
    }
}

fn error(code: &str) -> ErrorObject {
    ErrorObject::new(code, "no")
}

#[test]
fn command_reaches_the_server_typed_and_with_the_lane_of_its_response() {
    let mut ends = Ends::new();
    ends.request("a");
    ends.request("b");
    ends.send(ResponseWriter::new("ra", "m", 0).on_lane("a").begin());
    ends.send(ResponseWriter::new("rb", "m", 0).on_lane("b").begin());
    let (lane, command) = ends.receive(&[r#"{"type":"response.steer","previous_response_id":"rb","input":"left"}"#]);
    assert_eq!(lane.as_deref(), Some("b"));
    let Some(ResponseCommand::Steer(steer)) = command else { panic!("{command:?}") };
    assert_eq!((steer.previous_response_id.as_str(), steer.input.as_str()), ("rb", r#""left""#));
    let interrupt = r#"{"type":"response.interrupt","response_id":"ra","mode":"discard_partial_items"}"#;
    let expected = ResponseCommand::Interrupt { response_id: "ra".into(), mode: Some("discard_partial_items".into()) };
    assert_eq!(ends.receive(&[interrupt]), (Some("a".into()), Some(expected)));
    let (lane, command) = ends.receive(&[r#"{"type":"response.inject","response_id":"rb","input":[]}"#]);
    let expected = ResponseCommand::Inject { response_id: "rb".into(), input: RawJson::new("[]").expect("JSON") };
    assert_eq!((lane.as_deref(), command), (Some("b"), Some(expected)));
    // That a response has ended does not take its lane away.
    let mut ended = ResponseWriter::new("ra", "m", 0).on_lane("a");
    ended.begin();
    ends.send(ended.complete(None, None));
    let interrupt = r#"{"type":"response.interrupt","response_id":"ra"}"#;
    assert!(matches!(ends.receive(&[interrupt]), (Some(lane), Some(ResponseCommand::Interrupt { .. })) if lane == "a"));
    // Of a response that nobody knows, there is no lane.
    let unknown = r#"{"type":"response.interrupt","response_id":"rx"}"#;
    assert!(matches!(ends.receive(&[unknown]), (None, Some(ResponseCommand::Interrupt { mode: None, .. }))));
}

#[test]
fn command_without_what_belongs_to_it_is_malformed() {
    let mut ends = Ends::new();
    for text in [
        r#"{"type":"response.interrupt"}"#,
        r#"{"type":"response.inject","response_id":"r"}"#,
        r#"{"type":"response.steer","input":"x"}"#,
        r#"{"type":"response.interrupt","response_id":"r","response_id":"s"}"#,
    ] {
        ends.client.send_message(NOW, text).expect("an open WebSocket");
        ends.deliver_to_server();
        let event = ends.server.poll_event();
        assert!(matches!(event, Some(server::Event::Malformed { .. })), "{event:?}");
    }
}

#[test]
fn steered_response_and_its_successor_leave_both_ends_in_the_same_state() {
    for completes in [true, false] {
        let mut ends = Ends::new();
        ends.request("a");
        let mut first = ResponseWriter::new("r1", "m", 0).on_lane("a");
        ends.send(first.begin());
        ends.send(first.text("m1", "half"));
        ends.receive(&[r#"{"type":"response.steer","previous_response_id":"r1","input":"left"}"#]);
        assert_eq!(ends.send([first.steer_accepted("s1")]), ["response.steer.accepted"]);
        let (last, mut second) = if completes {
            let second = first.successor("r2", 0);
            (first.complete(None, None), second)
        } else {
            first.steered("r2", 0, None)
        };
        let kinds = ends.send(last);
        let end = if completes { "response.completed" } else { "response.incomplete" };
        assert_eq!(kinds.last().map(String::as_str), Some(end));
        let [created, _] = second.begin().try_into().expect("two events");
        let value: serde_json::Value = serde_json::from_str(&created.to_json()).expect("JSON");
        assert_eq!((&value["response"]["previous_response_id"], &value["stream_id"]), (&"r1".into(), &"a".into()));
        assert_eq!(ends.send([created]), ["response.created"]);
        assert_eq!(ends.states("a"), [RequestState::Output; 2]);
        ends.send(second.text("m2", "whole"));
        ends.send(second.complete(None, None));
        assert_eq!(ends.states("a"), [RequestState::Completed; 2]);
    }
}

#[test]
fn replies_of_the_writer_are_those_of_the_protocol() {
    let mut writer = ResponseWriter::new("r1", "m", 0).on_lane("a");
    let json = |event: ServerEvent<'_>| serde_json::from_str::<serde_json::Value>(&event.to_json()).expect("JSON");
    let input = RawJson::string("left");
    let stub = RawJson::new(r#"{"type":"function_call_output","call_id":"c"}"#).expect("JSON");
    let events = [
        writer.steer_accepted("s1"),
        writer.steer_pending("s1", &[stub]),
        writer.steer_failed(Some("s1"), &input, &error("response_not_active")),
        writer.interrupt_failed(&error("interrupt_not_supported")),
        writer.inject_created(),
        writer.inject_failed(&error("response_not_active")),
    ]
    .map(json);
    for (number, event) in events.iter().enumerate() {
        assert_eq!((&event["sequence_number"], &event["stream_id"]), (&number.into(), &"a".into()));
    }
    let steer = serde_json::json!({"id": "s1", "previous_response_id": "r1"});
    assert_eq!((&events[0]["type"], &events[0]["steer"]), (&"response.steer.accepted".into(), &steer));
    assert_eq!(events[1]["reason"], "waiting_for_required_input");
    assert_eq!(events[1]["required_input"][0]["call_id"], "c");
    assert_eq!(
        (&events[2]["steer"]["input"], &events[2]["error"]["code"]),
        (&"left".into(), &"response_not_active".into())
    );
    assert_eq!((&events[3]["type"], &events[3]["response_id"]), (&"response.interrupt.failed".into(), &"r1".into()));
    assert_eq!(events[4]["type"], "response.inject.created");
    assert_eq!((&events[5]["type"], &events[5]["error"]["message"]), (&"response.inject.failed".into(), &"no".into()));
}

#[test]
fn interrupted_response_ends_without_the_item_that_was_not_done() {
    let mut ends = Ends::new();
    ends.request("a");
    let mut writer = ResponseWriter::new("r1", "m", 0).on_lane("a");
    ends.send(writer.begin());
    ends.send(writer.text("m1", "whole"));
    ends.send(writer.end_message());
    ends.send(writer.text("m2", "ha"));
    let events = writer.interrupted(Some(&Usage::new(3, 2)));
    let last: serde_json::Value = serde_json::from_str(&events.last().expect("an end").to_json()).expect("JSON");
    let kinds = ends.send(events);
    assert_eq!(kinds, ["response.interrupt.accepted", "response.output_item.interrupted", "response.incomplete"]);
    let response = &last["response"];
    assert_eq!(
        (&response["incomplete_details"]["reason"], &response["usage"]["output_tokens"]),
        (&"interrupted".into(), &2.into())
    );
    assert_eq!((response["output"].as_array().map(Vec::len), &response["output"][0]["id"]), (Some(1), &"m1".into()));
    assert_eq!(ends.states("a"), [RequestState::Incomplete; 2]);
}
