//! Events, items and requests as JSON texts, with known and unknown types and members.

use proptest::collection::vec;
use proptest::prelude::*;
use turnwire::responses::EVENT_TYPES;

/// White space between JSON tokens.
fn blank() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just(""), 1 => Just(" "), 1 => Just("\n\t")]
}

/// A JSON string with its quotes: plain, escaped, with UTF-8 characters of all lengths.
pub fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z_]{0,8}".prop_map(|text| format!("\"{text}\"")),
        2 => "\\PC{0,6}".prop_map(|text| serde_json::to_string(&text).expect("a string")),
        1 => prop::sample::select(vec![
            r#""""#, r#""\u00e9""#, r#""\ud83d\ude42""#, r#""\"\\\/""#, r#""\u0000""#, r#""a\nb\tc""#, r#""€🙂""#,
            r#""null""#, r#""{}""#,
        ])
        .prop_map(str::to_owned),
    ]
}

/// A JSON value.
pub fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        string(),
        prop::sample::select(vec!["null", "true", "false", "0", "-1", "1.5", "1e2", "9007199254740993", "-0.0"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(", "))),
            vec((string(), inner), 0..4).prop_map(|pairs| {
                let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} :{value}")).collect();
                format!("{{{}}}", pairs.join(","))
            }),
        ]
    })
}

/// A member that the protocol does not define.
fn unknown() -> impl Strategy<Value = (String, String)> {
    ("\"zz_[a-z]{1,3}\"", json())
}

/// An object with these members, in any order.
fn object(members: impl Strategy<Value = Vec<(String, String)>>) -> impl Strategy<Value = String> {
    (members.prop_shuffle(), blank(), blank()).prop_map(|(members, before, after)| {
        let members: Vec<String> =
            members.iter().map(|(key, value)| format!("{before}{key}{after}:{after}{value}{before}")).collect();
        format!("{before}{{{}{after}}}{before}", members.join(","))
    })
}

/// A value of the type that the table names.
fn value(how: &str) -> BoxedStrategy<String> {
    match how.trim_end_matches("_opt") {
        "str" => string().boxed(),
        "int" => any::<i64>().prop_map(|number| number.to_string()).boxed(),
        _ => json().prop_filter("null counts as missing", |value| value != "null").boxed(),
    }
}

/// Members that the table names. Optional ones are present, `null`, of another type, or missing.
fn members(known: &'static [(&'static str, &'static str)]) -> BoxedStrategy<Vec<(String, String)>> {
    known.iter().fold(Just(Vec::new()).boxed(), |members, (name, how)| {
        let given = value(how).prop_map(Some);
        let given = if how.ends_with("_opt") {
            prop_oneof![4 => given, 1 => Just(Some("null".to_owned())), 1 => Just(None), 1 => json().prop_map(Some)]
                .boxed()
        } else {
            given.boxed()
        };
        (members, given)
            .prop_map(move |(mut members, given)| {
                members.extend(given.map(|value| (format!("\"{name}\""), value)));
                members
            })
            .boxed()
    })
}

/// An event of a known type with all its required members.
pub fn event() -> impl Strategy<Value = String> {
    (0..EVENT_TYPES.len()).prop_flat_map(|at| {
        let (kind, _, known) = EVENT_TYPES[at];
        let number = prop::option::of(any::<u32>().prop_map(|number| number.to_string()));
        let lane = prop::option::of(string());
        object((members(known), vec(unknown(), 0..3), number, lane).prop_map(move |(mut all, more, number, lane)| {
            all.push(("\"type\"".to_owned(), format!("\"{kind}\"")));
            all.extend(number.map(|number| ("\"sequence_number\"".to_owned(), number)));
            all.extend(lane.map(|lane| ("\"stream_id\"".to_owned(), lane)));
            all.extend(more);
            all
        }))
    })
}

/// Members of an object, each with its generator: `!` marks required ones, `?` ones that may be missing or `null`.
type Shape = &'static [(&'static str, &'static str)];

const PARTS: &[(&str, Shape)] = &[
    ("input_text", &[("text", "!str")]),
    ("output_text", &[("text", "!str"), ("annotations", "?raw")]),
    ("summary_text", &[("text", "!str")]),
    ("reasoning_text", &[("text", "!str")]),
    ("input_image", &[("image_url", "!str"), ("detail", "?str")]),
    ("input_audio", &[("audio_url", "!str")]),
    ("input_audio", &[("input_audio", "?audio"), ("audio_url", "?str")]),
    ("input_image", &[("image_url", "?str"), ("file_id", "?str"), ("detail", "?str")]),
    ("input_file", &[("file_id", "?str"), ("file_url", "?raw"), ("file_data", "?str"), ("filename", "?str")]),
    ("computer_screenshot", &[("image_url", "?str"), ("file_id", "?raw")]),
    ("encrypted_content", &[("encrypted_content", "!str")]),
    ("refusal", &[("refusal", "!str")]),
    ("input_text", &[("text", "!raw")]),
];

