//! The total time of a request (docs/differences.md row 63), and times beyond all deadlines.

use std::time::Duration;

use turnwire::client::{ConnectError, OwnedOutcome, Request, Settings};
use turnwire::responses::{FailureKind, RequestProgress};
use turnwire::time::Instant;
use turnwire_tests::fixtures::{ask, created, delta, done};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

const SECOND: Duration = Duration::from_secs(1);

fn within(total: Duration) -> Settings {
    let mut settings = Settings::default();
    settings.deadline = Some(total);
    settings
}

#[test]
fn total_time_bounds_attempts_and_delays() {
    let mut provider = provider();
    provider.retry.max_retries = 1000;
    let script = (0..1000).fold(Script::new(), |script, _| {
        script.on(Kind::Dial, vec![Act::Fail(ConnectError::Network("refused".into()))])
    });
    let mut pair = Pair::new(provider, within(10 * SECOND), script);
    let (start, id) = (pair.now, pair.ask(ask("one")));
    pair.run_out();
    let failure = pair.failure(id);
    assert_eq!((failure.kind, failure.retryable), (FailureKind::DeadlineExceeded, false));
    assert_eq!(failure.progress, RequestProgress::NotSent);
    assert_eq!(pair.now.saturating_duration_since(start), 10 * SECOND);
    assert_eq!(pair.client.poll_timeout(), None, "no deadline remains");
}

#[test]
fn total_time_bounds_a_stream_that_never_ends() {
    let stream = || {
        let deltas = (0..1000).flat_map(|_| [Act::Wait(SECOND / 2), Act::Send(delta("x"))]);
        [Act::Send(created("r"))].into_iter().chain(deltas).collect::<Vec<_>>()
    };
    let over_http = || [vec![Act::stream_with(&[])], stream()].concat();
    for (provider, script) in [
        (provider(), Script::new().on(Kind::Text, stream()).ws([vec![done("b")]])),
        (http_provider(), Script::new().on(Kind::Post, over_http()).sse([vec![done("b")]])),
    ] {
        let mut pair = Pair::new(provider, Settings::default(), script);
        let (start, id) = (pair.now, pair.ask(Request::from(ask("one")).with_deadline(3 * SECOND)));
        pair.run_out();
        let failure = pair.failure(id);
        assert_eq!((failure.kind, failure.progress), (FailureKind::DeadlineExceeded, RequestProgress::OutputSeen));
        assert_eq!(pair.now.saturating_duration_since(start), 3 * SECOND);
        let next = pair.ask(ask("two"));
        pair.run_out();
        assert_eq!(pair.completed(next), "b");
    }
}

#[test]
fn own_total_time_takes_the_place_of_the_settings() {
    let script = || Script::new().on(Kind::Text, vec![Act::Wait(SECOND / 2), Act::Send(done("a"))]);
    let mut pair = Pair::new(provider(), within(SECOND / 4), script());
    let id = pair.ask(Request::from(ask("one")).with_deadline(SECOND));
    pair.run_out();
    assert_eq!(pair.completed(id), "a");
    let mut pair = Pair::new(provider(), within(SECOND / 4), script());
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!(pair.failure(id).kind, FailureKind::DeadlineExceeded);
}

#[test]
fn latest_instant_causes_no_spin() {
    let end = Instant::from_duration(Duration::MAX);
    let scripts = [
        Script::new(),
        Script::new().on(Kind::Upgrade, vec![]),
        Script::new().on(Kind::Text, vec![Act::Send(created("r"))]),
    ];
    for (at, script) in scripts.into_iter().enumerate() {
        for settings in [Settings::default(), within(SECOND)] {
            let mut provider = provider();
            provider.retry.max_retries = 3;
            provider.capabilities.ping_interval = Some(SECOND);
            let mut pair = Pair::new(provider, settings, script.clone());
            if at == 0 {
                // The socket never opens.
                pair.send(ask("one"));
            } else {
                pair.ask(ask("one"));
            }
            for _ in 0..20 {
                pair.now = end;
                pair.client.handle_timeout(end);
                let next = pair.client.poll_timeout();
                assert!(next.is_none_or(|next| next > end), "script {at}: the deadline {next:?} never passes");
                pair.run();
            }
        }
    }
}

#[test]
fn request_submitted_at_the_latest_time_can_end() {
    let mut pair = Pair::new(provider(), within(SECOND), Script::new().ws([vec![done("a")]]));
    pair.now = Instant::from_duration(Duration::MAX);
    let id = pair.ask(ask("one"));
    assert!(matches!(pair.outcome(id), Some(OwnedOutcome::Completed(_))));
}
