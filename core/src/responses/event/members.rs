//! The known members of an event, and the positions of their values in its payload.

use alloc::boxed::Box;

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

    /// Returns the bit that stands for the member.
    #[inline]
    pub(super) const fn bit(self) -> u64 {
        1 << self as u32
    }
}

// One bit of a word stands for each member.
const _: () = assert!(COUNT <= 64);

/// Maximum length of a payload: one bit of the end of a span is a flag, and no end is [`KEPT`](super::position::KEPT).
pub(super) const LONGEST_PAYLOAD: usize = ESCAPED as usize - 2;

/// The position of a value in the payload; empty if there is none.
pub(super) type Span = (u32, u32);

/// The number of members whose positions are kept without an allocation. Few events have more.
pub(super) const INLINE: usize = 8;

/// The positions of the known members of one payload.
#[derive(Clone, Debug)]
pub(super) struct Spans {
    /// One bit for each member that the payload has.
    pub(super) present: u64,
    /// Their positions, in the order of the bits.
    pub(super) at: [Span; INLINE],
    /// The positions of all members, if the payload has more than fit into `at`.
    pub(super) all: Option<Box<[Span; COUNT]>>,
}

impl Spans {
    pub(super) const NONE: Self = Self { present: 0, at: [(0, 0); INLINE], all: None };

    /// Keeps the positions of the members that are present.
    #[inline]
    pub(super) fn new(present: u64, all: &[Span; COUNT]) -> Self {
        let (mut spans, mut rest) = (Self { present, ..Self::NONE }, present);
        for place in &mut spans.at {
            if rest == 0 {
                return spans;
            }
            *place = all[rest.trailing_zeros() as usize];
            rest &= rest - 1;
        }
        if rest != 0 {
            spans.all = Some(Box::new(*all));
        }
        spans
    }

    /// Returns the position of a member; empty if the payload does not have it.
    #[inline]
    pub(super) fn get(&self, member: Member) -> Span {
        if self.present & member.bit() == 0 {
            return (0, 0);
        }
        match &self.all {
            None => self.at.get(self.rank(member)).copied().unwrap_or_default(),
            Some(all) => all[member as usize],
        }
    }

    /// Returns the positions of all members, by member; empty where the payload does not have one.
    #[inline]
    pub(super) fn all(&self) -> [Span; COUNT] {
        if let Some(all) = &self.all {
            return **all;
        }
        let (mut all, mut rest) = ([(0, 0); COUNT], self.present);
        for position in self.at {
            if rest == 0 {
                break;
            }
            all[rest.trailing_zeros() as usize] = position;
            rest &= rest - 1;
        }
        all
    }

    /// Returns the number of members that are present and before this one: its index in `at`.
    #[inline]
    const fn rank(&self, member: Member) -> usize {
        (self.present & (member.bit() - 1)).count_ones() as usize
    }
}
