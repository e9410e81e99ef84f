//! Late output of the previous response is unmatched.

use turnwire::client::{Settings, TransportPreference};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::fixtures::ask;
use turnwire_tests::pair::{Act, Kind, Pair, Script, provider};

use crate::{BEGIN, END, frame, text};

#[test]
fn output_of_previous_response_is_unmatched() {
    for chunks in [Chunks::Whole, Chunks::Bytes] {
        let late = r#"{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"LATE"}"#;
        let first = format!("{BEGIN}\n{END}");
        let second = format!("{late}\n{}", first.replace("resp_1", "resp_2").replace("msg_1", "msg_2"));
        let frames = |payloads: &str| payloads.lines().map(|line| Act::Raw(frame(line))).collect::<Vec<_>>();
        let script = Script::new().on(Kind::Text, frames(&first)).on(Kind::Text, frames(&second));
        let mut settings = Settings::default();
        settings.transport = TransportPreference::WebSocket;
        let mut pair = Pair::new(provider(), settings, script);
        pair.down = chunks;
        let one = pair.ask(ask("one"));
        let two = pair.ask(ask("two"));
        assert_eq!((pair.completed(one), pair.completed(two)), ("resp_1".into(), "resp_2".into()));
        assert_eq!((text(&pair, one), text(&pair, two)), ("Hi".into(), "Hi".into()));
    }
}
