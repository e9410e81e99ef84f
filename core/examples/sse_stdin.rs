//! One layer alone: decodes the event stream on the standard input, and prints one line per event.
//!
//! `printf 'data: one\n\ndata: two\n\n' | cargo run -p turnwire --example sse_stdin`

use std::error::Error;
use std::io::{self, Read, Write};

use turnwire::sse::{Decoder, Input, Limits};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut stdin, mut out) = (io::stdin().lock(), io::stdout().lock());
    let mut decoder = Decoder::new(Limits::default());
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = stdin.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        let mut input = Input::new(&buffer[..length]);
        while let Some(event) = decoder.decode(&mut input)? {
            writeln!(out, "{}: {:?}", event.event_type, event.data)?;
        }
    }
    // What the end cuts off is no event.
    writeln!(out, "unfinished: {:?}", decoder.finish())?;
    Ok(())
}
