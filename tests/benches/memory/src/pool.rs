//! Memory of compressors, which all connections of a process share.

use std::sync::Mutex;

use turnwire::ws::deflate::{MemoryKind, MemoryPool, PooledMemory};

/// The number of compressors and decompressors that are kept.
const MAX_SPARE: usize = 128;

#[derive(Debug, Default)]
pub struct Pool(Mutex<Vec<PooledMemory>>);

impl MemoryPool for Pool {
    fn take(&self, kind: MemoryKind) -> Option<PooledMemory> {
        let mut spare = self.0.lock().expect("no panic");
        let at = spare.iter().rposition(|memory| memory.kind() == kind)?;
        Some(spare.swap_remove(at))
    }

    fn put(&self, memory: PooledMemory) {
        let mut spare = self.0.lock().expect("no panic");
        if spare.len() < MAX_SPARE {
            spare.push(memory);
        }
    }
}
