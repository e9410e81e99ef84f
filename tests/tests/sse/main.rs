//! Server-sent events: vectors, limits, and copies that are not made.

mod reset;
mod streams;
