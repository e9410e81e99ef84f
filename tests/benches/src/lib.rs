//! What turnwire costs, beside what else one would use, on the same bytes, in the same process, in turns.
//!
//! [`workload`] makes the bytes, [`contest`] runs the rows of a table in turns and prints their medians, and the other modules
//! hold the rows. Every row counts what it saw, and a pass that saw something else than the workload holds ends the program: a
//! parser that skips work is no competitor. `docs/benchmarks.md` has the figures and how to get them.

pub mod contest;
pub mod events;
pub mod machine;
pub mod sse;
pub mod workload;
pub mod ws;
