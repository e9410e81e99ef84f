//! `Chains`: the responses that a server remembers, so that a request can continue one by its id
//! ([docs/protocol.md §14.1](crate::docs::protocol#141-connecting-creating-continuing)).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::responses::error_object::ErrorObject;
use crate::responses::open_calls::{CallStep, OpenCalls};

/// Responses that can be continued, each with the calls of its conversation that have no output, and with what the server needs besides
/// (`T`). It needs no clock and no I/O. The number of responses and their bytes are bounded; the oldest ones are forgotten first.
///
/// A server has one for the responses that it stores, and one for each WebSocket, which remembers only the last response of each lane:
/// also one that is not stored, and until a request of the lane fails to continue it.
///
/// ```
/// use turnwire::responses::{CallStep, Chains, OpenCalls};
///
/// let mut stored: Chains<&str> = Chains::new(1024, 64 << 20);
/// let mut socket: Chains<&str> = Chains::of_connection(33, 16 << 20);
/// stored.remember(None, "resp_1", OpenCalls::default(), "Hi", 64);
/// let mut calls = OpenCalls::default();
/// calls.step(CallStep::Call("call_1"));
/// socket.remember(None, "resp_2", calls, "a call", 64);
///
/// let output = [CallStep::Output("call_1")];
/// let resume = |id| socket.resume(id, output).or_else(|| stored.resume(id, output));
/// let (value, calls) = resume("resp_2").expect("it is known").expect("its call is open");
/// assert_eq!((*value, calls.contains("call_1")), ("a call", false));
/// let error = resume("resp_1").expect("it is known").expect_err("it has no call");
/// assert_eq!(error.code.as_deref(), Some("no_such_call"));
/// assert!(resume("resp_3").is_none());
/// ```
#[derive(Clone)]
pub struct Chains<T> {
    max_responses: usize,
    max_bytes: usize,
    /// Only the last response of each lane is remembered.
    one_per_lane: bool,
    /// The oldest one first.
    chains: VecDeque<Chain<T>>,
    bytes: usize,
}

#[derive(Clone)]
struct Chain<T> {
    id: String,
    lane: Option<String>,
    calls: OpenCalls,
    value: T,
    bytes: usize,
}

/// Shows counts, and no content.
impl<T> fmt::Debug for Chains<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chains").field("responses", &self.chains.len()).field("bytes", &self.bytes).finish()
    }
}

impl<T> Chains<T> {
    /// Creates an empty store of responses, with the maximum of their number and of their bytes.
    #[must_use]
    pub const fn new(max_responses: usize, max_bytes: usize) -> Self {
        Self { max_responses, max_bytes, one_per_lane: false, chains: VecDeque::new(), bytes: 0 }
    }

    /// Creates an empty store for one WebSocket, which remembers the last response of each lane.
    #[must_use]
    pub const fn of_connection(max_lanes: usize, max_bytes: usize) -> Self {
        let mut chains = Self::new(max_lanes, max_bytes);
        chains.one_per_lane = true;
        chains
    }

    /// Remembers a response of this lane. `calls`: those of its conversation that have no output, its own included. `bytes`: what the caller
    /// counts for it. A response with the same id is replaced. Returns what was forgotten for it, which is the response itself if it has
    /// more bytes than may be remembered.
    pub fn remember(
        &mut self,
        lane: Option<&str>,
        id: &str,
        calls: OpenCalls,
        value: T,
        bytes: usize,
    ) -> Vec<(String, T)> {
        let one_per_lane = self.one_per_lane;
        let mut forgotten = Vec::new();
        forgotten.extend(self.take(|known| known.id == id || (one_per_lane && known.lane.as_deref() == lane)));
        self.bytes = self.bytes.saturating_add(bytes);
        self.chains.push_back(Chain { id: id.into(), lane: lane.map(Into::into), calls, value, bytes });
        while self.chains.len() > self.max_responses || self.bytes > self.max_bytes {
            let Some(oldest) = self.chains.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
            forgotten.push((oldest.id, oldest.value));
        }
        forgotten
    }

    /// Returns what a request continues: the response with this id, and the calls that are open after the calls and outputs of the
    /// request's input. `None` if the response is unknown here: if no store knows it, the error for the client is
    /// [`ErrorObject::previous_response_not_found`].
    ///
    /// # Errors
    ///
    /// Returns the error for the client, `no_such_call`, if the input has an output whose call is not open. If this is the store of a
    /// WebSocket, call [`forget_on_lane`](Self::forget_on_lane) then.
    #[must_use]
    pub fn resume<'c>(
        &self,
        previous: &str,
        input: impl IntoIterator<Item = CallStep<'c>>,
    ) -> Option<Result<(&T, OpenCalls), Box<ErrorObject>>> {
        let known = self.chain(previous)?;
        let mut calls = known.calls.clone();
        Some(calls.steps(input).map(|()| (&known.value, calls)))
    }

    /// Returns a response.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&T> {
        self.chain(id).map(|chain| &chain.value)
    }

    /// Returns a response, to be changed. What is counted for it stays the same.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.chains.iter_mut().rev().find(|chain| chain.id == id).map(|chain| &mut chain.value)
    }

    /// Returns the responses, the oldest one first.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.chains.iter().map(|chain| &chain.value)
    }

    /// Forgets a response. Returns what was remembered of it.
    pub fn forget(&mut self, id: &str) -> Option<T> {
        self.take(|known| known.id == id).pop().map(|(_, value)| value)
    }

    /// Forgets a response if it is one of this lane, because a request of the lane failed to continue it. Returns what was remembered of
    /// it.
    pub fn forget_on_lane(&mut self, lane: Option<&str>, id: &str) -> Option<T> {
        self.take(|known| known.id == id && known.lane.as_deref() == lane).pop().map(|(_, value)| value)
    }

    /// Returns the number of responses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chains.len()
    }

    /// Returns whether there is no response.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty()
    }

    /// Returns the sum of what is counted for the responses.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The newest responses are asked for most often.
    fn chain(&self, id: &str) -> Option<&Chain<T>> {
        self.chains.iter().rev().find(|chain| chain.id == id)
    }

    /// Removes all responses that `is_it` names.
    fn take(&mut self, is_it: impl Fn(&Chain<T>) -> bool) -> Vec<(String, T)> {
        let mut taken = Vec::new();
        while let Some(chain) = self.chains.iter().position(&is_it).and_then(|at| self.chains.remove(at)) {
            self.bytes = self.bytes.saturating_sub(chain.bytes);
            taken.push((chain.id, chain.value));
        }
        taken
    }
}
