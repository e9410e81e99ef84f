//! One call for one response: `ask` and `perform`, on every adapter; and what a dropped call leaves.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use tokio::time::timeout;
use turnwire::client::{
    AbandonMode, CancelMode, Client as ClientState, CommandError, Credentials, Event, Provider, Request, Settings,
    TransportPreference,
};
use turnwire::responses::operations::{Compact, ListModels};
use turnwire::responses::{CreateResponse, FailureKind, Item};
use turnwire_cli::serve::{self, RecordedRequest, Script, ScriptedServer};
use turnwire_driver::{ClientDriver, Io, Reaction};
use turnwire_rustls::Client;

use super::tool_loops::TOOLS;
use crate::setup::{self, TransportSetup};

pub(super) const TRANSPORTS: [TransportPreference; 2] = [TransportPreference::WebSocket, TransportPreference::Http];

/// Maximum time of what must not wait.
pub(super) const SOON: Duration = Duration::from_secs(10);

pub(super) fn question() -> CreateResponse {
    CreateResponse::new("gpt-x", "hi")
}

fn models() -> ListModels {
    ListModels { client_version: "1".into() }
}

/// Returns a client, with these settings, of a server that follows a script.
fn client_with<S: Io + Default>(
    choice: TransportPreference,
    script: &str,
    change: impl FnOnce(&mut Settings),
) -> (Client<S>, Arc<ScriptedServer>) {
    let (url, scripted) = serve::demo(Script::parse(script).expect("a script")).expect("a port");
    let setup = TransportSetup { choice, tls: false };
    let mut provider = setup.provider(([127, 0, 0, 1], 1).into());
    provider.base_url = url;
    let mut settings = setup.settings();
    change(&mut settings);
    (setup::client(provider, settings, setup.tls().0), scripted)
}

pub(super) fn client(choice: TransportPreference, script: &str) -> (turnwire_tokio::Client, Arc<ScriptedServer>) {
    client_with(choice, script, |_| {})
}

/// Returns the turn tokens of the requests for a response. Commands about a running response have none.
pub(super) fn tokens(scripted: &ScriptedServer) -> Vec<Option<String>> {
    let is_create = |request: &RecordedRequest| request.body.get("response_id").is_none();
    scripted.requests().into_iter().filter(is_create).map(|request| request.turn_state).collect()
}

const GREETING: &str = "[[reply]]\ntext = \"one two\"\nturn_state = \"ts\"\nusage = { input = 5, output = 2 }\n";

/// Asks, and checks the response.
async fn ask_once<I: Io>(client: &mut ClientDriver<I>) {
    let response = client.turn().expect("a turn").ask(question()).await.expect("a response");
    assert_eq!((response.output_text().as_str(), response.status.as_deref()), ("one two", Some("completed")));
    assert_eq!(response.usage.map(|usage| (usage.input_tokens, usage.output_tokens)), Some((5, 2)));
    assert!(response.id.is_some());
}

#[tokio::test]
async fn ask_on_tokio_returns_whole_response() {
    for choice in TRANSPORTS {
        ask_once(&mut client_with::<turnwire_tokio::TcpIo>(choice, GREETING, |_| {}).0).await;
    }
}

#[test]
fn ask_on_async_io_returns_whole_response() {
    for choice in TRANSPORTS {
        smol::block_on(ask_once(&mut client_with::<turnwire_async_std::TcpIo>(choice, GREETING, |_| {}).0));
    }
}

