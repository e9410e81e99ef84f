//! What callbacks of the runtime share with the task: the socket, and whom to wake.

use core::cell::RefCell;
use core::fmt;
use core::task::{Context, Waker};
use std::rc::Rc;

use turnwire::web::Socket;

/// The socket, and the task that waits for it.
#[derive(Clone)]
pub(crate) struct Shared(Rc<RefCell<State>>);

struct State {
    socket: Socket,
    waker: Option<Waker>,
}

impl Shared {
    pub(crate) fn new(socket: Socket) -> Self {
        Self(Rc::new(RefCell::new(State { socket, waker: None })))
    }

    /// Uses the socket.
    pub(crate) fn with<T>(&self, function: impl FnOnce(&mut Socket) -> T) -> T {
        function(&mut self.0.borrow_mut().socket)
    }

    /// Reports something to the socket, and wakes the task.
    pub(crate) fn report(&self, function: impl FnOnce(&mut Socket)) {
        self.with(function);
        self.wake();
    }

    pub(crate) fn wake(&self) {
        let waker = self.0.borrow_mut().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Sets the task to wake.
    pub(crate) fn wait(&self, cx: &Context<'_>) {
        self.0.borrow_mut().waker = Some(cx.waker().clone());
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
