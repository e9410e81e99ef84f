//! Server-sent events: vectors, limits, and borrowed data.

mod reset;
mod streams;
