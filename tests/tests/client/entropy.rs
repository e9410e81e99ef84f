//! Random numbers: each connection of a client has its own.

use turnwire::client::Settings;
use turnwire_tests::fixtures::{ask, created, done};
use turnwire_tests::pair::{Act, Pair, Script, provider};

#[test]
fn connections_have_different_nonces_and_masking_keys() {
    let script = Script::new().ws([vec![created("a"), done("a")], vec![created("b"), done("b")]]);
    let mut pair = Pair::new(provider(), Settings::default(), script);
    pair.ask(ask("one"));
    pair.act(Act::Drop);
    pair.run_out();
    pair.ask(ask("two"));
    pair.run_out();
    assert_eq!(pair.carried.len(), 2, "two connections");
    let [first, second] = [0, 1].map(|connection: usize| {
        let sent = &pair.carried[connection].0;
        let head = sent.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        let text = String::from_utf8_lossy(&sent[..head]).into_owned();
        let nonce = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a nonce").to_owned();
        // A frame header with a length of two bytes, and the masking key after it.
        let frame = &sent[head..];
        assert_eq!((frame[0], frame[1]), (0x81, 0x80 | 126), "a masked text message of more than 125 bytes");
        (nonce, frame[4..8].to_vec())
    });
    assert_ne!(first.0, second.0, "the nonces");
    assert_ne!(first.1, second.1, "the masking keys");
}
