//! The memory of compressors, which all connections of the server share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use turnwire::ws::deflate::{MemoryKind, MemoryPool, PooledMemory};

/// How many compressors, and how many decompressors, are kept while no connection uses them: 21 MiB together.
const MAX_SPARE: usize = 64;

/// Memory of compressors and decompressors that no connection uses. Without it, each request on a compressed WebSocket would allocate and
/// free 330 KiB, and glibc, which keeps freed memory between the small blocks of idle connections, would hold several times what these
/// need.
#[derive(Debug, Default)]
pub(super) struct DeflatePool {
    spare: Mutex<Vec<PooledMemory>>,
}

impl DeflatePool {
    fn lock(&self) -> MutexGuard<'_, Vec<PooledMemory>> {
        // A poisoned lock is safe to use: no code that can panic runs while it is held.
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryPool for DeflatePool {
    fn take(&self, kind: MemoryKind) -> Option<PooledMemory> {
        let mut spare = self.lock();
        let at = spare.iter().rposition(|memory| memory.kind() == kind)?;
        Some(spare.swap_remove(at))
    }

    fn put(&self, memory: PooledMemory) {
        let is_compressor = |memory: &PooledMemory| matches!(memory.kind(), MemoryKind::Compressor { .. });
        let is_same = |other: &PooledMemory| is_compressor(other) == is_compressor(&memory);
        let mut spare = self.lock();
        // Those with another window are used less than this one, which was just used.
        if spare.iter().filter(|other| is_same(other)).count() >= MAX_SPARE
            && let Some(oldest) = spare.iter().position(is_same)
        {
            spare.remove(oldest);
        }
        spare.push(memory);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use turnwire::ws::Role;
    use turnwire::ws::deflate::{Deflater, MemoryKind, MemoryPool, Params, PooledMemory, SharedPool};

    use super::{DeflatePool, MAX_SPARE};

    struct Shared(Arc<DeflatePool>);

    impl MemoryPool for Shared {
        fn take(&self, kind: MemoryKind) -> Option<PooledMemory> {
            self.0.take(kind)
        }

        fn put(&self, memory: PooledMemory) {
            self.0.put(memory);
        }
    }

    #[test]
    fn the_pool_keeps_64_compressors_and_the_newest_of_them() {
        let pool = Arc::new(DeflatePool::default());
        let shared = SharedPool::new(Shared(Arc::clone(&pool)));
        let used = |params: &Params| {
            let mut deflater = Deflater::new(params, Role::Server).expect("a window from 9 up");
            deflater.use_pool(&shared);
            deflater.message(b"text", &mut Vec::new());
            deflater
        };
        let mut params = Params::default();
        let all: Vec<Deflater> = (0..MAX_SPARE + 1).map(|_| used(&params)).collect();
        assert_eq!(pool.lock().len(), 0);
        drop(all);
        assert_eq!(pool.lock().len(), MAX_SPARE);
        params.server_max_window_bits = 10;
        drop(used(&params));
        let spare = pool.lock();
        assert_eq!(spare.len(), MAX_SPARE);
        assert_ne!(spare[0].kind(), spare[MAX_SPARE - 1].kind());
    }
}
