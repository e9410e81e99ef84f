//! Calls of tools, and their outputs.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::item::field_codec::{
    self as codec, FieldCodec as _, ModelText, NullableText, OptionalRaw, OptionalText, Output, Raw, RawArray, Text,
};
use crate::responses::item::macros::{PASSTHROUGH, item};
use crate::responses::item::part::ToolOutput;
use crate::responses::item::shell_action::{Action, LocalShellAction};
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, field_type, record, wire_name};
use crate::responses::request::ItemEncoding;

record! {
    /// The caller of a tool: the model, or a program that it wrote.
    ///
    /// ```
    /// use turnwire::responses::Caller;
    ///
    /// let caller = Caller::new("program").caller_id("prog_1");
    /// assert_eq!(caller.to_raw().as_str(), r#"{"type":"program","caller_id":"prog_1"}"#);
    /// ```
    #[derive(Debug, Eq)]
    Caller "" pub new(
        /// `direct` or `program`.
        kind("type"): String
    ) {
        /// The call of the program.
        caller_id: String,
    }
}

item! {
    /// A call of the built-in local shell.
    ///
    /// ```
    /// use turnwire::responses::{Item, LocalShellCall};
    ///
    /// let item = Item::LocalShellCall(LocalShellCall::new("call_1", "completed", vec!["ls".into()]));
    /// assert_eq!(item.to_json(), r#"{"type":"local_shell_call","call_id":"call_1","status":"completed","action":{"type":"exec","command":["ls"],"timeout_ms":null,"working_directory":null,"env":null,"user":null}}"#);
    /// ```
    LocalShellCall {
        /// The id of the call; `null` when unset.
        call_id: NullableText Option<String>,
        /// `completed`, `in_progress`, `incomplete`, or another word.
        status: OptionalText Option<String>,
        /// The action.
        action: Action LocalShellAction,
    }
    beside {}
}

