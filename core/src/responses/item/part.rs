//! Content parts of messages and of tool outputs (`docs/protocol.md` §3.5). A part that is not known is kept as it came.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::item::field_codec::text_or_json;
use crate::responses::json::iter::elements;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object, string};
use crate::responses::json::raw::RawJson;

/// A part of a message, an agent's message, a reasoning summary or a reasoning's content.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentPart {
    /// Text under one of the protocol's names: `input_text`, `output_text`, `summary_text`, `reasoning_text` or `text`.
    Text {
        /// The part's `type`.
        kind: &'static str,
        /// The text.
        text: String,
        /// Members that are not known here: `annotations`, `logprobs` and the like.
        extra: ExtraMembers,
    },
    /// `input_image`.
    InputImage {
        /// Where the image is, often a data URL.
        image_url: String,
        /// `auto`, `low`, `high`, `original`, or another word.
        detail: Option<String>,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// `input_audio`.
    InputAudio {
        /// Where the audio is, often a data URL.
        audio_url: String,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// `encrypted_content`.
    Encrypted {
        /// What only the server can read.
        encrypted_content: String,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// A part of another `type`, or of a known one in another shape, as it came.
    Other(RawJson<'static>),
}

/// The same set serves a tool's output (§3.5b).
pub type OutputPart = ContentPart;

const TEXTS: [&str; 5] = ["input_text", "output_text", "summary_text", "reasoning_text", "text"];

impl ContentPart {
    /// Text that goes in.
    #[must_use]
    pub fn input_text(text: &str) -> Self {
        Self::Text { kind: "input_text", text: text.into(), extra: ExtraMembers::new() }
    }

    /// Text that came out.
    #[must_use]
    pub fn output_text(text: &str) -> Self {
        Self::Text { kind: "output_text", text: text.into(), extra: ExtraMembers::new() }
    }

    /// Text of a reasoning summary.
    #[must_use]
    pub fn summary_text(text: &str) -> Self {
        Self::Text { kind: "summary_text", text: text.into(), extra: ExtraMembers::new() }
    }

    /// Text of the reasoning itself.
    #[must_use]
    pub fn reasoning_text(text: &str) -> Self {
        Self::Text { kind: "reasoning_text", text: text.into(), extra: ExtraMembers::new() }
    }

    /// An image that goes in, by its URL.
    #[must_use]
    pub fn input_image(image_url: &str) -> Self {
        Self::InputImage { image_url: image_url.into(), detail: None, extra: ExtraMembers::new() }
    }

    /// The part's text, whatever it is called.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            Self::InputImage { .. } | Self::InputAudio { .. } | Self::Encrypted { .. } | Self::Other(_) => None,
        }
    }

    /// Whether this is text under this name.
    pub(in crate::responses) fn is_text(&self, name: &str) -> bool {
        matches!(self, Self::Text { kind, .. } if *kind == name)
    }

    /// Text under one of the names of text.
    pub(in crate::responses) fn text_of(kind: &'static str, text: String) -> Self {
        Self::Text { kind, text, extra: ExtraMembers::new() }
    }

    /// Reads a part. A value of another shape is kept as it came, so that the item is not lost (`docs/differences.md` row 8).
    pub(in crate::responses) fn parse(json: &str) -> Self {
        let typed = Members::parse(json).and_then(Self::typed);
        typed.unwrap_or_else(|_| Self::Other(RawJson::trusted(json).into_owned()))
    }

    fn typed(mut members: Members<'_>) -> Result<Self, Malformed> {
        if let Some(kind) = TEXTS.into_iter().find(|kind| *kind == members.kind()) {
            return Ok(Self::Text { kind, text: members.required("text")?, extra: members.rest() });
        }
        Ok(match members.kind() {
            "input_image" => Self::InputImage {
                image_url: members.required("image_url")?,
                detail: members.optional("detail")?,
                extra: members.rest(),
            },
            "input_audio" => Self::InputAudio { audio_url: members.required("audio_url")?, extra: members.rest() },
            "encrypted_content" => {
                Self::Encrypted { encrypted_content: members.required("encrypted_content")?, extra: members.rest() }
            }
            kind => return Err(Malformed::missing(kind, "type")),
        })
    }

    pub(in crate::responses) fn encode(&self, out: &mut Vec<u8>) {
        let (kind, extra) = match self {
            Self::Other(raw) => return out.extend_from_slice(raw.as_str().as_bytes()),
            Self::Text { kind, extra, .. } => (*kind, extra),
            Self::InputImage { extra, .. } => ("input_image", extra),
            Self::InputAudio { extra, .. } => ("input_audio", extra),
            Self::Encrypted { extra, .. } => ("encrypted_content", extra),
        };
        let mut object = Object::new(out);
        object.string("type", kind);
        match self {
            Self::Text { text, .. } => object.string("text", text),
            Self::InputImage { image_url, detail, .. } => {
                object.string("image_url", image_url);
                object.optional("detail", detail.as_deref());
            }
            Self::InputAudio { audio_url, .. } => object.string("audio_url", audio_url),
            Self::Encrypted { encrypted_content, .. } => object.string("encrypted_content", encrypted_content),
            Self::Other(_) => {}
        }
        object.extra(extra);
        object.end();
    }

    pub(in crate::responses) fn extra_mut(&mut self) -> Option<&mut ExtraMembers> {
        match self {
            Self::Text { extra, .. }
            | Self::InputImage { extra, .. }
            | Self::InputAudio { extra, .. }
            | Self::Encrypted { extra, .. } => Some(extra),
            Self::Other(_) => None,
        }
    }
}

/// What a tool has to say: text, or parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolOutput {
    /// Plain text.
    Text(String),
    /// Parts (§3.5b).
    Parts(Vec<OutputPart>),
}

impl ToolOutput {
    /// Reads a string or an array of parts. Any other value is kept as its JSON text (`docs/differences.md` row 46).
    pub(in crate::responses) fn parse(json: &str) -> Self {
        let is_part = |part: &str| Members::parse(part).is_ok_and(|members| !members.kind().is_empty());
        if json.starts_with('[') && elements(json).all(is_part) {
            return Self::Parts(elements(json).map(ContentPart::parse).collect());
        }
        Self::Text(text_or_json(json))
    }

    pub(in crate::responses) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => string(text, out),
            Self::Parts(parts) => crate::responses::json::object_writer::array(parts, out, ContentPart::encode),
        }
    }
}
