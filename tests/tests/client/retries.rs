//! Which failed attempts are retried, and how often.

use turnwire::client::{CommandError, Request, Settings};
use turnwire::responses::RequestProgress;
use turnwire_tests::fixtures::{ask, created, done, user};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider};

fn unavailable(times: usize) -> Script {
    (0..times).fold(Script::new(), |script, _| script.on(Kind::Post, vec![Act::respond(503, "busy")]))
}

#[test]
fn request_can_have_its_own_number_of_retries() {
    for (own, attempts) in [(None, 3), (Some(0), 1), (Some(1), 2), (Some(4), 5)] {
        let mut provider = http_provider();
        provider.retry.max_retries = 2;
        let mut pair = Pair::new(provider, Settings::default(), unavailable(9));
        let mut request = Request::from(ask("one"));
        request.retries = own;
        let id = pair.ask(request);
        pair.run_out();
        assert_eq!((pair.failure(id).status, pair.posts().len()), (Some(503), attempts), "{own:?}");
    }
}

#[test]
fn request_without_a_stream_is_a_command_error() {
    let mut pair = Pair::new(provider(), Settings::default(), Script::new());
    let mut create = ask("one");
    create.stream = false;
    let rejected = pair.client.send(pair.now, create.clone()).expect_err("no stream");
    assert_eq!((rejected.reason, rejected.value.body), (CommandError::NotStreaming, create.clone()));
    assert!(pair.client.prewarm(pair.now, create).is_err());
    assert!(!pair.client.has_pending_requests());
}

#[test]
fn steered_request_is_not_sent_again() {
    let mut provider = provider();
    provider.retry.max_retries = 3;
    let script = Script::new().on(Kind::Text, vec![Act::Send(created("r"))]);
    let mut pair = Pair::new(provider.clone(), Settings::default(), script.clone());
    let id = pair.ask(ask("one"));
    pair.client.steer(pair.now, id, &[user("more")]).expect("a response in flight");
    pair.run();
    pair.act(Act::Drop);
    pair.run_out();
    assert_eq!((pair.failure(id).progress, pair.delays().len()), (RequestProgress::Created, 0));

    // The application has the input back, so that nothing is lost.
    let mut pair = Pair::new(provider, Settings::default(), script.on(Kind::Text, vec![]).ws([vec![done("a")]]));
    let id = pair.ask(ask("one"));
    pair.client.steer(pair.now, id, &[user("more")]).expect("a response in flight");
    pair.run();
    let failed = r#"{"type":"response.steer.failed","steer":{"previous_response_id":"r","input":"more"},"error":{"code":"response_not_active","message":"no"}}"#;
    pair.act(Act::Send(failed.into()));
    pair.act(Act::Drop);
    pair.run_out();
    assert_eq!(pair.completed(id), "a");
}
