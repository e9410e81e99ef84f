//! Laws of the gzip content coding.

use turnwire::http::Error;
use turnwire::http::gzip::{Decoder, Limits};

use crate::chunks::Chunks;

/// The result of decoding a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The decoded content.
    pub content: Vec<u8>,
    /// The first error, which may be that of an incomplete body.
    pub error: Option<Error>,
}

/// Decodes a body in these reads. Also checks laws 3 and 4: input is left only after a piece or an error, an error is
/// sticky and consumes nothing, pieces are small, and the content stays within the limits.
pub fn decode(limits: Limits, body: &[u8], chunks: &Chunks) -> Result<Outcome, String> {
    let mut decoder = Decoder::new(limits);
    let mut outcome = Outcome { content: Vec::new(), error: None };
    'reads: for mut read in chunks.cut(body) {
        loop {
            match decoder.decode(&mut read) {
                Ok(Some(piece)) if piece.is_empty() || piece.len() > 16 * 1024 => {
                    return Err(format!("a piece has {} bytes", piece.len()));
                }
                Ok(Some(piece)) => outcome.content.extend_from_slice(piece),
                Ok(None) if read.is_empty() => break,
                Ok(None) => return Err(format!("{} bytes were not consumed, without a result", read.len())),
                Err(error) => {
                    outcome.error = Some(error);
                    break 'reads;
                }
            }
        }
    }
    if outcome.content.len() as u64 > limits.output {
        return Err(format!("{} bytes were decoded", outcome.content.len()));
    }
    let eof = decoder.eof();
    if let Some(error) = outcome.error {
        let mut more: &[u8] = b"more";
        let again = decoder.decode(&mut more).map(|_| ());
        if again != Err(error) || eof != Err(error) || more.len() != 4 {
            return Err(format!("after {error:?} came {again:?} and {eof:?}"));
        }
    }
    if outcome.error.is_none() {
        outcome.error = eof.err();
    }
    Ok(outcome)
}

/// Laws 1, 3 and 4: every split into reads gives the same result.
pub fn chunking(limits: Limits, body: &[u8], chunks: &Chunks) -> Result<Outcome, String> {
    let whole = decode(limits, body, &Chunks::Whole)?;
    let cut = decode(limits, body, chunks)?;
    match cut == whole {
        true => Ok(whole),
        false => Err(format!(
            "{chunks:?}: {} bytes and {:?}, but unsplit: {} bytes and {:?}",
            cut.content.len(),
            cut.error,
            whole.content.len(),
            whole.error
        )),
    }
}

/// Laws 1, 3 and 4 over arbitrary input, for the fuzz target `gzip`. The first bytes choose the limits, the split, and
/// whether a gzip header precedes the rest.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, sizes, input @ ..] = input else { return Ok(()) };
    let limits = match choice & 3 {
        0 => Limits::default().with_output(100).with_ratio(4),
        1 => Limits::default().with_output(20_000).with_ratio(1000),
        2 => Limits::default().with_output(1_000_000).with_ratio(2),
        _ => Limits::default(),
    };
    let header: &[u8] = if choice & 4 == 0 { &[] } else { &[31, 139, 8, 0, 0, 0, 0, 0, 0, 3] };
    let body = [header, input].concat();
    chunking(limits, &body, &Chunks::Cycle(vec![usize::from(sizes & 15), usize::from(sizes >> 4)]))?;
    chunking(limits, &body, &Chunks::Bytes)?;
    Ok(())
}