#[test]
fn calls_on_blocking_thread_return_results() {
    for choice in TRANSPORTS {
        let script = format!("{TOOLS}\n[[operation]]\npath = \"/models\"\nbody = '{{\"models\":[]}}'\n");
        let (mut client, _) = client_with::<turnwire_blocking::TcpIo>(choice, &script, |_| {});
        let listed = turnwire_blocking::perform(&mut client, &models()).expect("models");
        assert!(listed.models.is_empty());
        let mut turn = client.turn().expect("a turn");
        let mut request = Request::from(question());
        let mut names = Vec::new();
        let response = turnwire_blocking::run_tools(&mut turn, &mut request, 3, |call| {
            names.push(call.name().to_owned());
            format!("out of {}", call.call_id())
        });
        assert_eq!(response.expect("a response").output_text(), "done");
        assert_eq!(names, ["weather", "time"]);
        let mut kinds = Vec::new();
        let response = turnwire_blocking::ask_with(&mut turn, request, |event| {
            if let Event::Server { event, .. } = event {
                kinds.push(event.kind().to_owned());
            }
        });
        assert_eq!(response.expect("a response").output_text(), "done");
        assert!(kinds.iter().any(|kind| kind == "response.output_text.delta"));
        assert!(turnwire_blocking::ask(&mut turn, question()).is_ok());
    }
}

#[tokio::test]
async fn ask_incomplete_response_is_returned_with_reason() {
    let script = r#"[[reply]]
        events = [{ type = "response.incomplete", response = { id = "resp_i", incomplete_details = { reason = "max_output_tokens" } } }]"#;
    for choice in TRANSPORTS {
        let (mut client, _) = client(choice, script);
        let response = client.turn().expect("a turn").ask(question()).await.expect("a response");
        let reason = response.incomplete_details.and_then(|details| details.reason);
        assert_eq!((response.status.as_deref(), reason.as_deref()), (Some("incomplete"), Some("max_output_tokens")));
    }
}

#[tokio::test]
async fn ask_failed_response_returns_failure_and_turn_goes_on() {
    let script = "[[reply]]\nfail = { code = \"invalid_prompt\", message = \"no\" }\n[[reply]]\ntext = \"yes\"\n";
    for choice in TRANSPORTS {
        let (mut client, _) = client(choice, script);
        let mut turn = client.turn().expect("a turn");
        let failure = turn.ask(question()).await.expect_err("a failure");
        assert_eq!(failure.code.as_deref(), Some("invalid_prompt"));
        assert_eq!(turn.ask(question()).await.expect("a response").output_text(), "yes");
    }
}

#[tokio::test]
async fn ask_while_other_request_is_pending_is_rejected_and_loses_no_event() {
    let (mut client, scripted) = client(TransportPreference::WebSocket, GREETING);
    let mut turn = client.turn().expect("a turn");
    let id = turn.send(question()).expect("a request");
    assert_eq!(turn.ask(question()).await.expect_err("a rejection").kind, FailureKind::Build);
    assert_eq!(turn.perform(&models()).await.expect_err("a rejection").kind, FailureKind::Build);
    // Events of both requests reach the function.
    let mut ends = Vec::new();
    let response = turn.ask_with(question(), |event| {
        if let Event::Finished { id, .. } = event {
            ends.push(*id);
        }
    });
    assert_eq!(response.await.expect("a response").output_text(), "one two");
    assert_eq!((ends.len(), ends[0]), (2, id));
    assert_eq!(scripted.requests().len(), 2);
}

#[tokio::test]
async fn ask_rejected_by_client_returns_build_failure() {
    let (mut client, scripted) = client(TransportPreference::Http, GREETING);
    let mut unstreamed = question();
    unstreamed.stream = false;
    let failure = client.turn().expect("a turn").ask(unstreamed).await.expect_err("a rejection");
    assert_eq!((failure.kind, failure.message), (FailureKind::Build, CommandError::NotStreaming.to_string()));
    assert!(scripted.requests().is_empty());
}

