//! A transport whose input is in memory.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Gives each read as it is, and then the end. Takes any output, and drops it.
#[derive(Debug)]
pub struct Memory {
    reads: Arc<Vec<Bytes>>,
    next: usize,
    /// How much of the next read was given.
    given: usize,
}

impl Memory {
    /// Creates a transport with this input.
    pub const fn new(reads: Arc<Vec<Bytes>>) -> Self {
        Self { reads, next: 0, given: 0 }
    }
}

impl AsyncRead for Memory {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(read) = this.reads.get(this.next) else { return Poll::Ready(Ok(())) };
        let length = into.remaining().min(read.len() - this.given);
        into.put_slice(&read[this.given..this.given + length]);
        this.given += length;
        if this.given == read.len() {
            (this.next, this.given) = (this.next + 1, 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Memory {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
