//! One model of the catalogue ([docs/protocol.md §11.3](crate::docs::protocol#113-models--get-modelsclient_versionv)).

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::Deserialize;

use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::raw::RawJson;

/// A model, as far as requests depend on it. Everything else, prompts and notices, is in [`raw`](Self::raw).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Model {
    /// What requests call it.
    pub slug: String,
    /// What people call it.
    pub display_name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its place among the others; the lowest comes first.
    pub priority: i32,
    /// `list`, `hide` or `none`.
    pub visibility: String,
    /// Whether the public API has it.
    pub supported_in_api: bool,
    /// What it should know before everything else.
    pub base_instructions: String,
    /// What requests can say.
    pub tooling: ToolSupport,
    /// How much it can take in.
    pub context: ContextLimits,
    /// Tiers of service that can be asked for.
    pub service_tiers: Vec<ServiceTier>,
    /// How much it can reason.
    pub supported_reasoning_levels: Vec<ReasoningLevel>,
    raw: RawJson<'static>,
}

/// What requests for a model can say, and which tools it has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolSupport {
    /// `default`, `local`, `unified_exec`, `disabled` or `shell_command`.
    pub shell_type: String,
    /// Whether `text.verbosity` can be set.
    pub support_verbosity: bool,
    /// What it is unless set.
    pub default_verbosity: Option<String>,
    /// Whether several tools can be called at once.
    pub supports_parallel_tool_calls: bool,
    /// How much it reasons unless told.
    pub default_reasoning_level: Option<String>,
    /// Whether `reasoning.summary` can be set: yes, unless said otherwise.
    pub supports_reasoning_summary_parameter: bool,
    /// What it is unless set: `auto`.
    pub default_reasoning_summary: String,
    /// Whether images can be sent with `detail: original`.
    pub supports_image_detail_original: bool,
    /// Whether it takes *responses-lite*
    /// ([docs/protocol.md §3.7](crate::docs::protocol#37-responses-lite-mode-per-model-flag)).
    pub use_responses_lite: bool,
    /// What goes in: `text` and `image`, unless said otherwise.
    pub input_modalities: Vec<String>,
    /// `direct`, `code_mode` or `code_mode_only`; an unknown one is none.
    pub tool_mode: Option<String>,
    /// Tools that are tried out.
    pub experimental_supported_tools: Vec<String>,
}

/// How much a model can take in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContextLimits {
    /// Tokens of its window.
    pub context_window: Option<i64>,
    /// Tokens of the largest window it can have.
    pub max_context_window: Option<i64>,
    /// Tokens at which the history is to be compacted.
    pub auto_compact_token_limit: Option<i64>,
    /// How much of the window is to be used: 95 percent, unless said otherwise.
    pub effective_context_window_percent: i64,
    /// How a tool's output is cut.
    pub truncation_policy: TruncationPolicy,
    /// What a compaction made for it is compatible with.
    pub comp_hash: Option<String>,
}

/// How a tool's output is cut.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct TruncationPolicy {
    /// `bytes` or `tokens`.
    pub mode: String,
    /// How many of them.
    pub limit: i64,
}

/// A tier of service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ServiceTier {
    /// What requests call it: `priority`, `flex`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
}

/// How much a model can reason.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ReasoningLevel {
    /// What requests call it.
    pub effort: String,
    /// What it is for.
    pub description: String,
}

impl Model {
    /// Reads one model.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when a member that
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

    /// The whole object, as it came.
    #[must_use]
    pub const fn raw(&self) -> &RawJson<'static> {
        &self.raw
    }

    /// The tier to ask for, of one that is wanted: none, unless it is one of the model's and not the default
    /// ([docs/protocol.md §3.2](crate::docs::protocol#32-request-fields)).
    #[must_use]
    pub fn service_tier<'t>(&self, wanted: &'t str) -> Option<&'t str> {
        let is_one = self.service_tiers.iter().any(|tier| tier.id == wanted);
        (wanted != "default" && is_one).then_some(wanted)
    }
}
