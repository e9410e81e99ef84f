//! Content codings of response bodies (RFC 9110 §8.4): a body is decoded piece by piece, each once the previous one has
//! been read.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::client::Config;
#[cfg(feature = "gzip")]
use crate::http::gzip::{Decoder, Limits};
use crate::http::{BodyDecoder, BodyPart, Error, Response};

/// Without the feature `gzip`, no coding is supported.
#[cfg(not(feature = "gzip"))]
#[derive(Debug)]
enum Decoder {}

#[cfg(not(feature = "gzip"))]
#[expect(clippy::needless_pass_by_ref_mut, reason = "the gzip decoder needs it")]
impl Decoder {
    fn decode(&mut self, _: &mut &[u8]) -> Result<Option<&[u8]>, Error> {
        match *self {}
    }

    fn eof(&mut self) -> Result<(), Error> {
        match *self {}
    }
}

/// The codings that can be decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct SupportedCodings {
    #[cfg(feature = "gzip")]
    gzip: Option<Limits>,
}

/// The decoder of one body, with its output that has not been read yet.
#[derive(Debug)]
pub(super) struct ContentDecoder {
    decoder: Decoder,
    /// The last piece of output.
    pub(super) output: Vec<u8>,
    /// The number of bytes of `output` that have been read.
    pub(super) consumed: usize,
    /// Whether the decoder may have more output without more input.
    has_more: bool,
}

/// The result of decoding a part of a body.
pub(super) enum DecodeProgress {
    Nothing,
    Output,
    End,
}

impl SupportedCodings {
    #[cfg_attr(not(feature = "gzip"), expect(unused_variables, reason = "no coding is supported"))]
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            #[cfg(feature = "gzip")]
            gzip: config.gzip,
        }
    }

    /// Returns the decoder for this response's body; `None` if the body has no coding.
    ///
    /// # Errors
    ///
    /// [`Error::ContentCoding`] if the coding is not supported.
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
    /// Returns whether there is output without more input, or may be.
    pub(super) const fn is_pending(&self) -> bool {
        self.has_output() || self.has_more
    }

    pub(super) const fn has_output(&self) -> bool {
        self.consumed < self.output.len()
    }

    /// Decodes the next piece, unless output is left to read. Leaves bytes in `input` that the piece does not need.
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

    /// Handles a body whose end is the end of the connection.
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
