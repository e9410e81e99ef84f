//! What a decoder holds of a message that is not complete.

use turnwire::ws::{Limits, Message, Role, WebSocket};

/// A frame of a server, which is not masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, u8::try_from(payload.len()).expect("a short payload")], payload].concat()
}

#[test]
fn bytes_of_an_incomplete_message_are_counted() {
    for (first, whole) in [(0x01, Message::Text("abcdef")), (0x02, Message::Binary(b"abcdef"))] {
        let mut socket = WebSocket::new(Role::Client, Limits::default(), None, [1; 32]);
        assert_eq!(socket.buffered(), 0);
        let mut held = 0;
        for (part, payload) in [(first, &b"abc"[..]), (0x00, b"de")] {
            assert!(matches!(socket.decode(&mut &frame(part, payload)[..]), Ok(None)));
            held += payload.len();
            assert_eq!(socket.buffered(), held);
        }
        assert_eq!(socket.decode(&mut &frame(0x80, b"f")[..]).expect("a message"), Some(whole));
        assert!(matches!(socket.decode(&mut &[][..]), Ok(None)));
        assert_eq!(socket.buffered(), 0);
    }
}
