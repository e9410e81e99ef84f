//! `turnwire serve` and `turnwire doctor` with peers that do not behave, on the wire.

mod doctor;
mod serve;
