//! WebSocket: handshakes, frames and messages, hostile peers, and memory.

mod buffered;
mod handshake;
mod hostile;
mod memory;
mod messages;
mod pool;
mod released;
mod retained;
