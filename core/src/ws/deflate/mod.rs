//! permessage-deflate (RFC 7692): compression and decompression of messages, and what a handshake can negotiate.

mod deflater;
mod history;
mod inflater;
mod negotiation;
mod params;
mod pool;

pub use deflater::Deflater;
pub use inflater::{Error, Inflater};
pub use negotiation::{Offer, ServerPolicy};
pub use params::Params;
pub use pool::{MemoryKind, MemoryPool, PooledMemory, SharedPool};
