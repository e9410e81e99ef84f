//! The memory that a decoder keeps after a large text, and the close code of a limit.

use allocation_counter::measure;
use turnwire::ws::{Decoder, Error, Limits, Message, Role};

/// Returns a text message in two fragments of this many bytes each.
fn fragments(length: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    for first in [0x01, 0x80] {
        bytes.extend([first, 126]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(core::iter::repeat_n(b'a', length.into()));
    }
    bytes
}

#[test]
fn memory_of_a_large_text_is_released_with_the_next_message() {
    let (large, small) = (fragments(60_000), fragments(200));
    let mut decoder = Decoder::new(Role::Client, Limits::default(), None);
    let used = measure(|| {
        for message in [&large, &small] {
            let mut input = &**message;
            let decoded = decoder.decode(&mut input).expect("a message");
            assert!(matches!(decoded, Some(Message::Text(text)) if text.len() == (message.len() - 8)));
        }
        assert!(decoder.decode(&mut &[0x81, 0][..]).expect("a message").is_some(), "an empty text");
    });
    assert!(used.bytes_current <= 64 * 1024 + 1024, "{} bytes are held", used.bytes_current);
}

#[test]
fn limit_on_length_closes_with_message_too_big() {
    assert_eq!(Error::FrameTooLong { limit: 1 }.close_code(), 1009);
    assert_eq!(Error::MessageTooLong { limit: 1 }.close_code(), 1009);
}
