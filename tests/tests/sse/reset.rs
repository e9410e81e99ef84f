//! The state that a decoder keeps from one connection to the next.

use turnwire::sse::{Decoder, Error, Input, Limits};

fn data(decoder: &mut Decoder, bytes: &[u8]) -> Result<Vec<String>, Error> {
    let (mut input, mut events) = (Input::new(bytes), Vec::new());
    while let Some(event) = decoder.decode(&mut input)? {
        events.push(event.data.to_owned());
    }
    Ok(events)
}

#[test]
fn decoder_that_failed_reads_the_next_connection() {
    let mut decoder = Decoder::new(Limits::default().with_data(4));
    let error = data(&mut decoder, b"data: 12345\n\n").expect_err("data over the limit");
    assert!(matches!(error, Error::DataTooLong { limit: 4, .. }));
    assert_eq!(data(&mut decoder, b"data: a\n\n"), Err(error), "the error is sticky");
    decoder.reset();
    assert_eq!(data(&mut decoder, b"data: a\n\n"), Ok(vec!["a".into()]));
    data(&mut decoder, b"data: 12345\n\n").expect_err("data over the limit");
    decoder.finish();
    assert_eq!(data(&mut decoder, b"data: b\n\n"), Ok(vec!["b".into()]), "after the end of the stream, too");
}
