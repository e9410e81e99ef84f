//! Requests whose WebSocket handshake fails.

use turnwire::client::{Client, Credentials, Event, FallbackReason, Outcome, Provider, Settings, SocketCommand};
use turnwire::responses::{CreateResponse, Item};
use turnwire::time::Instant;

/// Loses every connection after the handshake request, and returns the number of attempts and the failure.
fn cut_every_handshake(settings: Settings) -> (u32, u32, bool, bool) {
    let mut provider = Provider::new("test", "http://localhost:1/v1");
    provider.retry.max_retries = 2;
    let mut client = Client::new(provider, Credentials::None, settings, [3; 32]).expect("a provider");
    let mut now = Instant::ZERO;
    client.send(now, CreateResponse::new("m", vec![Item::user("hi")])).expect("a request");
    let (mut dialed, mut retries, mut fell_back, mut failed) = (0, 0, false, false);
    for _ in 0..1000 {
        while let Some(event) = client.poll_event() {
            match event {
                Event::Retry { .. } => retries += 1,
                Event::HttpFallback(FallbackReason::Exhausted { .. }) => fell_back = true,
                Event::Finished { outcome: Outcome::Failed(_), .. } => failed = true,
                _ => {}
            }
        }
        if failed {
            break;
        }
        if let Some(SocketCommand::Connect(_)) = client.poll_socket() {
            dialed += 1;
            client.handle_connected(now);
            client.handle_written(now, client.poll_transmit().len());
            client.handle_eof(now);
        } else if let Some(at) = client.poll_timeout() {
            now = at;
            client.handle_timeout(now);
        }
    }
    (dialed, retries, fell_back, failed)
}

#[test]
fn lost_handshake_is_retried_and_then_falls_back() {
    // Three attempts over WebSocket, then three over HTTP, whose responses are lost as well.
    assert_eq!(cut_every_handshake(Settings::default()), (6, 4, true, true));
}

#[test]
fn lost_handshake_fails_request_without_fallback() {
    let mut settings = Settings::default();
    settings.transport = turnwire::client::TransportPreference::WebSocket;
    assert_eq!(cut_every_handshake(settings), (3, 2, false, true));
}
