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
pub(super) struct Codings {
    #[cfg(feature = "gzip")]
    gzip: Option<Limits>,
}

/// What undoes one body's coding, and what came of it and was not read yet.
#[derive(Debug)]
pub(super) struct Coding {
    decoder: Decoder,
    /// The last piece, and how much of it was read.
    pub(super) plain: Vec<u8>,
    pub(super) at: usize,
    /// Whether more may come without input.
    more: bool,
}

/// What there is next of a coded body.
pub(super) enum Found {
    Nothing,
    Plain,
    End,
}

impl Codings {
    #[cfg_attr(not(feature = "gzip"), expect(unused_variables, reason = "no coding is known"))]
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            #[cfg(feature = "gzip")]
            gzip: config.gzip,
        }
    }

    /// What undoes the coding of this response's body; `None` when it is sent as it is.
    pub(super) fn undo(self, head: &Response) -> Result<Option<Box<Coding>>, Error> {
        #[cfg(feature = "gzip")]
        if let Some(limits) = self.gzip {
            let decoder = Decoder::response(head, limits)?;
            return Ok(decoder.map(|decoder| Box::new(Coding { decoder, plain: Vec::new(), at: 0, more: false })));
        }
        head.check_identity_coding().map(|()| None)
    }
}

impl Coding {
    /// Whether there is something to read, or may be, without any input.
    pub(super) const fn is_pending(&self) -> bool {
        self.has_plain() || self.more
    }

    pub(super) const fn has_plain(&self) -> bool {
        self.at < self.plain.len()
    }

    /// Finds the next piece, unless the last one was not read to its end. What is not needed for it stays in `input`.
    pub(super) fn advance(&mut self, body: &mut BodyDecoder, input: &mut &[u8]) -> Result<Found, Error> {
        if self.is_pending() {
            self.fill(&mut &[][..])?;
            if self.has_plain() {
                return Ok(Found::Plain);
            }
        }
        let before = *input;
        match body.decode(input)? {
            Some(BodyPart::Data(found)) => {
                let mut left = found;
                self.fill(&mut left)?;
                body.give_back(left.len());
                *input = &before[before.len() - input.len() - left.len()..];
                Ok(if self.has_plain() { Found::Plain } else { Found::Nothing })
            }
            Some(BodyPart::End(_)) => self.decoder.eof().map(|()| Found::End),
            None => Ok(Found::Nothing),
        }
    }

    /// The body has ended with the connection.
    pub(super) fn eof(&mut self) -> Result<(), Error> {
        self.decoder.eof()
    }

    fn fill(&mut self, coded: &mut &[u8]) -> Result<(), Error> {
        if self.has_plain() {
            return Ok(());
        }
        self.plain.clear();
        self.at = 0;
        let piece = self.decoder.decode(coded)?;
        self.more = piece.is_some();
        self.plain.extend_from_slice(piece.unwrap_or_default());
        Ok(())
    }
}
