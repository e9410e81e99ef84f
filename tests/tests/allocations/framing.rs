//! A decoder that has processed some input makes no allocation for an event or a part of a body.

use allocation_counter::measure;
use turnwire::http::{BodyDecoder, BodyLimits, BodyPart, HeadDecoder, HeadLimits, Response};
use turnwire::sse::{Decoder, Input, Limits, OutgoingEvent, encode_event};

fn decode(decoder: &mut Decoder, stream: &[u8], size: usize) -> usize {
    let mut events = 0;
    for read in stream.chunks(size) {
        let mut input = Input::new(read);
        while let Some(event) = decoder.decode(&mut input).expect("no limit") {
            events += usize::from(!event.data.is_empty());
        }
    }
    events
}

/// Events of every kind: borrowed, buffered, joined from several lines, with an event type, with an ID.
fn stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for index in 0..100 {
        let data = "{\"delta\":\"é\"}\n".repeat(index % 3 + 1);
        let event = OutgoingEvent {
            event_type: Some("response.output_text.delta"),
            id: Some("1234"),
            ..OutgoingEvent::data(&data)
        };
        encode_event(&event, &mut stream).expect("an event");
        stream.extend_from_slice(b": ping\n\nretry: 10\n");
    }
    stream
}

#[test]
fn warm_decoder_allocates_nothing_per_event() {
    let stream = stream();
    for size in [1, 7, 100, 1400, stream.len()] {
        let mut decoder = Decoder::new(Limits::default());
        assert_eq!(decode(&mut decoder, &stream, size), 100, "warming");
        let made = measure(|| assert_eq!(decode(&mut decoder, &stream, size), 100));
        assert_eq!(made.count_total, 0, "in reads of {size}");
    }
}

#[test]
fn borrowed_event_in_new_decoder_allocates_nothing() {
    let stream = b"event: add\ndata: one\n\ndata: two\n\n";
    let made = measure(|| assert_eq!(decode(&mut Decoder::new(Limits::default()), stream, stream.len()), 2));
    assert_eq!(made.count_total, 0);
}

#[test]
fn memory_of_large_event_is_released() {
    let stream = [&b"data: "[..], &b"x".repeat(4 * 1024 * 1024), b"\n\ndata: small\n\n"].concat();
    let mut decoder = Decoder::new(Limits::default());
    let made = measure(|| assert_eq!(decode(&mut decoder, &stream, 1400), 2));
    assert!(made.bytes_current <= 64 * 1024, "{} bytes are held", made.bytes_current);
}

#[test]
fn body_data_is_borrowed() {
    let mut body = Vec::new();
    (0..100).for_each(|_| turnwire::http::encode_chunk(b"hello, this is data", &mut body));
    let mut head: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let head = HeadDecoder::<Response>::new(HeadLimits::default()).decode(&mut head).expect("a head").expect("whole");
    let mut decoder = BodyDecoder::response("POST", &head, BodyLimits::default()).expect("a framing");
    let made = measure(|| {
        let mut pieces = 0;
        for mut read in body.chunks(100) {
            while let Some(BodyPart::Data(data)) = decoder.decode(&mut read).expect("chunks") {
                pieces += data.len();
            }
        }
        assert_eq!(pieces, 1900);
    });
    assert_eq!(made.count_total, 0);
}
