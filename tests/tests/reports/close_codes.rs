//! Code and reason of a close frame are part of the failure.

use turnwire::client::{Settings, TransportPreference};
use turnwire_tests::fixtures::ask;
use turnwire_tests::pair::{Act, Kind, Pair, Script, provider, with_retries};

#[test]
fn close_code_and_reason_are_in_failure() {
    for (code, reason, requests) in [(4001, "insufficient_quota", 1), (1008, "policy", 1), (1011, "restart", 3)] {
        let script =
            (0..8).fold(Script::new(), |script, _| script.on(Kind::Text, vec![Act::Close(code, reason.into())]));
        let mut settings = Settings::default();
        settings.transport = TransportPreference::WebSocket;
        let mut pair = Pair::new(with_retries(provider(), 2), settings, script);
        let id = pair.ask(ask("hello"));
        pair.run_out();
        let failure = pair.failure(id);
        assert_eq!(failure.details.close.as_ref().map(|(code, reason)| (*code, reason.as_str())), Some((code, reason)));
        let words = format!("{failure} {}", failure.message);
        assert!(words.contains(&code.to_string()) && words.contains(reason), "{words}");
        assert_eq!(pair.texts().len(), requests, "{code}");
    }
}
