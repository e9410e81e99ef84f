//! A dialer of the application.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use sync_wrapper::SyncWrapper;
use turnwire::client::{ConnectError, ConnectTarget};

type Dialing<S> = Pin<Box<dyn Future<Output = io::Result<S>> + Send>>;

/// Opens streams of type `S` with a function of the application, one at a time.
///
/// ```
/// use core::task::{Context, Poll, Waker};
/// use turnwire::client::ConnectTarget;
/// use turnwire_connect::Dialer;
///
/// // A stream is whatever the function returns: here the name of its host.
/// let mut dialer = Dialer::new(|target: ConnectTarget| async move { Ok(target.host) });
/// let mut cx = Context::from_waker(Waker::noop());
/// let target = ConnectTarget::new("model.example", 80, false);
/// assert_eq!(dialer.poll(&mut cx, &target), Poll::Ready(Ok("model.example".to_owned())));
/// ```
pub struct Dialer<S> {
    dial: SyncWrapper<Box<dyn FnMut(ConnectTarget) -> Dialing<S> + Send>>,
    dialing: Option<SyncWrapper<Dialing<S>>>,
}

impl<S> Dialer<S> {
    /// Creates a dialer. `dial` gets the host and port that the stream must lead to. [`ConnectTarget::tls`] is `false` unless the stream
    /// itself must use TLS, which is the case if no layer above it does.
    pub fn new<F, D>(mut dial: D) -> Self
    where
        D: FnMut(ConnectTarget) -> F + Send + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
    {
        Self { dial: SyncWrapper::new(Box::new(move |target| Box::pin(dial(target)))), dialing: None }
    }

    /// Polls the stream to `target`, and begins to open it with the first call. Call it with the same target until it returns `Ready`,
    /// or [`cancel`](Self::cancel).
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError::Network`] with the text of the function's error. The next call opens another stream.
    pub fn poll(&mut self, cx: &mut Context<'_>, target: &ConnectTarget) -> Poll<Result<S, ConnectError>> {
        let dialing = match &mut self.dialing {
            Some(dialing) => dialing,
            None => self.dialing.insert(SyncWrapper::new((self.dial.get_mut())(target.clone()))),
        };
        let result = ready!(dialing.get_mut().as_mut().poll(cx));
        self.dialing = None;
        Poll::Ready(result.map_err(|error| ConnectError::Network(error.to_string())))
    }

    /// Drops the stream that is being opened.
    pub fn cancel(&mut self) {
        self.dialing = None;
    }
}

impl<S> fmt::Debug for Dialer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("dialing", &self.dialing.is_some()).finish_non_exhaustive()
    }
}
