//! JSON text: scanning, members of objects, raw values, and writing. This module does not know the Responses API.

pub(super) mod decoded_string;
pub(super) mod escape;
pub(super) mod iter;
pub(super) mod lenient;
pub(super) mod malformed;
pub(super) mod members;
pub(super) mod object_writer;
pub(super) mod perfect_hash;
mod plain;
pub(super) mod raw;
pub(super) mod scan;
pub(super) mod strict;
pub(super) mod value;
#[cfg(feature = "simd")]
mod vector_escape;
