//! Servers that do not echo `stream_id`, or echo an empty one.

use turnwire::client::{Request, Settings};
use turnwire_tests::chunks::Chunks;
use turnwire_tests::fixtures::ask;
use turnwire_tests::pair::{Act, Kind, Pair, Script, provider};

use crate::{BEGIN, END, completed, each_transport, frame, text};

#[test]
fn events_without_a_lane_belong_to_the_only_request() {
    for chunks in [Chunks::Whole, Chunks::Bytes] {
        let payloads = format!("{BEGIN}\n{END}");
        let script =
            Script::new().on(Kind::Text, payloads.lines().map(|line| Act::Raw(frame(line))).collect::<Vec<_>>());
        let mut pair = Pair::new(provider(), Settings::default(), script);
        pair.down = chunks;
        let id = pair.ask(Request::from(ask("hello")).on_lane("A"));
        pair.completed(id);
        assert_eq!(text(&pair, id), "Hi");
    }
}

#[test]
fn an_empty_lane_is_none() {
    let payloads = format!("{BEGIN}\n{END}").replace(r#"{"type":"response."#, r#"{"stream_id":"","type":"response."#);
    each_transport(&payloads, completed);
}