item! {
    /// A call of one of the request's functions.
    ///
    /// ```
    /// use turnwire::responses::{FunctionCall, Item};
    ///
    /// let item = Item::FunctionCall(FunctionCall::new("call_1", "look", "{}"));
    /// assert_eq!(item.to_json(), r#"{"type":"function_call","name":"look","arguments":"{}","call_id":"call_1"}"#);
    /// ```
    FunctionCall {
        /// The name of the function.
        name: Text String,
        /// The namespace of the function.
        namespace: OptionalText Option<String>,
        /// The arguments: JSON in a string, as the model wrote it.
        arguments: ModelText String,
        /// The id of the call, to which its output refers.
        call_id: Text String,
        /// The status of the call.
        status: OptionalText Option<String>,
    }
    beside {
        /// The caller of the tool.
        caller: Caller,
        /// Whether the model continues before the output is available. `async` in JSON.
        asynchronous("async"): bool,
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// The output of a function call.
    ///
    /// ```
    /// use turnwire::responses::{FunctionCallOutput, Item, ToolOutput};
    ///
    /// let item = Item::FunctionCallOutput(FunctionCallOutput::new("call_1", ToolOutput::Text("done".into())));
    /// assert_eq!(item.to_json(), r#"{"type":"function_call_output","call_id":"call_1","output":"done"}"#);
    /// ```
    FunctionCallOutput {
        /// The id of the call.
        call_id: Text String,
        /// The output.
        output: Output ToolOutput,
    }
    beside {
        /// The status: `in_progress`, `completed` or `incomplete`.
        status: String,
        /// The caller of the tool.
        caller: Caller,
        /// The function.
        name: String,
        /// The namespace of the function.
        namespace: String,
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// A call of a custom (free-form) tool.
    ///
    /// ```
    /// use turnwire::responses::{CustomToolCall, Item};
    ///
    /// let item = Item::CustomToolCall(CustomToolCall::new("call_1", "note", "text"));
    /// assert_eq!(item.to_json(), r#"{"type":"custom_tool_call","call_id":"call_1","name":"note","input":"text"}"#);
    /// ```
    CustomToolCall {
        /// The status of the call.
        status: OptionalText Option<String>,
        /// The id of the call, to which its output refers.
        call_id: Text String,
        /// The tool.
        name: Text String,
        /// The namespace of the tool.
        namespace: OptionalText Option<String>,
        /// The input, as the model wrote it.
        input: ModelText String,
    }
    beside {
        /// The caller of the tool.
        caller: Caller,
        /// Whether the model continues before the output is available. `async` in JSON.
        asynchronous("async"): bool,
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// The output of a custom tool's call.
    ///
    /// ```
    /// use turnwire::responses::{CustomToolCallOutput, Item, ToolOutput};
    ///
    /// let item = Item::CustomToolCallOutput(CustomToolCallOutput::new("call_1", ToolOutput::Text("done".into())));
    /// assert_eq!(item.to_json(), r#"{"type":"custom_tool_call_output","call_id":"call_1","output":"done"}"#);
    /// ```
    CustomToolCallOutput {
        /// The id of the call.
        call_id: Text String,
        /// The tool.
        name: OptionalText Option<String>,
        /// The output.
        output: Output ToolOutput,
    }
    beside {
        /// The status: `in_progress`, `completed` or `incomplete`.
        status: String,
        /// The caller of the tool.
        caller: Caller,
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// A search for tools.
    ///
    /// ```
    /// use turnwire::responses::{Item, RawJson, ToolSearchCall};
    ///
    /// let item = Item::ToolSearchCall(ToolSearchCall::new("client", RawJson::string("weather")));
    /// assert_eq!(item.to_json(), r#"{"type":"tool_search_call","call_id":null,"execution":"client","arguments":"weather"}"#);
    /// ```
    ToolSearchCall {
        /// The id of the call; `null` when unset.
        call_id: NullableText Option<String>,
        /// The status of the call.
        status: OptionalText Option<String>,
        /// The executor: `client` or `server`.
        execution: Text String,
        /// The arguments, any JSON.
        arguments: Raw RawJson<'static>,
    }
    beside {
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// The results of a search for tools.
    ///
    /// ```
    /// use turnwire::responses::{Item, ToolSearchOutput};
    ///
    /// let item = Item::ToolSearchOutput(ToolSearchOutput::new("completed", "client", Vec::new()));
    /// assert_eq!(item.to_json(), r#"{"type":"tool_search_output","call_id":null,"status":"completed","execution":"client","tools":[]}"#);
    /// ```
    ToolSearchOutput {
        /// The id of the call; `null` when unset.
        call_id: NullableText Option<String>,
        /// The status.
        status: OptionalText Option<String>,
        /// The executor.
        execution: Text String,
        /// The tools.
        tools: RawArray Vec<RawJson<'static>>,
    }
    beside {
        /// The author of the item.
        created_by: String,
    }
}

item! {
    /// A search of the web.
    ///
    /// ```
    /// use turnwire::responses::{Item, WebSearchCall};
    ///
    /// let item = Item::WebSearchCall(WebSearchCall::new("completed"));
    /// assert_eq!(item.to_json(), r#"{"type":"web_search_call","status":"completed"}"#);
    /// ```
    WebSearchCall {
        /// The status.
        status: OptionalText Option<String>,
        /// The action: `search`, `open_page` or `find_in_page` with its members, or another one.
        action: OptionalRaw Option<RawJson<'static>>,
    }
    beside {}
}

item! {
    /// A generated image.
    ///
    /// ```
    /// use turnwire::responses::{ImageGenerationCall, Item};
    ///
    /// let item = Item::ImageGenerationCall(ImageGenerationCall::new("completed", Some("AA==".into())));
    /// assert_eq!(item.to_json(), r#"{"type":"image_generation_call","status":"completed","result":"AA=="}"#);
    /// ```
    ImageGenerationCall {
        /// The status.
        status: OptionalText Option<String>,
        /// The final prompt.
        revised_prompt: OptionalText Option<String>,
        /// The image, in base64; `null` until it is available.
        result: NullableText Option<String>,
    }
    beside {
        /// `generate`, `edit` or `auto`.
        action: String,
        /// The background: `transparent`, `opaque` or `auto`.
        background: String,
        /// The format of the image.
        output_format: String,
        /// The quality of the image.
        quality: String,
        /// Width and height.
        size: String,
        /// The error, if there is no image.
        error: RawJson,
        /// The tokens of an SVG.
        svg_usage: RawJson,
    }
}
