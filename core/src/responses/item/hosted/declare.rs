//! `item!`, which declares the types of this module.

/// Declares an item: its required members, those that a model wrote (kept as JSON text if not a string), and the
/// others.
macro_rules! item {
    ($(#[$doc:meta])* $name:ident (
        $($(#[$required_doc:meta])* $required:ident: $required_type:tt),*
    ) [ $($(#[$model_doc:meta])* $model:ident),* ] { $($(#[$member_doc:meta])* $member:ident: $type:tt,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            /// The item's id, if it has one. The request decides whether it is sent (docs/protocol.md §3.6).
            pub id: Option<String>,
            $($(#[$required_doc])* pub $required: field_type!($required_type),)*
            $($(#[$model_doc])* pub $model: String,)*
            $($(#[$member_doc])* pub $member: Option<field_type!($type)>,)*
            /// Metadata that a server added to the item and expects back.
            pub passthrough: Option<RawJson<'static>>,
            /// Unknown members, written back unchanged.
            pub extra: ExtraMembers,
        }

        impl $name {
            /// Creates the item with its required members; all others are unset.
            #[must_use]
            pub fn new($($required: given_type!($required_type),)* $($model: impl Into<String>,)*) -> Self {
                Self {
                    id: None,
                    $($required: given_value!($required_type $required),)*
                    $($model: $model.into(),)*
                    $($member: None,)*
                    passthrough: None,
                    extra: ExtraMembers::new(),
                }
            }

            /// Sets the id.
            #[must_use]
            pub fn with_id(mut self, id: &str) -> Self {
                self.id = Some(id.into());
                self
            }

            $(
                #[doc = concat!("Sets `", stringify!($member), "`.")]
                #[must_use]
                pub fn $member(mut self, $member: given_type!($type)) -> Self {
                    self.$member = Some(given_value!($type $member));
                    self
                }
            )*

            pub(in crate::responses) fn read(mut members: Members<'_>) -> Result<Self, Malformed> {
                Ok(Self {
                    id: codec::read_id(&mut members)?,
                    $($required: members.required_value(stringify!($required))?,)*
                    $($model: ModelText::read(&mut members, stringify!($model))?,)*
                    $($member: members.optional_value(stringify!($member)),)*
                    passthrough: members.optional_raw(PASSTHROUGH)?,
                    extra: members.rest(),
                })
            }

            /// Returns whether the members that count in comparisons are equal.
            pub(in crate::responses) fn is_written_as(&self, other: &Self) -> bool {
                self.id == other.id
                    $(&& self.$required == other.$required)*
                    $(&& self.$model == other.$model)*
                    $(&& self.$member == other.$member)*
            }

            /// Removes the members that do not count in comparisons.
            pub(in crate::responses) fn clear_beside(&mut self) {
                self.passthrough = None;
                self.extra.clear();
            }

            pub(in crate::responses) fn write(&self, object: &mut Object<'_>, wire: ItemEncoding) {
                use $crate::responses::json::object_writer::{member, string};

                if let Some(id) = self.id.as_deref().filter(|id| wire.sends_id(id)) {
                    string(id, object.member(member!("id")));
                }
                $(JsonValue::write(&self.$required, object.member(member!(stringify!($required))));)*
                $(string(&self.$model, object.member(member!(stringify!($model))));)*
                $(if let Some(value) = &self.$member {
                    JsonValue::write(value, object.member(member!(stringify!($member))));
                })*
                if let Some(passthrough) = self.passthrough.as_ref().filter(|_| wire.passthrough) {
                    object.raw(PASSTHROUGH, passthrough.as_str());
                }
                object.extra(&self.extra);
            }
        }
    };
}

pub(super) use item;