const ITEMS: &[(&str, Shape)] = &[
    ("message", &[("role", "!str"), ("content", "!parts"), ("phase", "?str")]),
    ("agent_message", &[("author", "!str"), ("recipient", "!str"), ("content", "!parts")]),
    ("reasoning", &[("summary", "!parts"), ("content", "?parts"), ("encrypted_content", "?str")]),
    ("local_shell_call", &[("call_id", "?str"), ("status", "!str"), ("action", "!action")]),
    ("function_call", &[("name", "!str"), ("namespace", "?str"), ("arguments", "!str"), ("call_id", "!str")]),
    ("function_call_output", &[("call_id", "!str"), ("output", "!output")]),
    ("custom_tool_call", &[("call_id", "!str"), ("name", "!str"), ("input", "!str"), ("status", "?str")]),
    ("custom_tool_call_output", &[("call_id", "!str"), ("name", "?str"), ("output", "!output")]),
    ("tool_search_call", &[("call_id", "?str"), ("status", "?str"), ("execution", "!str"), ("arguments", "!some")]),
    ("tool_search_output", &[("call_id", "?str"), ("status", "!str"), ("execution", "!str"), ("tools", "!raws")]),
    ("web_search_call", &[("status", "?str"), ("action", "?raw")]),
    ("image_generation_call", &[("status", "!str"), ("revised_prompt", "?str"), ("result", "?str")]),
    ("compaction", &[("encrypted_content", "!str")]),
    ("compaction_summary", &[("encrypted_content", "!str")]),
    ("context_compaction", &[("encrypted_content", "?str")]),
    ("compaction_trigger", &[]),
    ("additional_tools", &[("role", "!str"), ("tools", "!raws")]),
    ("mcp_call", &[("server_label", "!str"), ("arguments", "?raw")]),
    (
        "mcp_call",
        &[("server_label", "!str"), ("name", "!str"), ("arguments", "?raw"), ("output", "?raw"), ("error", "?raw")],
    ),
    ("mcp_list_tools", &[("server_label", "!str"), ("tools", "!mcp_tools"), ("error", "?raw")]),
    ("mcp_approval_request", &[("server_label", "!str"), ("name", "!str"), ("arguments", "!str")]),
    ("mcp_approval_response", &[("approval_request_id", "!str"), ("approve", "!flag"), ("reason", "?str")]),
    ("file_search_call", &[("queries", "!strs"), ("status", "?str"), ("results", "?raws")]),
    ("computer_call", &[("call_id", "!str"), ("action", "?raw"), ("pending_safety_checks", "?raws")]),
    ("computer_call_output", &[("call_id", "!str"), ("output", "!part"), ("status", "?raw")]),
    ("code_interpreter_call", &[("code", "?str"), ("container_id", "?str"), ("outputs", "?raws")]),
    ("local_shell_call_output", &[("output", "?raw"), ("status", "?str")]),
    ("shell_call", &[("call_id", "!str"), ("action", "!shell"), ("environment", "?raw"), ("caller", "?raw")]),
    ("shell_call_output", &[("call_id", "!str"), ("output", "!shell_outputs"), ("max_output_length", "?int")]),
    ("apply_patch_call", &[("call_id", "!str"), ("operation", "!patch"), ("status", "?str")]),
    ("apply_patch_call_output", &[("call_id", "!str"), ("status", "!str"), ("output", "?raw")]),
    ("program", &[("call_id", "!str"), ("code", "!str"), ("fingerprint", "?str")]),
    ("program_output", &[("call_id", "!str"), ("result", "?raw"), ("status", "?str")]),
    ("configuration_update", &[("reasoning", "?raw"), ("text", "?raw")]),
    ("item_reference", &[("id", "!str")]),
    (
        "function_call",
        &[("name", "!str"), ("arguments", "?raw"), ("call_id", "!str"), ("caller", "?raw"), ("async", "?raw")],
    ),
    ("message", &[("role", "!str"), ("content", "!parts"), ("status", "?raw")]),
    ("zz_new", &[("zz", "?raw")]),
];

const ACTION: Shape =
    &[("command", "!strs"), ("timeout_ms", "?int"), ("working_directory", "?str"), ("env", "?raw"), ("user", "?str")];

fn list(of: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    vec(of, 0..4).prop_map(|values| format!("[{}]", values.join(" ,"))).boxed()
}

