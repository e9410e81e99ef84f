//! Calls of the tools that the server or the application's computer runs: file search, computer use, code interpreter.

use alloc::string::String;

use crate::responses::item::field_codec::{self as codec};
use crate::responses::item::hosted::declare::item;
use crate::responses::item::macros::PASSTHROUGH;
use crate::responses::item::part::ContentPart;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, field_type, given_type, given_value, record};
use crate::responses::request::ItemEncoding;

item! {
    /// A search of files.
    ///
    /// ```
    /// use turnwire::responses::{FileSearchCall, FileSearchResult, Item};
    ///
    /// let call = FileSearchCall::new(["rust"]).results([FileSearchResult::new().filename("a.md")]);
    /// assert_eq!(Item::FileSearchCall(call).kind(), "file_search_call");
    /// ```
    FileSearchCall(
        /// The queries.
        queries: [String]
    ) [] {
        /// `in_progress`, `searching`, `completed`, `incomplete` or `failed`.
        status: String,
        /// The results, if the request includes them.
        results: [FileSearchResult],
    }
}

record! {
    /// A part of a file that was found.
    ///
    /// ```
    /// use turnwire::responses::FileSearchResult;
    ///
    /// let result = FileSearchResult::parse(r#"{"file_id":"file_1","score":0.5}"#)?;
    /// assert_eq!(result.score.as_ref().map(|score| score.parse::<f64>()), Some(Ok(0.5)));
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    #[derive(Debug, Default, Eq)]
    FileSearchResult "" pub new() {
        /// The id of the file.
        file_id: String,
        /// The name of the file.
        filename: String,
        /// The score: a number from 0 to 1, as the server wrote it.
        score: RawJson,
        /// The text.
        text: String,
        /// The attributes of the file: an object of strings, numbers and booleans.
        attributes: RawJson,
    }
}

item! {
    /// Actions on the computer.
    ///
    /// ```
    /// use turnwire::responses::{ComputerCall, Item, RawJson};
    ///
    /// let call = ComputerCall::new("call_1").action(RawJson::new(r#"{"type":"screenshot"}"#)?);
    /// assert_eq!(
    ///     Item::ComputerCall(call).to_json(),
    ///     r#"{"type":"computer_call","call_id":"call_1","action":{"type":"screenshot"}}"#
    /// );
    /// # Ok::<(), turnwire::responses::Malformed>(())
    /// ```
    ComputerCall(
        /// The id of the call, to which its output refers.
        call_id: String
    ) [] {
        /// The action: an object of the type `click`, `double_click`, `drag`, `keypress`, `move`, `screenshot`, `scroll`,
        /// `type` or `wait`.
        action: RawJson,
        /// The actions, in their order, where there are several.
        actions: [RawJson],
        /// The safety checks that the application must acknowledge with the output.
        pending_safety_checks: [SafetyCheck],
        /// `in_progress`, `completed` or `incomplete`.
        status: String,
    }
}

item! {
    /// The screen after the actions of a call.
    ///
    /// ```
    /// use turnwire::responses::{ComputerCallOutput, ContentPart, Item};
    ///
    /// let output = ComputerCallOutput::new("call_1", ContentPart::computer_screenshot("data:image/png;base64,AA=="));
    /// assert_eq!(Item::ComputerCallOutput(output).kind(), "computer_call_output");
    /// ```
    ComputerCallOutput(
        /// The call.
        call_id: String,
        /// The screenshot.
        output: ContentPart
    ) [] {
        /// The checks that the application acknowledges.
        acknowledged_safety_checks: [SafetyCheck],
        /// `in_progress`, `completed`, `incomplete` or `failed`.
        status: String,
        /// The author of the item.
        created_by: String,
    }
}

record! {
    /// A reason why an action on the computer needs a person's attention.
    ///
    /// ```
    /// use turnwire::responses::SafetyCheck;
    ///
    /// let check = SafetyCheck::new("sc_1").code("malicious_instructions");
    /// assert_eq!(check.to_raw().as_str(), r#"{"id":"sc_1","code":"malicious_instructions"}"#);
    /// ```
    #[derive(Debug, Eq)]
    SafetyCheck "" pub new(
        /// The id.
        id: String
    ) {
        /// The code of the reason.
        code: String,
        /// The reason as text.
        message: String,
    }
}

item! {
    /// Code that the server ran.
    ///
    /// ```
    /// use turnwire::responses::{CodeInterpreterCall, Item};
    ///
    /// let call = CodeInterpreterCall::new().code("1 + 1").container_id("cntr_1");
    /// assert_eq!(Item::CodeInterpreterCall(call).kind(), "code_interpreter_call");
    /// ```
    CodeInterpreterCall() [] {
        /// The code.
        code: String,
        /// The container that it ran in.
        container_id: String,
        /// The outputs, if the request includes them.
        outputs: [CodeOutput],
        /// `in_progress`, `interpreting`, `completed`, `incomplete` or `failed`.
        status: String,
    }
}

record! {
    /// Logs or an image of code that ran.
    ///
    /// ```
    /// use turnwire::responses::CodeOutput;
    ///
    /// assert_eq!(CodeOutput::new("logs").logs("2").to_raw().as_str(), r#"{"type":"logs","logs":"2"}"#);
    /// ```
    #[derive(Debug, Eq)]
    CodeOutput "" pub new(
        /// `logs` or `image`.
        kind("type"): String
    ) {
        /// The logs.
        logs: String,
        /// The URL of the image.
        url: String,
    }
}

impl Default for CodeInterpreterCall {
    fn default() -> Self {
        Self::new()
    }
}