/// Polls a future this many times, then drops it. Returns whether it was ready before.
async fn dropped_after<F: Future>(polls: usize, future: F) -> bool {
    let (mut future, mut count) = (pin!(future), 0);
    poll_fn(|cx| {
        count += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if count >= polls => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Law 12 for calls: after a call that was dropped at any await point, the turn, its token and the client are usable, and the next
/// response is that of the next request.
#[tokio::test]
async fn dropped_ask_at_any_point_leaves_turn_usable() {
    let script = "[[reply]]\nwhen = \"first\"\ntext = \"a a a\"\nturn_state = \"ts\"\n\
                  [[reply]]\nwhen = \"slow\"\nalways = true\ntext = \"b b b b\"\ntyping_ms = 1\n\
                  [[reply]]\nalways = true\ntext = \"right\"\n";
    let interrupt =
        CancelMode::Interrupt { limit: Duration::from_millis(50), otherwise: AbandonMode::Drain { limit: SOON } };
    for (choice, cancel) in [
        (TransportPreference::WebSocket, CancelMode::Auto),
        (TransportPreference::WebSocket, interrupt),
        (TransportPreference::Http, CancelMode::Auto),
    ] {
        let (mut client, scripted) =
            client_with::<turnwire_tokio::TcpIo>(choice, script, |settings| settings.cancel = cancel);
        let mut turn = client.turn().expect("a turn");
        turn.ask(CreateResponse::new("gpt-x", "first")).await.expect("a response");
        for polls in 1..8 {
            dropped_after(polls, turn.ask(CreateResponse::new("gpt-x", "slow"))).await;
            let response = timeout(SOON, turn.ask(question())).await.expect("in time").expect("a response");
            assert_eq!((response.output_text().as_str(), turn.token()), ("right", Some("ts")), "{choice:?} {polls}");
        }
        drop(turn);
        assert!(tokens(&scripted).iter().skip(1).all(|token| token.as_deref() == Some("ts")));
        dropped_after(3, client.turn().expect("the next turn").ask(CreateResponse::new("gpt-x", "slow"))).await;
        let response = client.turn().expect("a turn").ask(question()).await.expect("a response");
        assert_eq!(response.output_text(), "right");
        assert_eq!(tokens(&scripted).last(), Some(&None));
    }
}

/// With interruption, a cancelled request lasts until the server has answered. It must not keep the next turn from beginning.
#[tokio::test]
async fn dropped_turn_with_interruption_lets_next_turn_begin() {
    let script = "[[reply]]\ntext = \"a b c d\"\ntyping_ms = 20\n[[reply]]\ntext = \"right\"\n";
    let interrupt = CancelMode::Interrupt { limit: SOON, otherwise: AbandonMode::Close };
    let (mut client, _) = client_with::<turnwire_tokio::TcpIo>(TransportPreference::WebSocket, script, |settings| {
        settings.cancel = interrupt
    });
    let mut turn = client.turn().expect("a turn");
    turn.send(question()).expect("a request");
    while let Some(event) = turn.next().await {
        if matches!(event, Event::Server { .. }) {
            break;
        }
    }
    drop(turn);
    let response = client.turn().expect("the next turn").ask(question()).await.expect("a response");
    assert_eq!(response.output_text(), "right");
}

#[tokio::test]
async fn same_turn_keeps_token_and_resumed_turn_sends_it() {
    for choice in TRANSPORTS {
        let (mut client, scripted) = client(choice, GREETING);
        client.turn().expect("a turn").ask(question()).await.expect("a response");
        client.same_turn().ask(question()).await.expect("a response");
        let token = client.same_turn().token().expect("a token").to_owned();
        client.turn().expect("a turn").ask(question()).await.expect("a response");
        client.resume_turn(&token).expect("a turn").ask(question()).await.expect("a response");
        let ts = || Some("ts".to_owned());
        assert_eq!(tokens(&scripted), [None, ts(), None, ts()]);
        let long = "x".repeat(turnwire::turn::Turn::MAX_TOKEN + 1);
        let rejected = client.resume_turn(&long).expect_err("a rejection");
        assert_eq!(rejected, CommandError::TurnToken(long.len()));
        assert_eq!(client.same_turn().token(), Some("ts"), "the turn goes on");
    }
}

#[tokio::test]
async fn perform_returns_typed_answer_or_failure() {
    let script = "[[operation]]\npath = \"/models\"\nbody = '{\"models\":[]}'\nheaders = [[\"etag\", '\"e1\"']]\n\
                  [[operation]]\npath = \"/responses/compact\"\nbody = '{\"output\":[{\"type\":\"compaction\",\"encrypted_content\":\"e\"}]}'\n\
                  [[reply]]\ntext = \"a\"\n";
    let (mut client, _) = client(TransportPreference::WebSocket, script);
    let listed = client.perform(&models()).await.expect("models");
    assert_eq!((listed.models.len(), listed.etag.as_deref()), (0, Some("\"e1\"")));
    assert_eq!(client.perform(&Compact::new("gpt-x", Vec::new())).await.expect("an answer").output, []);
    let mut turn = client.turn().expect("a turn");
    turn.ask(question()).await.expect("a response");
    let compacted = turn.perform(&Compact::new("gpt-x", vec![Item::user("long")])).await.expect("an answer");
    assert_eq!(compacted.output[0].kind(), "compaction");
    // A dropped operation is cancelled.
    dropped_after(1, turn.perform(&models())).await;
    assert_eq!(turn.ask(question()).await.expect("a response").output_text(), "a");
    drop(turn);
    client.close().await;
    assert!(client.perform(&models()).await.is_err());
}

#[tokio::test]
async fn unauthorized_ask_goes_on_with_new_credentials_or_fails_at_once() {
    let script = "[[reply]]\nstatus = 401\n[[reply]]\nstatus = 401\n[[reply]]\ntext = \"in\"\n";
    for choice in TRANSPORTS {
        let (mut client, _) = client_with::<turnwire_tokio::TcpIo>(choice, script, |settings| {
            settings.max_credential_requests = 1;
        });
        let mut turn = client.turn().expect("a turn");
        // Nobody can answer: without waiting for the limit.
        let refused = timeout(SOON, turn.ask(question())).await.expect("in time").expect_err("a failure");
        assert_eq!(refused.kind, FailureKind::Unauthorized);
        let answered = turn.ask_with(question(), |event| match event {
            Event::CredentialsNeeded { .. } => Reaction::Authorize(Credentials::bearer("new")),
            _ => Reaction::Continue,
        });
        let answered = answered.await.expect("a response");
        // On a WebSocket, the rejection was an event.
        assert_eq!((answered.output_text().as_str(), &answered.error), ("in", &None), "{choice:?}");
        turn.authorize(Credentials::bearer("newer"));
    }
}

#[tokio::test]
async fn interrupting_reaction_ends_ask() {
    let script = "[[reply]]\ntext = \"a b c d e f\"\ntyping_ms = 20\n[[reply]]\ntext = \"next\"\n";
    for choice in TRANSPORTS {
        let (mut client, _) = client(choice, script);
        let mut turn = client.turn().expect("a turn");
        let result = turn.ask_with(question(), |event| match event {
            Event::Server { event, .. } if event.kind() == "response.output_text.delta" => Reaction::Interrupt,
            _ => Reaction::Continue,
        });
        let result = timeout(SOON, result).await.expect("in time");
        if choice == TransportPreference::Http {
            assert_eq!(result.expect_err("cancelled").kind, FailureKind::Cancelled);
        } else {
            assert_eq!(result.expect("a response").status.as_deref(), Some("incomplete"));
        }
        assert_eq!(turn.ask(question()).await.expect("a response").output_text(), "next");
    }
}

/// The core begins a resumed turn only between requests.
#[test]
fn resuming_turn_while_request_is_pending_is_rejected() {
    let provider = Provider::new("test", "http://127.0.0.1:1/v1");
    let mut client = ClientState::new(provider, Credentials::None, Settings::default(), [1; 32]).expect("a client");
    client.send(turnwire::time::Instant::ZERO, question()).expect("a request");
    assert_eq!(client.resume_turn("ts"), Err(CommandError::InFlight));
    assert_eq!(client.turn_token(), None);
}
