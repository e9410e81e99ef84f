//! Turns as an application uses them: a stream of owned events, a turn that is dropped early, and an untrusted
//! certificate.

use futures_lite::StreamExt as _;
use turnwire::client::{Event, Outcome, OwnedEvent, OwnedOutcome, TransportPreference};
use turnwire::responses::{CreateResponse, FailureKind, Item};
use turnwire_cli::serve::{self, Script};
use turnwire_tokio::Client;

use crate::setup::{self, TransportSetup};

const TRANSPORTS: [TransportPreference; 2] = [TransportPreference::WebSocket, TransportPreference::Http];

fn ask() -> CreateResponse {
    CreateResponse::new("gpt-x", vec![Item::user("hi")])
}

/// Returns a client of a server that repeats one response.
fn client(choice: TransportPreference) -> Client {
    let script = "[[reply]]\nturn_state = \"ts\"\ntext = \"one two three four\"\n";
    let (url, _) = serve::demo(Script::parse(script).expect("a script")).expect("a port");
    let setup = TransportSetup { choice, tls: false };
    let mut provider = setup.provider(([127, 0, 0, 1], 1).into());
    provider.base_url = url;
    setup::client(provider, setup.settings(), setup.tls().0)
}

#[tokio::test]
async fn turn_is_stream_of_owned_events() {
    for choice in TRANSPORTS {
        let mut client = client(choice);
        let mut turn = client.turn().expect("a turn");
        turn.send(ask()).expect("a request");
        let events: Vec<OwnedEvent> = (&mut turn).collect().await;
        let deltas = events.iter().filter(
            |event| matches!(event, OwnedEvent::Server { event, .. } if event.kind() == "response.output_text.delta"),
        );
        assert_eq!(deltas.count(), 4);
        assert!(matches!(events.last(), Some(OwnedEvent::Finished { outcome: OwnedOutcome::Completed(_), .. })));
        assert_eq!(turn.client().turn_token(), Some("ts"));
        // The turn can go on, with its turn token.
        turn.send(ask()).expect("a request");
        let events: Vec<OwnedEvent> = (&mut turn).collect().await;
        let sent =
            |event: &OwnedEvent| matches!(event, OwnedEvent::Sent { turn_token: Some(token), .. } if token == "ts");
        assert!(events.iter().any(sent));
    }
}

#[tokio::test]
async fn turn_dropped_early_does_not_affect_next_turn() {
    for choice in TRANSPORTS {
        let mut client = client(choice);
        let mut turn = client.turn().expect("a turn");
        let given_up = turn.send(ask()).expect("a request");
        while let Some(event) = turn.next().await {
            if matches!(event, Event::Server { .. }) {
                break;
            }
        }
        drop(turn);
        assert!(!client.client().has_pending_requests());
        let mut turn = client.turn().expect("the next turn");
        assert_eq!(turn.client().turn_token(), None, "a token never outlives its turn");
        let asked = turn.send(ask()).expect("a request");
        let mut ends = 0;
        while let Some(event) = turn.next().await {
            assert_ne!(event.id(), Some(given_up));
            if let Event::Sent { turn_token, .. } = &event {
                assert_eq!(*turn_token, None);
            }
            if let Event::Finished { id, outcome: Outcome::Completed(_), .. } = event {
                assert_eq!(id, asked);
                ends += 1;
            }
        }
        assert_eq!(ends, 1);
        drop(turn);
        client.close().await;
        assert!(client.client().is_finished());
    }
}

#[tokio::test]
async fn untrusted_certificate_is_rejected() {
    for choice in TRANSPORTS {
        let setup = TransportSetup { choice, tls: true };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (_, shown) = setup.tls();
        let (trust, _) = setup.tls(); // In the configuration for another certificate
        let serving = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            let mut server = turnwire_tokio::accept(stream, serve::config(false), shown).expect("a server");
            assert!(server.next().await.is_none_or(|event| !format!("{event:?}").contains("Request")));
        });
        let mut client: Client = setup::client(setup.provider(address), setup.settings(), trust);
        let mut turn = client.turn().expect("a turn");
        turn.send(ask()).expect("a request");
        let mut class = None;
        while let Some(event) = turn.next().await {
            if let Event::Finished { outcome: Outcome::Failed(failure), .. } = event {
                class = Some(failure.kind);
            }
        }
        assert_eq!(class, Some(FailureKind::Tls));
        serving.await.expect("the server received no request");
    }
}