fn made(how: &str) -> BoxedStrategy<String> {
    match &how[1..] {
        "str" => string().boxed(),
        "int" => any::<i32>().prop_map(|number| number.to_string()).boxed(),
        "strs" => list(string()),
        "raws" => list(json()),
        "parts" => list(shaped(PARTS, false)),
        "output" => prop_oneof![string(), list(shaped(PARTS, false))].boxed(),
        "action" => shaped(&[("exec", ACTION), ("spawn", &[("x", "?raw")])], false).boxed(),
        "flag" => prop_oneof![Just("true".to_owned()), Just("false".to_owned())].boxed(),
        "part" => shaped(PARTS, false),
        "audio" => untyped(&[("data", "!str"), ("format", "!str")]),
        "shell" => untyped(&[("commands", "!strs"), ("timeout_ms", "?int")]),
        "shell_outputs" => list(untyped(&[("stdout", "!str"), ("stderr", "!str"), ("outcome", "!raw")])),
        "patch" => shaped(&[("update_file", &[("path", "!str"), ("diff", "?str")])], false),
        "mcp_tools" => list(untyped(&[("name", "!str"), ("input_schema", "!raw"), ("description", "?str")])),
        "some" => json().prop_filter("null counts as missing", |value| value != "null").boxed(),
        _ => json().boxed(),
    }
}

/// An object without a `type`.
fn untyped(shape: Shape) -> BoxedStrategy<String> {
    let members = shape.iter().fold(Just(Vec::new()).boxed(), |members, (name, how)| {
        (members, made(how))
            .prop_map(move |(mut members, value)| {
                members.push((format!("\"{name}\""), value));
                members
            })
            .boxed()
    });
    object((members, vec(unknown(), 0..2)).prop_map(|(mut members, more)| {
        members.extend(more);
        members
    }))
    .boxed()
}

/// An object of one of these types, with its own members and unknown ones.
fn shaped(kinds: &'static [(&'static str, Shape)], is_item: bool) -> BoxedStrategy<String> {
    (0..kinds.len())
        .prop_flat_map(move |at| {
            let (kind, shape) = kinds[at];
            let start = Just(vec![("\"type\"".to_owned(), format!("\"{kind}\""))]).boxed();
            let members = shape.iter().fold(start, |members, (name, how)| {
                let given = match how.starts_with('?') {
                    true => prop_oneof![3 => made(how).prop_map(Some), 1 => Just(None), 1 => Just(Some("null".into()))]
                        .boxed(),
                    false => made(how).prop_map(Some).boxed(),
                };
                (members, given)
                    .prop_map(move |(mut members, given)| {
                        members.extend(given.map(|value| (format!("\"{name}\""), value)));
                        members
                    })
                    .boxed()
            });
            let id = prop::option::of(prop_oneof!["\"[a-z]{1,4}_[0-9]{1,3}\"", string()]);
            let passthrough = prop::option::of(Just(r#"{"turn_id":"t", "x":1}"#.to_owned()));
            let more = vec(unknown(), 0..2);
            object((members, id, passthrough, more).prop_map(move |(mut members, id, passthrough, more)| {
                if is_item {
                    members.extend(id.map(|id| ("\"id\"".to_owned(), id)));
                    let name = "\"internal_chat_message_metadata_passthrough\"".to_owned();
                    members.extend(passthrough.map(|value| (name, value)));
                }
                members.extend(more);
                members
            }))
        })
        .boxed()
}

/// An item of a known or unknown type.
pub fn item() -> impl Strategy<Value = String> {
    shaped(ITEMS, true)
}

/// A request, as an HTTP body or as a WebSocket message.
pub fn request() -> impl Strategy<Value = String> {
    let optional = |value: BoxedStrategy<String>| prop::option::of(value);
    let flags = prop_oneof![Just("true".to_owned()), Just("false".to_owned())];
    let words = (
        optional(string().boxed()),
        optional(string().boxed()),
        optional(string().boxed()),
        optional(flags.clone().boxed()),
        optional(flags.boxed()),
    );
    let rest = (
        optional(list(json())),
        optional(list(string())),
        optional(json().boxed()),
        prop::sample::select(vec![None, Some("\"response.create\"".to_owned())]),
        vec(unknown(), 0..3),
    );
    object((list(item()), words, rest).prop_map(|(input, words, rest)| {
        let (model, instructions, key, parallel, stream) = words;
        let (tools, include, choice, kind, more) = rest;
        let members = [
            ("input", Some(input)),
            ("model", model),
            ("instructions", instructions),
            ("prompt_cache_key", key),
            ("parallel_tool_calls", parallel),
            ("stream", stream),
            ("tools", tools),
            ("include", include),
            ("tool_choice", choice),
            ("type", kind),
        ];
        let given = members.into_iter().filter_map(|(key, value)| Some((format!("\"{key}\""), value?)));
        given.chain(more).collect::<Vec<_>>()
    }))
}
