//! A coded body on its way to whoever reads it: undone a piece at a time, when the piece before was read.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::config::Config;
#[cfg(feature = "gzip")]
use crate::http::gzip::{Decoder, Limits};
use crate::http::{BodyDecoder, BodyPart, Error, Response};

/// Without the feature `gzip` there is no coding that could be undone.
#[cfg(not(feature = "gzip"))]
#[derive(Debug)]
enum Decoder {}

#[cfg(not(feature = "gzip"))]
#[expect(clippy::needless_pass_by_ref_mut, reason = "the real one changes")]
impl Decoder {
    fn decode(&mut self, _: &mut &[u8]) -> Result<Option<&[u8]>, Error> {
        match *self {}
    }

    fn eof(&mut self) -> Result<(), Error> {
        match *self {}
    }
}

/// Which codings are undone.
#[derive(Clone, Copy, Debug)]
pub(super) struct SupportedCodings {
    #[cfg(feature = "gzip")]
    gzip: Option<Limits>,
}

/// What undoes one body's coding, and what came of it and was not read yet.
#[derive(Debug)]
pub(super) struct ContentDecoder {
    decoder: Decoder,
    /// The last piece, and how much of it was read.
    pub(super) output: Vec<u8>,
    pub(super) consumed: usize,
    /// Whether more may come without input.
    has_more: bool,
}

/// What there is next of a coded body.
pub(super) enum DecodeProgress {
    Nothing,
    Output,
    End,
}

impl SupportedCodings {
    #[cfg_attr(not(feature = "gzip"), expect(unused_variables, reason = "no coding is known"))]
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            #[cfg(feature = "gzip")]
            gzip: config.gzip,
        }
    }

    /// What undoes the coding of this response's body; `None` when it is sent as it is.
    pub(super) fn decoder_for(self, head: &Response) -> Result<Option<Box<ContentDecoder>>, Error> {
        #[cfg(feature = "gzip")]
        if let Some(limits) = self.gzip {
            let decoder = Decoder::response(head, limits)?;
            return Ok(decoder.map(|decoder| {
                Box::new(ContentDecoder { decoder, output: Vec::new(), consumed: 0, has_more: false })
            }));
        }
        head.check_identity_coding().map(|()| None)
    }
}

impl ContentDecoder {
    /// Whether there is something to read, or may be, without any input.
    pub(super) const fn is_pending(&self) -> bool {
        self.has_output() || self.has_more
    }

    pub(super) const fn has_output(&self) -> bool {
        self.consumed < self.output.len()
    }

    /// Finds the next piece, unless the last one was not read to its end. What is not needed for it stays in `input`.
    pub(super) fn advance(&mut self, body: &mut BodyDecoder, input: &mut &[u8]) -> Result<DecodeProgress, Error> {
        if self.is_pending() {
            self.fill(&mut &[][..])?;
            if self.has_output() {
                return Ok(DecodeProgress::Output);
            }
        }
        let before = *input;
        match body.decode(input)? {
            Some(BodyPart::Data(found)) => {
                let mut left = found;
                self.fill(&mut left)?;
                body.give_back(left.len());
                *input = &before[before.len() - input.len() - left.len()..];
                Ok(if self.has_output() { DecodeProgress::Output } else { DecodeProgress::Nothing })
            }
            Some(BodyPart::End(_)) => self.decoder.eof().map(|()| DecodeProgress::End),
            None => Ok(DecodeProgress::Nothing),
        }
    }

    /// The body has ended with the connection.
    pub(super) fn eof(&mut self) -> Result<(), Error> {
        self.decoder.eof()
    }

    fn fill(&mut self, coded: &mut &[u8]) -> Result<(), Error> {
        if self.has_output() {
            return Ok(());
        }
        self.output.clear();
        self.consumed = 0;
        let piece = self.decoder.decode(coded)?;
        self.has_more = piece.is_some();
        self.output.extend_from_slice(piece.unwrap_or_default());
        Ok(())
    }
}
