//! The macro that declares the types of items.

/// Metadata that a server added to an item and expects back (`docs/protocol.md` §1.6, §3.4).
pub(in crate::responses) const PASSTHROUGH: &str = "internal_chat_message_metadata_passthrough";

/// Declares an item: its members, and the codec of each. The members `beside` do not count in comparisons, because
/// clients that do not know them omit them from a history.
macro_rules! item {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident: $codec:ident $type:ty,)* }
        beside { $($(#[$beside_doc:meta])* $beside:ident $(($wire:literal))?: $beside_type:tt,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            /// The item's id, if it has one. The request decides whether it is sent (docs/protocol.md §3.6).
            pub id: Option<String>,
            $($(#[$member_doc])* pub $member: $type,)*
            $($(#[$beside_doc])* pub $beside: Option<field_type!($beside_type)>,)*
            /// Metadata that a server added to the item and expects back.
            pub passthrough: Option<RawJson<'static>>,
            /// Unknown members, written back unchanged.
            pub extra: ExtraMembers,
        }

        impl $name {
            pub(in crate::responses) fn read(mut members: Members<'_>) -> Result<Self, Malformed> {
                Ok(Self {
                    id: codec::read_id(&mut members)?,
                    $($member: $codec::read(&mut members, stringify!($member))?,)*
                    passthrough: members.optional_raw(PASSTHROUGH)?,
                    $($beside: members.optional_value(wire_name!($beside $($wire)?)),)*
                    extra: members.rest(),
                })
            }

            /// Returns whether the members that count in comparisons are equal.
            pub(in crate::responses) fn is_written_as(&self, other: &Self) -> bool {
                self.id == other.id $(&& $codec::are_equal(&self.$member, &other.$member))*
            }

            /// Removes the members that do not count in comparisons.
            pub(in crate::responses) fn clear_beside(&mut self) {
                self.passthrough = None;
                self.extra.clear();
                $(self.$beside = None;)*
            }

            pub(in crate::responses) fn write(&self, object: &mut Object<'_>, wire: ItemEncoding) {
                use $crate::responses::json::object_writer::{member, string};

                if let Some(id) = self.id.as_deref().filter(|id| wire.sends_id(id)) {
                    string(id, object.member(member!("id")));
                }
                $($codec::write(object, member!(stringify!($member)), &self.$member);)*
                if let Some(passthrough) = self.passthrough.as_ref().filter(|_| wire.passthrough) {
                    object.raw(PASSTHROUGH, passthrough.as_str());
                }
                $(if let Some(value) = &self.$beside {
                    JsonValue::write(value, object.key(wire_name!($beside $($wire)?)));
                })*
                object.extra(&self.extra);
            }
        }
    };
}

pub(super) use item;
