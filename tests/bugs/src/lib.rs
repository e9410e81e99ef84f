//! Deliberate bugs of turnwire, and whether the tests notice them. `README.md` says how to write one and how to run them.
//!
//! | module | contents |
//! |---|---|
//! | [`entry`] | reads `*.toml`, finds where an entry applies |
//! | [`layers`] | reads `layers.toml`: which test binaries belong to a layer |
//! | [`syntax`] | the expressions, blocks and functions of one source file |
//! | [`choice`] | the expressions or statements that can hold a bug beside the original |
//! | [`rewrite`] | writes many bugs into one source file, of which a variable selects one at run time |
//! | [`batch`] | the rewritten files of all chosen bugs, and the bug that a compiler error belongs to |
//! | [`tree`] | the copy of the repository under `target/bugs` |
//! | [`cargo`] | builds the copy, reads the compiler's messages |
//! | [`libtest`] | runs a test binary until its first failure |
//! | [`campaign`] | all of it, one bug after the other |

pub mod batch;
pub mod campaign;
pub mod cargo;
pub mod choice;
pub mod entry;
pub mod layers;
pub mod libtest;
pub mod rewrite;
pub mod syntax;
pub mod tree;
