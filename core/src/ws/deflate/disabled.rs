//! permessage-deflate without the feature `deflate`: nothing is offered or accepted, and the types have no values.

use alloc::string::String;
use alloc::vec::Vec;

use crate::http::Headers;
use crate::ws::role::Role;

/// Negotiated parameters; without the feature `deflate` there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Params {}

/// An offer; without the feature `deflate` there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {}

/// A server's policy; without the feature `deflate` there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerPolicy {}

/// Shared memory of compressors; without the feature `deflate` there is none.
#[derive(Clone, Debug)]
pub enum SharedPool {}

/// The reason why a message cannot be inflated; without the feature `deflate` none is inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Error {
    #[expect(dead_code, reason = "only an inflater creates it")]
    Corrupt,
    #[expect(dead_code, reason = "only an inflater creates it")]
    TooLong,
}

#[derive(Debug)]
pub(super) enum Inflater {}

#[derive(Debug)]
pub(super) enum Deflater {}

impl Offer {
    /// The default offer of a client.
    #[cfg(feature = "connection")]
    pub(crate) const fn usual() -> Option<Self> {
        None
    }

    pub(super) fn to_value(self) -> String {
        match self {}
    }

    pub(super) fn verify(_: Option<&Self>, headers: &Headers) -> Result<Option<Params>, ()> {
        if headers.contains("sec-websocket-extensions") { Err(()) } else { Ok(None) }
    }
}

impl ServerPolicy {
    pub(super) fn answer(&self, _: &Headers) -> Option<(Params, String)> {
        match *self {}
    }
}

impl Inflater {
    pub(super) fn new(params: &Params, _: Role) -> Self {
        match *params {}
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "the real one changes")]
    pub(super) fn use_pool(&mut self, _: &SharedPool) {
        match *self {}
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "the real one changes")]
    pub(super) fn push(&mut self, _: &[u8], _: &mut Vec<u8>, _: usize) -> Result<(), Error> {
        match *self {}
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "the real one changes")]
    pub(super) fn end(&mut self) -> Result<(), Error> {
        match *self {}
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "the real one changes")]
    pub(super) fn release_memory(&mut self) {
        match *self {}
    }
}

impl Deflater {
    pub(super) fn new(params: &Params, _: Role) -> Option<Self> {
        match *params {}
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "the real one changes")]
    pub(super) fn use_pool(&mut self, _: &SharedPool) {
        match *self {}
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "the real one changes")]
    pub(super) fn message(&mut self, _: &[u8], _: &mut Vec<u8>) {
        match *self {}
    }

    #[expect(clippy::needless_pass_by_ref_mut, reason = "the real one changes")]
    pub(super) fn release_memory(&mut self) {
        match *self {}
    }
}
