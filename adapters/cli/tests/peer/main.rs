//! `turnwire serve` and `turnwire doctor` with peers that do not behave, on the wire.

mod doctor;
#[cfg(target_os = "linux")]
mod exhaustion;
mod modes;
mod operations;
#[cfg(unix)]
mod process;
mod recordings;
mod serve;
#[cfg(unix)]
mod shutdown;
