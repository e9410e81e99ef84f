//! WebSocket: handshakes, frames and messages, hostile peers, and memory.

mod handshake;
mod hostile;
mod memory;
mod messages;
mod released;
mod retained;
