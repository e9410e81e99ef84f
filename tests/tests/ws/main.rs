//! WebSocket: handshakes, frames and messages, hostile peers, and memory.

mod handshake;
mod hostile;
mod memory;
mod messages;
mod pool;
mod released;
mod retained;
