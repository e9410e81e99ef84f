//! `OpenCalls`: the calls of a conversation that wait for their output.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::responses::error_object::ErrorObject;
use crate::responses::item::Item;

/// The number of calls without an output that are remembered of a conversation. The oldest ones are forgotten beyond it.
const MAX_CALLS: usize = 256;

/// What an item does to the calls of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallStep<'a> {
    /// A call of a function or custom tool, with its `call_id`.
    Call(&'a str),
    /// The output of the call with this `call_id`.
    Output(&'a str),
}

impl<'a> CallStep<'a> {
    /// Returns what an item does. `None` if it is neither a call of a function or custom tool nor the output of one.
    #[must_use]
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other item is the call of a client's tool")]
    pub fn of(item: &'a Item) -> Option<Self> {
        match item {
            Item::FunctionCall(call) => Some(Self::Call(&call.call_id)),
            Item::CustomToolCall(call) => Some(Self::Call(&call.call_id)),
            Item::FunctionCallOutput(output) => Some(Self::Output(&output.call_id)),
            Item::CustomToolCallOutput(output) => Some(Self::Output(&output.call_id)),
            _ => None,
        }
    }
}

/// The calls of a conversation that have no output: at most 256, the newest ones.
///
/// ```
/// use turnwire::responses::{CallStep, FunctionCall, OpenCalls};
///
/// let mut calls = OpenCalls::default();
/// calls.extend(&[FunctionCall::new("call_1", "tool", "{}").into()]);
/// assert!(calls.contains("call_1"));
/// assert!(calls.steps([CallStep::Output("call_1")]).is_ok());
/// let error = calls.steps([CallStep::Output("call_1")]).expect_err("it has its output");
/// assert_eq!(error.code.as_deref(), Some("no_such_call"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OpenCalls(Vec<String>);

/// Shows the number of calls, and no id.
impl fmt::Debug for OpenCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenCalls").field(&self.0.len()).finish()
    }
}

impl OpenCalls {
    /// Takes a call or an output. Returns whether it fits: an output fits if its call is open.
    pub fn step(&mut self, step: CallStep<'_>) -> bool {
        match step {
            CallStep::Call(id) => {
                self.0.retain(|known| known != id);
                if self.0.len() >= MAX_CALLS {
                    self.0.remove(0);
                }
                self.0.push(id.into());
                true
            }
            CallStep::Output(id) => {
                let at = self.0.iter().position(|known| known == id);
                at.map(|at| self.0.remove(at)).is_some()
            }
        }
    }

    /// Takes the calls and outputs of a request's input, in their order.
    ///
    /// # Errors
    ///
    /// Returns the error for the client, `no_such_call`, at the first output whose call is not open. What was before it is taken.
    pub fn steps<'a>(&mut self, steps: impl IntoIterator<Item = CallStep<'a>>) -> Result<(), Box<ErrorObject>> {
        for step in steps {
            if let (false, CallStep::Output(id)) = (self.step(step), step) {
                return Err(Box::new(ErrorObject::no_such_call(id)));
            }
        }
        Ok(())
    }

    /// Takes the calls and outputs of a response, or of a history that is not checked.
    pub fn extend<'a>(&mut self, items: impl IntoIterator<Item = &'a Item>) {
        for step in items.into_iter().filter_map(CallStep::of) {
            self.step(step);
        }
    }

    /// Returns whether this call has no output.
    #[must_use]
    pub fn contains(&self, call_id: &str) -> bool {
        self.0.iter().any(|known| known == call_id)
    }

    /// Returns the number of calls without an output.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether every call has its output.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
