//! Laws of permessage-deflate.

use turnwire::ws::Role;
use turnwire::ws::deflate::{Deflater, Error, Inflater, Params};

use crate::chunks::Chunks;
use crate::reference::inflate::Inflater as ReferenceInflater;

/// The largest window size.
const WINDOW: usize = 1 << 15;

/// Inflates a message that arrives in these pieces.
fn inflate(inflater: &mut Inflater, pieces: &[&[u8]], limit: usize) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    for piece in pieces {
        inflater.push(piece, &mut out, limit)?;
    }
    inflater.end()?;
    Ok(out)
}

/// Laws 1, 3 and 9: every split inflates to the same messages, with and without released memory, equal to those of the
/// reference implementation, up to the first invalid one.
pub fn inflating(takeover: bool, messages: &[&[u8]], limit: usize, chunks: &Chunks) -> Result<(), String> {
    let params = Params::default().with_server_no_context_takeover(!takeover);
    let mut whole = Inflater::new(&params, Role::Client);
    let mut cut = Inflater::new(&params, Role::Client);
    let mut bytes = Inflater::new(&params, Role::Client);
    let mut released = Inflater::new(&params, Role::Client);
    let mut reference = ReferenceInflater::new(takeover, WINDOW);
    for (number, message) in messages.iter().enumerate() {
        let expected = reference.message(message, limit);
        for (name, inflater, pieces) in [
            ("whole", &mut whole, vec![*message]),
            ("cut", &mut cut, chunks.cut(message)),
            ("bytes", &mut bytes, Chunks::Bytes.cut(message)),
            ("released", &mut released, chunks.cut(message)),
        ] {
            let found = inflate(inflater, &pieces, limit);
            if found != expected {
                return Err(format!("message {number}, {name}: {}, reference: {}", show(&found), show(&expected)));
            }
        }
        if expected.is_err() {
            break;
        }
        released.release_memory();
    }
    Ok(())
}

fn show(result: &Result<Vec<u8>, Error>) -> String {
    match result {
        Ok(bytes) => format!("{} bytes {:02x?}", bytes.len(), &bytes[..bytes.len().min(40)]),
        Err(error) => format!("{error:?}"),
    }
}

/// Law 2: compressed messages inflate to the original in both inflaters, and no reference exceeds the negotiated window,
/// with and without released memory.
pub fn deflating(params: &Params, messages: &[&[u8]], with_reference: bool) -> Result<(), String> {
    deflating_and(params, messages, with_reference, false)?;
    deflating_and(params, messages, with_reference, true).map_err(|why| format!("with memory released: {why}"))
}

fn deflating_and(params: &Params, messages: &[&[u8]], with_reference: bool, release: bool) -> Result<(), String> {
    let (bits, takeover) = (params.client_max_window_bits, !params.client_no_context_takeover);
    let Some(mut deflater) = Deflater::new(params, Role::Client) else {
        return if bits == 8 { Ok(()) } else { Err(format!("no deflater for a window of 2^{bits}")) };
    };
    let mut inflater = Inflater::new(params, Role::Server);
    let mut reference = ReferenceInflater::new(takeover, 1 << bits);
    for (number, message) in messages.iter().enumerate() {
        let mut compressed = vec![b'!'];
        deflater.message(message, &mut compressed);
        let [b'!', compressed @ ..] = compressed.as_slice() else { return Err("the existing output was lost".into()) };
        if compressed.is_empty() {
            return Err(format!("message {number} was compressed to zero bytes"));
        }
        let back = inflate(&mut inflater, &[compressed], message.len());
        if back.as_deref() != Ok(*message) {
            return Err(format!("message {number} of {} bytes came back as {}", message.len(), show(&back)));
        }
        if release {
            deflater.release_memory();
            inflater.release_memory();
        }
        let back = if with_reference { reference.message(compressed, message.len()) } else { continue };
        if back.as_deref() != Ok(*message) {
            return Err(format!("message {number} of {} bytes, 2^{bits}, reference: {}", message.len(), show(&back)));
        }
    }
    Ok(())
}

/// All of these laws over arbitrary input, for the fuzz target `ws-deflate`. The first two bytes choose the parameters;
/// length-prefixed messages follow.
pub fn anything(input: &[u8]) -> Result<(), String> {
    let [choice, sizes, input @ ..] = input else { return Ok(()) };
    // The reference implementation is slow, so the input is truncated.
    let mut rest = &input[..input.len().min(2048)];
    let mut messages = Vec::new();
    while let [length, after @ ..] = rest {
        let (message, after) = after.split_at(usize::from(*length).min(after.len()));
        messages.push(message);
        rest = after;
    }
    let limit = [5000, 300, 40, 0][usize::from(choice & 3)];
    let chunks = Chunks::Cycle(vec![usize::from(sizes & 15), usize::from(sizes >> 4)]);
    inflating(choice & 4 == 0, &messages, limit, &chunks)?;
    let params = Params::default()
        .with_client_no_context_takeover(choice & 4 != 0)
        .with_client_max_window_bits(8 + (choice >> 5));
    deflating(&params, &messages, true)
}
