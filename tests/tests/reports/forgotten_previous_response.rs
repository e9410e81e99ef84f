//! A server that does not know the previous response reports it in several forms: the request is sent again in full.

use turnwire::client::Settings;
use turnwire_tests::chunks::Chunks;
use turnwire_tests::fixtures::{assistant, created, done, msg, request, user};
use turnwire_tests::pair::{Act, Kind, Pair, Script, provider, with_retries};

use crate::frame;

#[test]
fn unknown_previous_response_in_other_words_causes_full_request() {
    for error in [
        r#"{"type":"error","status":400,"error":{"type":"invalid_request_error","message":"Invalid `previous_response_id`."}}"#,
        r#"{"type":"error","status":400,"error":{"code":"previous_response_not_found","message":"gone"}}"#,
        r#"{"type":"error","status":404,"error":{"message":"not found","param":"previous_response_id"}}"#,
    ] {
        for chunks in [Chunks::Whole, Chunks::Bytes] {
            let first = vec![created("a"), msg("msg_1", "Hi"), done("a")];
            let script = Script::new()
                .ws([first])
                .on(Kind::Text, vec![Act::Raw(frame(error))])
                .ws([vec![created("b"), done("b")]]);
            let mut settings = Settings::default();
            settings.transport = turnwire::client::TransportPreference::WebSocket;
            let mut pair = Pair::new(with_retries(provider(), 2), settings, script);
            pair.down = chunks;
            pair.ask(request(vec![user("one")]));
            let id = pair.ask(request(vec![user("one"), assistant("msg_1", "Hi"), user("two")]));
            pair.run_out();
            assert_eq!(pair.completed(id), "b", "{error}");
            let sent: Vec<_> = pair.texts().iter().map(|text| (text.previous(), text.input().len())).collect();
            assert_eq!(sent, [(None, 1), (Some("a".into()), 1), (None, 3)], "{error}");
        }
    }
}
