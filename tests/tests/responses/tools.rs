//! Tools and the choice of a tool: every kind is written as the public API documents it, and read as it was written.

use proptest::prelude::*;
use serde_json::{Value, json};
use turnwire::responses::tool::{
    ApplyPatch, CodeInterpreter, Computer, ComputerUsePreview, Container, Custom, FileSearch, Format, Function,
    HybridSearch, ImageGeneration, ImageMask, LocalShell, Mcp, McpToolFilter, Namespace, ProgrammaticToolCalling,
    RankingOptions, Shell, SvgOptions, Tool, ToolChoice, ToolSearch, UserLocation, WebSearch, WebSearchPreview,
};
use turnwire::responses::{CreateResponse, RawJson};
use turnwire_tests::generators::responses::{json as any_json, string};

fn raw(text: &str) -> RawJson<'static> {
    RawJson::new(text).expect("json").into_owned()
}

fn all() -> Vec<(Tool, Value)> {
    let schema = || raw(r#"{"type":"object"}"#);
    vec![
        (
            Function::new("f", "d", schema()).strict(true).asynchronous(true).allowed_callers(["direct"]).into(),
            json!({"type":"function","name":"f","description":"d","strict":true,"parameters":{"type":"object"},"allowed_callers":["direct"],"async":true}),
        ),
        (Custom::new("c").into(), json!({"type":"custom","name":"c"})),
        (
            Custom::new("c").description("d").format(Format::grammar("lark", "g")).into(),
            json!({"type":"custom","name":"c","description":"d","format":{"type":"grammar","syntax":"lark","definition":"g"}}),
        ),
        (
            WebSearch::new().external_web_access(true).user_location(UserLocation::new().city("Rome")).into(),
            json!({"type":"web_search","external_web_access":true,"user_location":{"type":"approximate","city":"Rome"}}),
        ),
        (WebSearchPreview::new().into(), json!({"type":"web_search_preview"})),
        (
            ToolSearch::new().execution("client").parameters(schema()).into(),
            json!({"type":"tool_search","execution":"client","parameters":{"type":"object"}}),
        ),
        (
            Namespace::new("n", "d", [Function::new("f", "d", schema())]).into(),
            json!({"type":"namespace","name":"n","description":"d","tools":[{"type":"function","name":"f","description":"d","strict":false,"parameters":{"type":"object"}}]}),
        ),
        (
            FileSearch::new(["vs"])
                .ranking_options(RankingOptions::new().ranker("auto").hybrid_search(HybridSearch::new(0.5, 0.25)))
                .into(),
            json!({"type":"file_search","vector_store_ids":["vs"],"ranking_options":{"ranker":"auto","hybrid_search":{"embedding_weight":0.5,"text_weight":0.25}}}),
        ),
        (Computer::new().into(), json!({"type":"computer"})),
        (
            ComputerUsePreview::new("linux", 800, 600).into(),
            json!({"type":"computer_use_preview","environment":"linux","display_width":800,"display_height":600}),
        ),
        (
            Mcp::new("s")
                .server_url("https://example.com")
                .headers([("a", "b")])
                .allowed_tools(McpToolFilter::new().tool_names(["t"]))
                .require_approval_for("never")
                .into(),
            json!({"type":"mcp","server_label":"s","server_url":"https://example.com","headers":{"a":"b"},"allowed_tools":{"tool_names":["t"]},"require_approval":"never"}),
        ),
        (CodeInterpreter::new(Container::id("cntr_1")).into(), json!({"type":"code_interpreter","container":"cntr_1"})),
        (ProgrammaticToolCalling::new().into(), json!({"type":"programmatic_tool_calling"})),
        (
            ImageGeneration::new()
                .input_image_mask(ImageMask::new().file_id("file_1"))
                .svg(SvgOptions::new().model("m"))
                .into(),
            json!({"type":"image_generation","input_image_mask":{"file_id":"file_1"},"svg":{"model":"m"}}),
        ),
        (LocalShell::new().into(), json!({"type":"local_shell"})),
        (
            Shell::new().environment(raw(r#"{"type":"local"}"#)).into(),
            json!({"type":"shell","environment":{"type":"local"}}),
        ),
        (
            ApplyPatch::new().allowed_callers(["programmatic"]).into(),
            json!({"type":"apply_patch","allowed_callers":["programmatic"]}),
        ),
    ]
}

#[test]
fn every_kind_of_tool_is_written_as_documented_and_read_as_written() {
    let all = all();
    for kind in Tool::TYPES {
        assert!(all.iter().any(|(tool, _)| tool.kind() == *kind), "no example of {kind}");
    }
    for (tool, expected) in &all {
        let text = tool.to_raw();
        assert_eq!(&serde_json::from_str::<Value>(text.as_str()).expect("json"), expected);
        assert_eq!(&Tool::parse(text.as_str()).expect("a tool"), tool);
        assert_eq!(&serde_json::from_str::<Tool>(&serde_json::to_string(tool).expect("json")).expect("a tool"), tool);
    }
    let request = CreateResponse::new("m", "hi").tools(all.into_iter().map(|(tool, _)| tool));
    assert_eq!(request.tools.map(|tools| tools.len()), Some(17));
}

#[test]
fn tool_that_is_not_known_or_lacks_a_member_is_kept_as_it_came() {
    for text in [
        r#"{"type":"time_machine", "to":1999}"#,
        r#"{"type":"function"}"#,
        r#"{"type":"web_search_2025_08_26","search_context_size":"low"}"#,
        r#"{"x":1}"#,
    ] {
        let tool = Tool::parse(text).expect("a tool");
        assert!(matches!(tool, Tool::Other { .. }), "{text}");
        assert_eq!(tool.to_raw().as_str(), text);
    }
    assert!(Tool::parse("5").is_err());
}

#[test]
fn choice_of_a_tool_is_written_as_documented_and_read_as_written() {
    let function = || ToolChoice::function("f");
    for (choice, text) in [
        (ToolChoice::auto(), r#""auto""#),
        (ToolChoice::none(), r#""none""#),
        (ToolChoice::required(), r#""required""#),
        (function(), r#"{"type":"function","name":"f"}"#),
        (ToolChoice::custom("c"), r#"{"type":"custom","name":"c"}"#),
        (ToolChoice::mcp("s", None), r#"{"type":"mcp","server_label":"s"}"#),
        (ToolChoice::mcp("s", Some("t")), r#"{"type":"mcp","server_label":"s","name":"t"}"#),
        (ToolChoice::kind("apply_patch"), r#"{"type":"apply_patch"}"#),
        (
            ToolChoice::allowed("required", [function(), ToolChoice::kind("web_search")]),
            r#"{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"},{"type":"web_search"}]}"#,
        ),
        (
            ToolChoice::Other(raw(r#"{"type":"function","name":"f","new":1}"#)),
            r#"{"type":"function","name":"f","new":1}"#,
        ),
        (ToolChoice::Other(raw("5")), "5"),
    ] {
        assert_eq!(choice.to_raw().as_str(), text);
        assert_eq!(ToolChoice::parse(text).expect("a choice"), choice, "{text}");
    }
}

#[test]
fn credentials_of_an_mcp_server_are_not_shown() {
    let tool = Mcp::new("s").authorization("s3cr3t").headers([("x-key", "s3cr3t")]);
    assert!(!format!("{tool:?} {:?}", Tool::from(tool.clone())).contains("s3cr3t"));
}

proptest! {
    /// A tool of a known kind loses nothing, whatever its members are.
    #[test]
    fn tools_lose_nothing(
        kind in prop::sample::select(Tool::TYPES),
        members in prop::collection::btree_map(
            prop::sample::select(vec!["name", "description", "strict", "parameters", "filters", "container", "server_label",
                "vector_store_ids", "user_location", "headers", "environment", "async", "max_num_results", "tools", "zz"]),
            prop_oneof![any_json(), string()],
            0..6,
        ),
    ) {
        let members: String = members.iter().map(|(name, value)| format!(r#","{name}":{value}"#)).collect();
        let text = format!(r#"{{"type":"{kind}"{members}}}"#);
        let tool = Tool::parse(&text).expect("a tool");
        let came: Value = serde_json::from_str(&text).expect("json");
        let went: Value = serde_json::from_str(tool.to_raw().as_str()).expect("json");
        prop_assert_eq!(turnwire_tests::laws::responses::lost(&came, &went), None);
        prop_assert_eq!(Tool::parse(tool.to_raw().as_str()).expect("a tool"), tool);
    }
}
