//! Runs a future on the calling thread.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};
use std::time::Instant;

/// The longest wait for a future that is not woken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a future to its end on this thread.
///
/// # Panics
///
/// When the future is not woken for 60 s of real time. A client of a [`MockServer`](crate::MockServer) that waits for nothing, such as
/// one without a request in flight, is never woken.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut polled = Instant::now();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        let left = PATIENCE.checked_sub(polled.elapsed());
        let left = left.expect("the future is woken within 60 s");
        let before = Instant::now();
        thread::park_timeout(left);
        if before.elapsed() < left {
            polled = Instant::now();
        }
    }
}

/// Unparks a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
