//! The members of the `response` of an event that decide what the event means.

use crate::responses::json::iter::each_member;
use crate::responses::json::malformed::Malformed;

/// A member of a response object.
#[derive(Clone, Copy)]
pub(in crate::responses) enum ResponseMember {
    Id,
    Status,
    PreviousResponseId,
    IncompleteDetails,
    Error,
    Usage,
    EndTurn,
}

const NAMES: [&str; 7] = ["id", "status", "previous_response_id", "incomplete_details", "error", "usage", "end_turn"];

/// The values of these members as text, found by one scan: a response has a copy of its request, and all its output.
#[derive(Clone, Default)]
pub(in crate::responses) struct ResponseMembers<'a>([Option<&'a str>; NAMES.len()]);

impl<'a> ResponseMembers<'a> {
    /// Scans a response object. Of a duplicate member, the last one counts.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not one object.
    pub(in crate::responses) fn read(response: &'a str) -> Result<Self, Malformed> {
        let mut members = Self::default();
        each_member(response, |key, value| {
            if let Some(at) = NAMES.iter().position(|name| *name == key) {
                members.0[at] = Some(value);
            }
        })?;
        Ok(members)
    }

    /// Returns the value of a member, as text. `null` counts as missing.
    pub(in crate::responses) fn get(&self, member: ResponseMember) -> Option<&'a str> {
        self.0[member as usize].filter(|value| *value != "null")
    }
}
