//! Connections that the network has forgotten without telling either end: after silence, and after the machine was asleep.

use std::time::Duration;

use turnwire::client::{Disconnected, OwnedEvent, Provider, Settings, TransportPreference};
use turnwire::connection::{CloseReason, Deadline};
use turnwire_tests::fixtures::{ask, created, done};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider, with_retries};

/// The length of a masked ping without a payload.
const PING: usize = 6;

fn only_ws() -> Settings {
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    settings
}

fn two() -> Script {
    Script::new().ws([vec![done("a")], vec![done("b")]])
}

fn retries(pair: &Pair) -> usize {
    pair.events.iter().filter(|event| matches!(event, OwnedEvent::Retry { .. })).count()
}

fn is_check_failure(event: &OwnedEvent) -> bool {
    let expected = CloseReason::Timeout(Deadline::Control);
    matches!(event, OwnedEvent::Disconnected(Disconnected::Closed(reason)) if *reason == expected)
}

#[test]
fn websocket_after_silence_is_pinged_before_the_next_request() {
    let mut pair = Pair::new(provider(), only_ws(), two());
    pair.ask(ask("one"));
    pair.pass(Duration::from_secs(59));
    assert!(pair.client.poll_transmit().is_empty());
    pair.pass(Duration::from_secs(1));
    let id = pair.send(ask("two"));
    assert_eq!(pair.client.poll_transmit().len(), PING, "the request waits");
    pair.run();
    assert_eq!((pair.completed(id).as_str(), pair.dials.len(), retries(&pair)), ("b", 1, 0));
}

#[test]
fn websocket_after_silence_does_not_answer_request_takes_another_without_a_retry() {
    let mut pair = Pair::new(provider(), only_ws(), two());
    pair.ask(ask("one"));
    pair.pass(Duration::from_secs(60));
    pair.blocks_writes = true;
    let (start, id) = (pair.now, pair.ask(ask("two")));
    assert!(pair.jump());
    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_secs(5));
    assert!(pair.events.iter().any(is_check_failure), "{:?}", pair.events);
    pair.blocks_writes = false;
    pair.run();
    assert_eq!((pair.completed(id).as_str(), pair.dials.len(), retries(&pair)), ("b", 2, 0));
}

#[test]
fn websocket_with_pongs_is_not_checked() {
    let mut provider = provider();
    provider.capabilities.ping_interval = Some(Duration::from_secs(25));
    let mut pair = Pair::new(provider, only_ws(), two());
    pair.ask(ask("one"));
    pair.pass(Duration::from_secs(600));
    let id = pair.send(ask("two"));
    assert!(pair.client.poll_transmit().len() > PING, "the request is sent at once");
    pair.run();
    assert_eq!((pair.completed(id).as_str(), pair.dials.len()), ("b", 1));
}

#[test]
fn check_is_turned_off_request_is_sent_at_once() {
    let mut provider = provider();
    provider.capabilities.check_after = None;
    let mut pair = Pair::new(provider, only_ws(), two());
    pair.ask(ask("one"));
    pair.pass(Duration::from_secs(600));
    pair.send(ask("two"));
    assert!(pair.client.poll_transmit().len() > PING);
}

#[test]
fn http_connection_after_silence_is_replaced_without_a_retry() {
    for (seconds, dials) in [(59, 1), (60, 2)] {
        let mut pair =
            Pair::new(http_provider(), Settings::default(), Script::new().sse([vec![done("a")], vec![done("b")]]));
        pair.ask(ask("one"));
        pair.pass(Duration::from_secs(seconds));
        let id = pair.ask(ask("two"));
        assert_eq!((pair.completed(id).as_str(), pair.dials.len(), retries(&pair)), ("b", dials, 0));
    }
}

/// Returns a provider whose requests may be silent for a minute.
fn patient() -> Provider {
    let mut provider = with_retries(provider(), 1);
    provider.idle_timeout = Duration::from_secs(60);
    provider
}

#[test]
fn clock_jump_with_request_in_flight_dead_websocket_is_noticed_and_request_retried() {
    let script = Script::new().on(Kind::Text, vec![Act::Send(created("a"))]).ws([vec![done("b")]]);
    let mut pair = Pair::new(patient(), only_ws(), script);
    let id = pair.ask(ask("one"));
    pair.blocks_writes = true;
    let start = pair.now;
    pair.client.handle_clock_jump(pair.now);
    assert_eq!(pair.client.poll_transmit().len(), PING);
    assert!(pair.jump());
    assert_eq!(pair.now.saturating_duration_since(start), Duration::from_secs(5));
    assert!(pair.events.iter().any(is_check_failure), "{:?}", pair.events);
    pair.blocks_writes = false;
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.dials.len(), retries(&pair)), ("b", 2, 1));
}

#[test]
fn clock_jump_with_request_in_flight_live_websocket_goes_on() {
    let acts = vec![Act::Send(created("a")), Act::Wait(Duration::from_secs(20)), Act::Send(done("a"))];
    let mut pair = Pair::new(patient(), only_ws(), Script::new().on(Kind::Text, acts));
    let id = pair.ask(ask("one"));
    pair.client.handle_clock_jump(pair.now);
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.dials.len(), retries(&pair)), ("a", 1, 0));
}

#[test]
fn clock_jump_without_requests_next_one_checks_or_replaces_the_connection() {
    let mut pair = Pair::new(provider(), only_ws(), two());
    pair.ask(ask("one"));
    pair.client.handle_clock_jump(pair.now);
    assert!(pair.client.poll_transmit().is_empty());
    pair.send(ask("two"));
    assert_eq!(pair.client.poll_transmit().len(), PING);

    let mut pair =
        Pair::new(http_provider(), Settings::default(), Script::new().sse([vec![done("a")], vec![done("b")]]));
    pair.ask(ask("one"));
    pair.client.handle_clock_jump(pair.now);
    let id = pair.ask(ask("two"));
    assert_eq!((pair.completed(id).as_str(), pair.dials.len()), ("b", 2));
}
