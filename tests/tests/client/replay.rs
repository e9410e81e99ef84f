//! Which requests may be sent again, and the progress that a failure reports.

use turnwire::client::{Settings, TransportPreference};
use turnwire::connection::Transport;
use turnwire::responses::{FailureKind, RequestProgress};
use turnwire_tests::fixtures::{ask, created, delta, done, fail};
use turnwire_tests::pair::{Act, Kind, Pair, Script, ok_stream, provider, with_retries};

#[test]
fn request_is_not_resent_after_output() {
    let answers = || [vec![created("a"), delta("x")], vec![created("b"), done("b")]];
    let mut pair = Pair::new(with_retries(provider(), 5), Settings::default(), Script::new().ws(answers()));
    let id = pair.ask(ask("one"));
    pair.act(Act::Drop);
    pair.run_out();
    let failure = pair.failure(id);
    assert_eq!(
        (failure.kind, failure.progress, pair.texts().len()),
        (FailureKind::Stream, RequestProgress::OutputSeen, 1)
    );
    let mut settings = Settings::default();
    settings.resend_after_output = true;
    let mut pair = Pair::new(with_retries(provider(), 5), settings, Script::new().ws(answers()));
    let id = pair.ask(ask("one"));
    pair.act(Act::Drop);
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.texts().len()), ("b", 2));
}

#[test]
fn every_failure_reports_progress() {
    let fails: [(Vec<String>, RequestProgress); 3] = [
        (vec![], RequestProgress::Sent),
        (vec![created("a")], RequestProgress::Created),
        (vec![created("a"), delta("x")], RequestProgress::OutputSeen),
    ];
    for (answer, replay) in fails {
        let mut settings = Settings::default();
        settings.transport = TransportPreference::WebSocket;
        let mut pair = Pair::new(provider(), settings, Script::new().ws([answer]));
        let id = pair.ask(ask("one"));
        pair.act(Act::Drop);
        assert_eq!(pair.failure(id).progress, replay);
    }
}

#[test]
fn failure_event_keeps_the_progress_of_the_response() {
    let failed = || fail("invalid_prompt", "no");
    let answers: [(Vec<String>, RequestProgress); 3] = [
        (vec![failed()], RequestProgress::Sent),
        (vec![created("a"), failed()], RequestProgress::Created),
        (vec![created("a"), delta("x"), failed()], RequestProgress::OutputSeen),
    ];
    for (answer, progress) in answers {
        let mut settings = Settings::default();
        settings.transport = TransportPreference::WebSocket;
        let mut pair = Pair::new(provider(), settings, Script::new().ws([answer]));
        let id = pair.ask(ask("one"));
        pair.run_out();
        assert_eq!(pair.failure(id).progress, progress);
    }
}

#[test]
fn too_large_request_is_not_resent_on_same_transport() {
    let mut capped = with_retries(provider(), 5);
    capped.capabilities.max_request_bytes = Some(100);
    let mut pair = Pair::new(capped, Settings::default(), Script::new());
    let id = pair.ask(ask(&"x".repeat(200)));
    assert_eq!((pair.failure(id).kind, pair.failure(id).progress), (FailureKind::TooLarge, RequestProgress::NotSent));
    assert_eq!((pair.texts().len(), pair.posts().len()), (0, 0));

    let script = || Script::new().on(Kind::Text, vec![Act::Close(1009, String::new())]).on(Kind::Post, ok_stream());
    let mut pair = Pair::new(with_retries(provider(), 5), Settings::default(), script());
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.completed(id).as_str(), pair.texts().len(), pair.posts().len()), ("ok", 1, 1));
    assert!(!pair.client.is_http_fallback());
    assert_eq!(pair.report(id).expect("a report").transport, Some(Transport::Http));
    let mut settings = Settings::default();
    settings.transport = TransportPreference::WebSocket;
    let mut pair = Pair::new(with_retries(provider(), 5), settings, script());
    let id = pair.ask(ask("one"));
    pair.run_out();
    assert_eq!((pair.failure(id).kind, pair.texts().len()), (FailureKind::TooLarge, 1));
}
