//! The strings of events: their escapes, their control characters, and which of two members of one name counts.

use turnwire::responses::{CompletedResponse, Envelope, EventClass, EventData, Malformed, ServerEvent};

/// Escapes, and what they stand for.
const ESCAPES: [(&str, &str); 13] = [
    (r#"\""#, "\""),
    (r"\\", "\\"),
    (r"\/", "/"),
    (r"\b", "\u{8}"),
    (r"\f", "\u{C}"),
    (r"\n", "\n"),
    (r"\r", "\r"),
    (r"\t", "\t"),
    (r"\u001F", "\u{1F}"),
    (r"\u00e9", "\u{e9}"),
    (r"\ud83d\ude00", "\u{1F600}"),
    (r"\ude00\ud83d", "\u{FFFD}\u{FFFD}"),
    (r"\ud83d", "\u{FFFD}"),
];

/// Lengths that end within a block of any size, at its end, and behind it.
const LENGTHS: std::ops::Range<usize> = 0..70;

#[test]
fn every_escape_is_decoded_at_every_position() {
    for (length, (escape, decoded)) in LENGTHS.flat_map(|length| ESCAPES.map(|escape| (length, escape))) {
        let before = "x".repeat(length);
        let payload =
            format!(r#"{{"type":"response.output_text.delta","delta":"{before}{escape}y{escape}","obfuscation":""}}"#);
        let event = ServerEvent::parse(&payload).expect("an event");
        let EventData::OutputTextDelta { delta, .. } = &event.data else { panic!("{event:?}") };
        assert_eq!(*delta, format!("{before}{decoded}y{decoded}"), "{escape} behind {length} bytes");
    }
}

#[test]
fn string_with_a_control_character_is_no_json() {
    for (length, byte) in LENGTHS.flat_map(|length| (0..=0x7F_u8).map(move |byte| (length, byte))) {
        if matches!(byte, b'"' | b'\\') {
            continue;
        }
        let (before, character) = ("x".repeat(length), char::from(byte));
        let start = r#"{"type":"response.output_text.delta","delta":""#;
        let payload = format!(r#"{start}{before}{character}"}}"#);
        let event = ServerEvent::parse(&payload);
        if byte < 0x20 {
            let offset = start.len() + length;
            assert_eq!(event.map(|_| ()), Err(Malformed::InvalidJson { offset }), "{byte:#x} behind {length} bytes");
        } else {
            assert!(event.is_ok(), "{byte:#x} behind {length} bytes");
        }
    }
}

#[test]
fn last_of_two_members_of_a_response_counts() {
    let response = r#"{"id":"a","status":"completed","id":"b","status":"failed"}"#;
    let payload = format!(r#"{{"type":"response.completed","response":{response}}}"#);
    assert_eq!(Envelope::scan(&payload).map(|event| event.class()), Ok(EventClass::Failed));
    assert_eq!(CompletedResponse::parse(response).id.as_deref(), Some("b"));
}

#[test]
fn last_of_two_members_of_an_event_counts_however_many_there_are() {
    const NAMES: [&str; 7] =
        ["item_id", "partial_image_b64", "background", "output_format", "quality", "size", "stream_id"];
    let members = |value: &str| NAMES.map(|name| format!(r#""{name}":"{value}","#)).concat();
    let numbers = r#""sequence_number":1,"output_index":2,"partial_image_index":3"#;
    let (first, last) = (members("a"), members("b"));
    for (texts, expected) in [(&*first, "a"), (&*format!("{first}{last}"), "b")] {
        let kind = r#""type":"response.image_generation_call.partial_image""#;
        let payload = format!("{{{numbers},{texts}{kind}}}");
        let event = ServerEvent::parse(&payload).expect("an event");
        let EventData::ImageGenerationCallPartialImage {
            item_id,
            output_index,
            partial_image_index,
            partial_image_b64,
            background,
            output_format,
            quality,
            size,
        } = &event.data
        else {
            panic!("{event:?}")
        };
        let texts = [item_id, partial_image_b64, background, output_format, quality, size, &event.stream_id];
        assert!(texts.iter().all(|text| text.as_deref() == Some(expected)), "{payload}");
        assert_eq!([event.sequence_number, *output_index, *partial_image_index], [Some(1), Some(2), Some(3)]);
        assert_eq!(Envelope::scan(&payload).map(|event| event.stream_id()), Ok(Some(expected.into())));
    }
}
