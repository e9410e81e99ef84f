//! What hostile clients do to a server, over sockets: the same set for a server on `turnwire-tokio` and for one in axum, whose accept loop
//! is that of the example `limits`. Each limit is tried where it is met and one beyond.

mod deadlines;
mod half_open;
#[path = "../../examples/limits.rs"]
#[expect(dead_code, reason = "of the example, the tests need the accept loop only")]
mod limits;
mod peers;
mod pipelining;
mod servers;
mod sizes;
mod smuggling;
