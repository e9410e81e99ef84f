//! Memory of compressors and decompressors, which several connections share.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use zlib_rs::{Deflate, Inflate};

/// Keeps the memory of compressors and decompressors that no connection uses.
///
/// A connection needs some 330 KiB while messages are compressed, and none while it is idle. Without a pool, each allocates this memory
/// and frees it: an allocator that keeps freed memory for later, as that of glibc may do, then holds on to much more than the connections
/// need. The core takes no locks, so that the caller implements this, and bounds what is kept.
///
/// ```
/// use std::sync::Mutex;
/// use turnwire::ws::deflate::{MemoryKind, MemoryPool, PooledMemory, SharedPool};
///
/// /// Keeps up to 16 of them.
/// #[derive(Default)]
/// struct Spare(Mutex<Vec<PooledMemory>>);
///
/// impl MemoryPool for Spare {
///     fn take(&self, kind: MemoryKind) -> Option<PooledMemory> {
///         let mut spare = self.0.lock().ok()?;
///         let at = spare.iter().position(|memory| memory.kind() == kind)?;
///         Some(spare.swap_remove(at))
///     }
///
///     fn put(&self, memory: PooledMemory) {
///         if let Ok(mut spare) = self.0.lock()
///             && spare.len() < 16
///         {
///             spare.push(memory);
///         }
///     }
/// }
///
/// let mut config = turnwire::connection::server::Config::new();
/// config.deflate_pool = Some(SharedPool::new(Spare::default()));
/// ```
pub trait MemoryPool: Send + Sync {
    /// Takes memory of this kind. With `None`, the connection allocates it.
    fn take(&self, kind: MemoryKind) -> Option<PooledMemory>;

    /// Takes memory back that a connection does not use any more. It contains nothing that another connection can refer to.
    fn put(&self, memory: PooledMemory);
}

/// What memory can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemoryKind {
    /// A compressor, about 280 KiB.
    #[non_exhaustive]
    Compressor {
        /// The size of its window, as a power of two.
        window_bits: u8,
    },
    /// A decompressor, about 50 KiB.
    Decompressor,
}

/// The memory of one compressor or decompressor. `Debug` shows its kind only.
pub struct PooledMemory(Stream);

enum Stream {
    Compressor { stream: Box<Deflate>, window_bits: u8 },
    Decompressor(Box<Inflate>),
}

impl PooledMemory {
    /// Returns what it can be used for.
    #[must_use]
    pub const fn kind(&self) -> MemoryKind {
        match &self.0 {
            Stream::Compressor { window_bits, .. } => MemoryKind::Compressor { window_bits: *window_bits },
            Stream::Decompressor(_) => MemoryKind::Decompressor,
        }
    }
}

impl fmt::Debug for PooledMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PooledMemory").field(&self.kind()).finish()
    }
}

/// A [`MemoryPool`] that several connections use.
#[derive(Clone)]
pub struct SharedPool(Arc<dyn MemoryPool>);

impl SharedPool {
    /// Shares a pool.
    pub fn new(pool: impl MemoryPool + 'static) -> Self {
        Self(Arc::new(pool))
    }

    /// Takes a compressor, which is as a new one.
    pub(super) fn compressor(&self, window_bits: u8) -> Option<Box<Deflate>> {
        match self.0.take(MemoryKind::Compressor { window_bits })?.0 {
            Stream::Compressor { stream, window_bits: bits } if bits == window_bits => Some(stream),
            Stream::Compressor { .. } | Stream::Decompressor(_) => None,
        }
    }

    /// Takes a decompressor, which is as a new one.
    pub(super) fn decompressor(&self) -> Option<Box<Inflate>> {
        match self.0.take(MemoryKind::Decompressor)?.0 {
            Stream::Decompressor(stream) => Some(stream),
            Stream::Compressor { .. } => None,
        }
    }

    pub(super) fn put_compressor(&self, mut stream: Box<Deflate>, window_bits: u8) {
        stream.reset();
        self.0.put(PooledMemory(Stream::Compressor { stream, window_bits }));
    }

    pub(super) fn put_decompressor(&self, mut stream: Box<Inflate>) {
        stream.reset(false);
        self.0.put(PooledMemory(Stream::Decompressor(stream)));
    }
}

impl fmt::Debug for SharedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPool").finish_non_exhaustive()
    }
}
