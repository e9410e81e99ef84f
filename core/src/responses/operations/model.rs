//! One model of the catalogue ([docs/protocol.md §11.3](crate::docs::protocol#113-models--get-modelsclient_versionv)).

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::by_members::deserialize_by_members;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::raw::RawJson;

/// A model, with the members that requests depend on. All others, such as prompts and notices, are in
/// [`raw`](Self::raw).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Model {
    /// The name in requests.
    pub slug: String,
    /// The display name.
    pub display_name: String,
    /// The description.
    pub description: Option<String>,
    /// The priority among the models; the lowest comes first.
    pub priority: i32,
    /// `list`, `hide` or `none`.
    pub visibility: String,
    /// Whether the public API offers it.
    pub supported_in_api: bool,
    /// The base instructions.
    pub base_instructions: String,
    /// The options and tools of requests.
    pub tooling: ToolSupport,
    /// The limits of the context.
    pub context: ContextLimits,
    /// The service tiers.
    pub service_tiers: Vec<ServiceTier>,
    /// The reasoning levels.
    pub supported_reasoning_levels: Vec<ReasoningLevel>,
    raw: RawJson<'static>,
}

/// The options of requests for a model, and its tools.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolSupport {
    /// `default`, `local`, `unified_exec`, `disabled` or `shell_command`.
    pub shell_type: String,
    /// Whether `text.verbosity` can be set.
    pub support_verbosity: bool,
    /// The default of `text.verbosity`.
    pub default_verbosity: Option<String>,
    /// Whether it can call several tools at once.
    pub supports_parallel_tool_calls: bool,
    /// The default reasoning level.
    pub default_reasoning_level: Option<String>,
    /// Whether `reasoning.summary` can be set. Default: `true`.
    pub supports_reasoning_summary_parameter: bool,
    /// The default of `reasoning.summary`. Default: `auto`.
    pub default_reasoning_summary: String,
    /// Whether images can be sent with `detail: original`.
    pub supports_image_detail_original: bool,
    /// Whether it uses *responses-lite*
    /// ([docs/protocol.md §3.7](crate::docs::protocol#37-responses-lite-mode-per-model-flag)).
    pub use_responses_lite: bool,
    /// The input modalities. Default: `text` and `image`.
    pub input_modalities: Vec<String>,
    /// `direct`, `code_mode` or `code_mode_only`; an unknown value becomes `None`.
    pub tool_mode: Option<String>,
    /// Experimental tools.
    pub experimental_supported_tools: Vec<String>,
}

/// The limits of a model's context.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContextLimits {
    /// The size of its context window in tokens.
    pub context_window: Option<i64>,
    /// The maximum size of its context window in tokens.
    pub max_context_window: Option<i64>,
    /// The number of tokens at which the history should be compacted.
    pub auto_compact_token_limit: Option<i64>,
    /// The usable part of the window in percent. Default: 95.
    pub effective_context_window_percent: i64,
    /// How the output of tools is truncated.
    pub truncation_policy: TruncationPolicy,
    /// The compatibility hash of compactions for the model.
    pub comp_hash: Option<String>,
}

/// How the output of a tool is truncated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TruncationPolicy {
    /// `bytes` or `tokens`.
    pub mode: String,
    /// The number of them.
    pub limit: i64,
}

/// A service tier.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceTier {
    /// The name in requests: `priority`, `flex`.
    pub id: String,
    /// The display name.
    pub name: String,
    /// The description.
    pub description: String,
}

/// A reasoning level of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReasoningLevel {
    /// The name in requests.
    pub effort: String,
    /// The description.
    pub description: String,
}

deserialize_by_members! { TruncationPolicy { mode, limit } }

deserialize_by_members! { ServiceTier { id, name, description } }

deserialize_by_members! { ReasoningLevel { effort, description } }

impl Model {
    /// Parses one model.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if a member that
    /// [docs/protocol.md §11.3](crate::docs::protocol#113-models--get-modelsclient_versionv) requires is missing, or
    /// one has another type.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let mut members = Members::parse(json)?;
        let modes = ["direct", "code_mode", "code_mode_only"];
        let tool_mode: Option<String> = members.optional("tool_mode")?;
        Ok(Self {
            slug: members.required("slug")?,
            display_name: members.required("display_name")?,
            description: members.optional("description")?,
            priority: members.required("priority")?,
            visibility: members.required("visibility")?,
            supported_in_api: members.required("supported_in_api")?,
            base_instructions: members.required("base_instructions")?,
            tooling: ToolSupport {
                shell_type: members.required("shell_type")?,
                support_verbosity: members.required("support_verbosity")?,
                default_verbosity: members.optional("default_verbosity")?,
                supports_parallel_tool_calls: members.required("supports_parallel_tool_calls")?,
                default_reasoning_level: members.optional("default_reasoning_level")?,
                supports_reasoning_summary_parameter: members
                    .optional("supports_reasoning_summary_parameter")?
                    .unwrap_or(true),
                default_reasoning_summary: members
                    .optional("default_reasoning_summary")?
                    .unwrap_or_else(|| "auto".to_string()),
                supports_image_detail_original: members.optional("supports_image_detail_original")?.unwrap_or(false),
                use_responses_lite: members.optional("use_responses_lite")?.unwrap_or(false),
                input_modalities: members
                    .optional("input_modalities")?
                    .unwrap_or_else(|| alloc::vec!["text".to_string(), "image".to_string()]),
                tool_mode: tool_mode.filter(|mode| modes.contains(&mode.as_str())),
                experimental_supported_tools: members.required("experimental_supported_tools")?,
            },
            context: ContextLimits {
                context_window: members.optional("context_window")?,
                max_context_window: members.optional("max_context_window")?,
                auto_compact_token_limit: members.optional("auto_compact_token_limit")?,
                effective_context_window_percent: members.optional("effective_context_window_percent")?.unwrap_or(95),
                truncation_policy: members.required("truncation_policy")?,
                comp_hash: members.optional("comp_hash")?,
            },
            service_tiers: members.optional("service_tiers")?.unwrap_or_default(),
            supported_reasoning_levels: members.required("supported_reasoning_levels")?,
            raw: RawJson::trusted(json).into_owned(),
        })
    }

    /// Returns the whole object, unchanged.
    #[must_use]
    pub const fn raw(&self) -> &RawJson<'static> {
        &self.raw
    }

    /// Returns the service tier to send for a wanted one: `None` if the model does not have it or it is the default
    /// ([docs/protocol.md §3.2](crate::docs::protocol#32-request-fields)).
    #[must_use]
    pub fn service_tier<'t>(&self, wanted: &'t str) -> Option<&'t str> {
        let is_one = self.service_tiers.iter().any(|tier| tier.id == wanted);
        (wanted != "default" && is_one).then_some(wanted)
    }
}
