//! Delays that a server requests: in a header, or in the message.

use core::time::Duration;

use turnwire::client::Settings;
use turnwire_tests::chunks::Chunks;
use turnwire_tests::fixtures::ask;
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, ok_stream, with_retries};

#[test]
fn delay_in_header_or_message_is_used() {
    let body = r#"{"error":{"code":"rate_limit_exceeded","message":"slow"}}"#;
    let words = r#"{"error":{"code":"429","message":"Requests exceed the limit. Please retry after 2 seconds."}}"#;
    for (headers, body, millis) in [
        (&[("Retry-After-Ms", "700")][..], body, 700),
        (&[("Retry-After", "1.5")], body, 1500),
        (&[("Retry-After-Ms", "300"), ("Retry-After", "9")], body, 300),
        (&[], words, 2000),
    ] {
        for chunks in [Chunks::Whole, Chunks::Bytes] {
            let script =
                Script::new().on(Kind::Post, vec![Act::respond_with(429, headers, body)]).on(Kind::Post, ok_stream());
            let mut provider = with_retries(http_provider(), 1);
            provider.retry.on_429 = true;
            let mut pair = Pair::new(provider, Settings::default(), script);
            pair.down = chunks;
            let id = pair.ask(ask("hello"));
            pair.run_out();
            pair.completed(id);
            assert!(pair.delays()[0] >= Duration::from_millis(millis), "{headers:?}, {body}: {:?}", pair.delays());
        }
    }
}
