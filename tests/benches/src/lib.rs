//! Time and allocations of turnwire and of other libraries, on the same bytes, in the same process, in turn.
//!
//! [`workload`] generates the bytes, [`contest`] runs the rows of a table in turn and prints their medians, and the
//! other modules contain the rows. Every row counts events and bytes, and a wrong count ends the program, because a
//! parser that skips work cannot be compared. `docs/benchmarks.md` has the results and the commands.

pub mod contest;
pub mod events;
pub mod machine;
pub mod requests;
pub mod server;
pub mod sse;
pub mod wire;
pub mod workload;
pub mod ws;
