//! HTTP/1.1 framing: vectors, limits, and messages that cannot be built.

mod messages;
