//! Memories: summarises traces of work (`docs/protocol.md` §11.2).

use alloc::string::String;
use alloc::vec::Vec;

use crate::by_members::{deserialize_by_members, serialize_by_members};
use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::Object;
use crate::responses::json::raw::RawJson;
use crate::responses::operations::{Operation, json, unreadable};
use crate::responses::request::{ItemEncoding, ReasoningOptions};
use crate::responses::session::HeaderSet;

/// A request to summarise traces.
///
/// ```
/// use turnwire::responses::operations::{MemoryTrace, Summarize};
///
/// let summarize = Summarize::new("gpt-x", vec![MemoryTrace::new("trace_1", "/sessions/1.jsonl", Vec::new())]);
/// assert_eq!(summarize.traces.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summarize {
    /// The model.
    pub model: String,
    /// The traces. If there are none, no request is needed.
    pub traces: Vec<MemoryTrace>,
    /// The reasoning options; omitted when unset.
    pub reasoning: Option<ReasoningOptions>,
}

/// One trace.
///
/// ```
/// use turnwire::responses::operations::MemoryTrace;
///
/// let trace = MemoryTrace::new("trace_1", "/sessions/1.jsonl", Vec::new());
/// assert_eq!(trace.metadata.as_str(), r#"{"source_path":"/sessions/1.jsonl"}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryTrace {
    /// Its id.
    pub id: String,
    /// The source, as JSON: an object with a `source_path`.
    pub metadata: RawJson<'static>,
    /// Its items, any JSON.
    pub items: Vec<RawJson<'static>>,
}

/// The summaries, one per trace, in the same order.
///
/// ```
/// use turnwire::responses::operations::{Summaries, Summary};
///
/// let summaries = Summaries::new(vec![Summary::new("built a house", "likes wood")]);
/// assert_eq!(summaries.output[0].memory_summary, "likes wood");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summaries {
    /// The summaries.
    pub output: Vec<Summary>,
}

/// The summary of one trace.
///
/// ```
/// use turnwire::responses::operations::Summary;
///
/// assert_eq!(Summary::new("built a house", "likes wood").trace_summary, "built a house");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The trace summary; also parsed under the name `raw_memory`.
    pub trace_summary: String,
    /// The memory summary.
    pub memory_summary: String,
}

deserialize_by_members! { MemoryTrace { id, metadata, items } }
serialize_by_members! { MemoryTrace { id, metadata, items } }

deserialize_by_members! { Summaries { output } }
serialize_by_members! { Summaries { output } }

deserialize_by_members! { Summary { trace_summary | "raw_memory", memory_summary } }
serialize_by_members! { Summary { trace_summary, memory_summary } }

impl Summarize {
    /// Creates a request for this model and these traces.
    #[must_use]
    pub fn new(model: &str, traces: Vec<MemoryTrace>) -> Self {
        Self { model: model.into(), traces, reasoning: None }
    }

    /// Parses a body, as a server does.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not a JSON object, or a member is missing or has another type.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let mut members = Members::parse(json)?;
        Ok(Self {
            model: members.required("model")?,
            traces: members.required("traces")?,
            reasoning: members.take("reasoning").map(ReasoningOptions::parse).transpose()?,
        })
    }
}

impl MemoryTrace {
    /// Creates a trace from this file.
    #[must_use]
    pub fn new(id: &str, source_path: &str, items: Vec<RawJson<'static>>) -> Self {
        let mut out = Vec::new();
        let mut object = Object::new(&mut out);
        object.string("source_path", source_path);
        object.end();
        Self {
            id: id.into(),
            metadata: RawJson::built(String::from_utf8(out).expect("JSON is written as UTF-8")),
            items,
        }
    }
}

impl Summary {
    /// Creates a summary.
    #[must_use]
    pub fn new(trace_summary: &str, memory_summary: &str) -> Self {
        Self { trace_summary: trace_summary.into(), memory_summary: memory_summary.into() }
    }
}

impl Summaries {
    /// Creates a result with these summaries.
    #[must_use]
    pub const fn new(output: Vec<Summary>) -> Self {
        Self { output }
    }

    /// Appends the body, as a server does.
    pub fn encode(&self, out: &mut Vec<u8>) {
        json(self, out);
    }
}

impl Operation for Summarize {
    type Answer = Summaries;

    const PATH: &'static str = "memories/trace_summarize";
    const SURFACE: HeaderSet = HeaderSet::Memories;

    fn immediate_answer(&self) -> Option<Summaries> {
        self.traces.is_empty().then(Summaries::default)
    }

    fn encode(&self, _: ItemEncoding, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.string("model", &self.model);
        object.array("traces", &self.traces, json);
        if let Some(reasoning) = &self.reasoning {
            reasoning.clone().for_wire().write(object.key("reasoning"));
        }
        object.end();
    }

    fn read(_: HeaderPairs<'_>, body: &str) -> Result<Summaries, Failure> {
        lenient::read(body).map_err(|error| unreadable("", &error, body))
    }
}
