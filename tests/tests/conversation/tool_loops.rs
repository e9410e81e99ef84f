//! The tool loop of the driver: the calls of a response run, and their outputs are sent.

use core::future::ready;
use core::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use turnwire::client::{Provider, Request, Settings, TransportPreference};
use turnwire::connection::server;
use turnwire::http::Headers;
use turnwire::responses::request::Input;
use turnwire::responses::{ClientEvent, FailureKind, FunctionCall, Item, ResponseWriter, ToolOutput};
use turnwire_driver::ToolCall;

use super::calls::{SOON, TRANSPORTS, client, question, tokens};
use crate::setup::{self, TransportSetup};

/// Two calls in one response, then text, once both outputs have come.
pub(super) const TOOLS: &str = r#"
[[reply]]
turn_state = "ts"
events = [
    { type = "response.output_item.done", output_index = 0, item = { type = "function_call", call_id = "c1", name = "weather", arguments = "{}" } },
    { type = "response.output_item.done", output_index = 1, item = { type = "custom_tool_call", call_id = "c2", name = "time", input = "Oslo" } },
    { type = "response.completed", response = { id = "resp_1", status = "completed", output = [
        { type = "function_call", call_id = "c1", name = "weather", arguments = "{}" },
        { type = "custom_tool_call", call_id = "c2", name = "time", input = "Oslo" },
    ] } },
]
[[reply]]
always = true
text = "done"
"#;

fn outputs(history: &Input) -> Vec<(&str, &str)> {
    let mut outputs = Vec::new();
    for item in history {
        match item {
            Item::FunctionCallOutput(output) => outputs.push((output.call_id.as_str(), text(&output.output))),
            Item::CustomToolCallOutput(output) => outputs.push((output.call_id.as_str(), text(&output.output))),
            _ => {}
        }
    }
    outputs
}

fn text(output: &ToolOutput) -> &str {
    match output {
        ToolOutput::Text(text) => text,
        ToolOutput::Parts(_) => "parts",
    }
}

#[tokio::test]
async fn tool_loop_runs_calls_concurrently_and_sends_outputs_in_order() {
    for choice in TRANSPORTS {
        let (mut client, scripted) = client(choice, TOOLS);
        let mut turn = client.turn().expect("a turn");
        let mut request = Request::from(question());
        // The first call ends only after the second one has ended.
        let (sender, receiver) = oneshot::channel();
        let (mut sender, mut receiver) = (Some(sender), Some(receiver));
        let run = turn.run_tools(&mut request, 5, |call| {
            let (sender, receiver) = match call {
                ToolCall::Function(_) => (None, receiver.take()),
                _ => (sender.take(), None),
            };
            async move {
                if let Some(receiver) = receiver {
                    receiver.await.expect("the other call ends");
                }
                let _ = sender.map(|sender| sender.send(()));
                format!("{} of {}", call.input(), call.name())
            }
        });
        let response = timeout(SOON, run).await.expect("in time").expect("a response");
        assert_eq!(response.output_text(), "done");
        assert_eq!(outputs(&request.body.input), [("c1", "{} of weather"), ("c2", "Oslo of time")]);
        assert!(matches!(request.body.input.last(), Some(Item::Message(message)) if message.text() == "done"));
        assert_eq!(tokens(&scripted), [None, Some("ts".to_owned())]);
        let seen = scripted.requests()[1].body["input"].as_array().expect("input").len();
        // The second request has the outputs; on a WebSocket, nothing but them.
        assert_eq!(seen, if choice == TransportPreference::WebSocket { 2 } else { 5 });
    }
}

#[tokio::test]
async fn dropped_tool_loop_keeps_finished_outputs_and_goes_on() {
    for choice in TRANSPORTS {
        let (mut client, scripted) = client(choice, TOOLS);
        let mut turn = client.turn().expect("a turn");
        let mut request = Request::from(question());
        let mut runs = Vec::new();
        // The function call ends, the custom tool does not.
        let run = turn.run_tools(&mut request, 5, |call| {
            runs.push(call.call_id().to_owned());
            let never_ends = matches!(call, ToolCall::Custom(_));
            async move { if never_ends { core::future::pending().await } else { "first" } }
        });
        let mut run = Box::pin(run);
        let mut waits = 0;
        // Until the loop waits for nothing but the tool.
        while timeout(Duration::from_millis(50), &mut run).await.is_err() && waits < 4 {
            waits += 1;
        }
        drop(run);
        assert_eq!(outputs(&request.body.input), [("c1", "first")]);
        let response = turn.run_tools(&mut request, 5, |call| {
            runs.push(call.call_id().to_owned());
            ready("second")
        });
        assert_eq!(response.await.expect("a response").output_text(), "done");
        assert_eq!(runs, ["c1", "c2", "c2"], "a call whose output is known is not run again");
        assert_eq!(outputs(&request.body.input), [("c1", "first"), ("c2", "second")]);
        assert_eq!(tokens(&scripted), [None, Some("ts".to_owned())]);
    }
}

