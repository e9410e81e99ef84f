//! Programs of the model, changes of the settings, references to stored items.

use alloc::string::String;

use crate::responses::item::field_codec::{self as codec, FieldCodec as _, ModelText};
use crate::responses::item::hosted::declare::item;
use crate::responses::item::macros::PASSTHROUGH;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, field_type, given_type, given_value};
use crate::responses::request::{ItemEncoding, TextOptions};

item! {
    /// A program of the model, which calls tools.
    ///
    /// ```
    /// use turnwire::responses::{Item, Program};
    ///
    /// assert_eq!(Item::Program(Program::new("call_1", "look()")).kind(), "program");
    /// ```
    Program(
        /// The call, which its output names.
        call_id: String,
        /// The code.
        code: String
    ) [] {
        /// The fingerprint of the program.
        fingerprint: String,
    }
}

item! {
    /// The result of a program.
    ///
    /// ```
    /// use turnwire::responses::{Item, ProgramOutput};
    ///
    /// assert_eq!(Item::ProgramOutput(ProgramOutput::new("call_1", "2")).kind(), "program_output");
    /// ```
    ProgramOutput(
        /// The call.
        call_id: String
    ) [
        /// The result.
        result
    ] {
        /// `completed` or `incomplete`.
        status: String,
    }
}

item! {
    /// Changes the settings of the following responses.
    ///
    /// ```
    /// use turnwire::responses::{ConfigurationUpdate, Item, request::TextOptions};
    ///
    /// let update = ConfigurationUpdate::new().text(TextOptions::json_object());
    /// assert_eq!(Item::ConfigurationUpdate(update).kind(), "configuration_update");
    /// ```
    ConfigurationUpdate() [] {
        /// The reasoning options, as JSON: an object with `effort`.
        reasoning: RawJson,
        /// The text options.
        text: TextOptions,
    }
}

/// Refers to an item that the server stores. Its id is always sent.
///
/// ```
/// use turnwire::responses::{Item, ItemReference};
///
/// let item = Item::ItemReference(ItemReference::new("msg_1"));
/// assert_eq!(item.to_json(), r#"{"type":"item_reference","id":"msg_1"}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ItemReference {
    /// The id of the item.
    pub id: String,
    /// Unknown members, written back unchanged.
    pub extra: ExtraMembers,
}

impl ItemReference {
    /// Creates a reference to the item of this id.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: id.into(), extra: ExtraMembers::new() }
    }

    pub(in crate::responses) fn read(mut members: Members<'_>) -> Result<Self, Malformed> {
        Ok(Self { id: members.required_value("id")?, extra: members.rest() })
    }

    pub(in crate::responses) fn write(&self, object: &mut Object<'_>) {
        object.string("id", &self.id);
        object.extra(&self.extra);
    }
}

impl Default for ConfigurationUpdate {
    fn default() -> Self {
        Self::new()
    }
}
