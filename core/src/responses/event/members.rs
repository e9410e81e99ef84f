//! The known members of an event, and the positions of their values in its payload.

use alloc::vec::Vec;

use crate::responses::json::perfect_hash::{Table, same};
pub(super) use crate::responses::json::scan::ESCAPED;

/// Declares the known members at the top level of an event.
macro_rules! members {
    ($($member:ident)*) => {
        /// A known member.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(non_camel_case_types, reason = "they are the members' own names")]
        pub(in crate::responses) enum Member {
            $($member,)*
        }

        pub(super) const COUNT: usize = [$(stringify!($member)),*].len();

        /// All members, at the index of their names in the hash table.
        static TABLE: Table = Table::new(&[$(stringify!($member).as_bytes()),*]);

        static MEMBERS: [Member; COUNT] = [$(Member::$member),*];

        static NAMES: [&str; COUNT] = [$(stringify!($member)),*];
    };
}

members! {
    sequence_number stream_id response_id item_id call_id previous_response_id
    output_index content_index summary_index annotation_index partial_image_index
    delta text refusal arguments name input code transcript partial_image_b64 obfuscation
    response item part annotation logprobs error message param status status_code
    headers metadata safety_buffering rate_limits credits plan_type metered_limit_name limit_name timing_metrics
    steer required_input reason
    command command_index output background output_format quality size
}

impl Member {
    #[inline]
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        let number = TABLE.find(name)?;
        if same(NAMES.get(number)?.as_bytes(), name) { MEMBERS.get(number).copied() } else { None }
    }

    pub(in crate::responses) fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// Returns whether the member is an integer in the events that have it.
    pub(super) const fn is_integer(self) -> bool {
        matches!(
            self,
            Self::sequence_number
                | Self::output_index
                | Self::content_index
                | Self::summary_index
                | Self::annotation_index
                | Self::partial_image_index
                | Self::command_index
        )
    }
}

// A byte counts them.
const _: () = assert!(COUNT < 256);

/// Maximum length of a payload: one bit of the end of a span is a flag, and no end is [`KEPT`](super::position::KEPT).
pub(super) const LONGEST_PAYLOAD: usize = ESCAPED as usize - 2;

/// The position of a value in the payload; empty if there is none.
pub(super) type Span = (u32, u32);

/// The number of members whose positions are kept without an allocation. Few events have more.
const INLINE: usize = 8;

/// The positions of the known members of one payload.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    /// For each member the place of its position, counted from one; zero if the payload does not have it.
    places: [u8; COUNT],
    /// The number of members that the payload has.
    count: u8,
    /// The positions of the first members, in the order in which they were found.
    first: [Span; INLINE],
    /// Those of the others.
    others: Vec<Span>,
}

impl Spans {
    pub(super) const NONE: Self = Self { places: [0; COUNT], count: 0, first: [(0, 0); INLINE], others: Vec::new() };

    /// Sets the position of a member. Of a duplicate member, the last one counts.
    #[inline]
    pub(super) fn set(&mut self, member: Member, span: Span) {
        let place = &mut self.places[member as usize];
        if *place == 0 {
            self.count += 1;
            *place = self.count;
        }
        let at = usize::from(*place) - 1;
        match self.first.get_mut(at) {
            Some(first) => *first = span,
            None => self.set_other(at - INLINE, span),
        }
    }

    #[cold]
    fn set_other(&mut self, at: usize, span: Span) {
        match self.others.get_mut(at) {
            Some(other) => *other = span,
            None => self.others.push(span),
        }
    }

    /// Returns the position of a member; empty if the payload does not have it.
    #[inline]
    pub(super) fn get(&self, member: Member) -> Span {
        let Some(at) = usize::from(self.places[member as usize]).checked_sub(1) else { return (0, 0) };
        let other = || self.others.get(at - INLINE);
        self.first.get(at).or_else(other).copied().unwrap_or_default()
    }

    /// Returns whether the payload has a member.
    #[inline]
    pub(super) const fn has(&self, member: Member) -> bool {
        self.places[member as usize] != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_position_of_each_member_counts() {
        for first in 0..COUNT {
            let mut spans = Spans::NONE;
            let members = || MEMBERS.iter().copied().cycle().skip(first).take(COUNT);
            for (number, member) in (1..).zip(members()) {
                assert!(!spans.has(member), "{member:?}");
                assert_eq!(spans.get(member), (0, 0), "{member:?}");
                spans.set(member, (number, number));
                assert!(spans.has(member), "{member:?}");
            }
            for (number, member) in (1..).zip(members()) {
                assert_eq!(spans.get(member), (number, number), "{member:?}");
                spans.set(member, (number, 2 * number));
            }
            for (number, member) in (1..).zip(members()) {
                assert_eq!(spans.get(member), (number, 2 * number), "{member:?}");
            }
        }
    }
}