#[tokio::test]
async fn tool_loop_at_round_limit_returns_open_calls_and_can_go_on() {
    let (mut client, scripted) = client(TransportPreference::WebSocket, TOOLS);
    let mut turn = client.turn().expect("a turn");
    let mut request = Request::from(question());
    let mut runs = 0;
    let response = turn.run_tools(&mut request, 1, |_| {
        runs += 1;
        ready("out")
    });
    assert_eq!(response.await.expect("a response").function_calls().count(), 1);
    assert_eq!((runs, scripted.requests().len(), ToolCall::open(&request.body.input).len()), (0, 1, 2));
    let response = turn.run_tools(&mut request, 1, |_| ready("out")).await.expect("a response");
    assert_eq!((response.output_text().as_str(), scripted.requests().len()), ("done", 2));
    let none = turn.run_tools(&mut request, 0, |_| ready("out")).await.expect_err("no response");
    assert_eq!((none.kind, scripted.requests().len()), (FailureKind::Build, 2));
}

#[tokio::test]
async fn incomplete_response_ends_tool_loop_without_running_its_calls() {
    let script = r#"[[reply]]
        events = [
            { type = "response.output_item.done", output_index = 0, item = { type = "function_call", call_id = "c1", name = "weather", arguments = "{}" } },
            { type = "response.incomplete", response = { id = "resp_i", incomplete_details = { reason = "max_output_tokens" } } },
        ]"#;
    let (mut client, _) = client(TransportPreference::Http, script);
    let mut request = Request::from(question());
    let mut runs = 0;
    let mut turn = client.turn().expect("a turn");
    let response = turn.run_tools(&mut request, 5, |_| {
        runs += 1;
        ready("out")
    });
    assert_eq!(response.await.expect("a response").status.as_deref(), Some("incomplete"));
    assert_eq!((runs, request.body.input.len()), (0, 1));
}

/// While tools run, nobody awaits an event; a server that gets no reply to its ping would close the connection.
#[tokio::test]
async fn pings_are_answered_while_a_tool_runs() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let (sender, receiver) = oneshot::channel();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut server = turnwire_tokio::accept(stream, server::Config::new(), None).expect("a server");
        let mut sender = Some(sender);
        loop {
            let now = server.now();
            match server.next().await {
                None => break,
                Some(server::Event::Upgrade { .. }) => server.connection().accept(now, &Headers::new()).expect("open"),
                Some(server::Event::Text { text, .. }) => {
                    let ClientEvent::Create(create) = ClientEvent::parse(text).expect("a message") else { continue };
                    let mut writer = ResponseWriter::new("resp_1", "gpt-x", 0);
                    let is_first = create.previous_response_id.is_none();
                    let mut events = writer.begin();
                    events.extend(match is_first {
                        true => writer.item(&Item::FunctionCall(FunctionCall::new("c1", "slow", "{}"))),
                        false => writer.text("msg_1", "done"),
                    });
                    events.extend(writer.complete(None, None));
                    for event in events {
                        server.connection().send(now, &event.to_json()).expect("sent");
                    }
                    if is_first {
                        server.connection().send_keep_alive(now).expect("a ping");
                        while server.connection().last_seen().control.is_none() {
                            let until = Some(server.now() + Duration::from_millis(5));
                            server.wait(None, until).await;
                        }
                        let _ = sender.take().map(|sender| sender.send(()));
                    }
                }
                Some(_) => {}
            }
        }
    });
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let setup = TransportSetup { choice: settings.transport, tls: false };
    let mut client: turnwire_tokio::Client = setup::client(Provider::new("test", &url), settings, setup.tls().0);
    let mut turn = client.turn().expect("a turn");
    let mut request = Request::from(question());
    let mut receiver = Some(receiver);
    let run = turn.run_tools(&mut request, 3, |_| {
        let pong = receiver.take().expect("one call");
        async move {
            pong.await.expect("the server got the pong");
            "slow output"
        }
    });
    assert_eq!(timeout(SOON, run).await.expect("in time").expect("a response").output_text(), "done");
}
