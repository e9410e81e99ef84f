//! Content parts of messages and of tool outputs (`docs/protocol.md` §3.5). An unknown part is kept unchanged.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::json::iter::list;
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object, beginning, member, string};
use crate::responses::json::raw::RawJson;
use crate::responses::record::{JsonValue, record};

/// A part of a message, an agent's message, a reasoning summary or a reasoning's content.
///
/// ```
/// use turnwire::responses::{ContentPart, Message};
///
/// let content = vec![ContentPart::input_text("What is this?"), ContentPart::input_image("data:image/png;base64,AA==")];
/// assert_eq!(Message::new("user", content).text(), "What is this?");
/// let audio = ContentPart::input_audio("AA==", "mp3");
/// assert_eq!(audio.to_raw().as_str(), r#"{"type":"input_audio","input_audio":{"data":"AA==","format":"mp3"}}"#);
/// ```
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
        /// The URL of the image, often a data URL.
        image_url: Option<String>,
        /// The id of a file.
        file_id: Option<String>,
        /// `auto`, `low`, `high`, `original`, or another word.
        detail: Option<String>,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// `input_file`.
    InputFile {
        /// The id of a file.
        file_id: Option<String>,
        /// The URL of the file.
        file_url: Option<String>,
        /// The file, as a data URL.
        file_data: Option<String>,
        /// The name of the file.
        filename: Option<String>,
        /// `auto`, `low`, `high`, or another word.
        detail: Option<String>,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// `input_audio`, as in the public API.
    InputAudio {
        /// The audio.
        input_audio: AudioData,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// `input_audio`, as in the reference client.
    InputAudioUrl {
        /// The URL of the audio, often a data URL.
        audio_url: String,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// `refusal`: the model refuses the request.
    Refusal {
        /// The text of the refusal.
        refusal: String,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// `computer_screenshot`.
    ComputerScreenshot {
        /// The URL of the image, often a data URL.
        image_url: Option<String>,
        /// The id of a file.
        file_id: Option<String>,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// `encrypted_content`.
    Encrypted {
        /// Data that only the server can decrypt.
        encrypted_content: String,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// A part of another `type`, or of a known one in another shape, unchanged.
    Other(RawJson<'static>),
}

/// The same types are used in tool outputs (docs/protocol.md §3.5b).
pub type OutputPart = ContentPart;

/// Declares the types of texts, and how an object of each of them begins.
macro_rules! texts {
    ($($kind:literal)*) => {
        const TEXTS: &[&str] = &[$($kind),*];

        /// Begins a text of this type.
        fn begin_text<'o>(kind: &str, out: &'o mut Vec<u8>) -> Object<'o> {
            match kind {
                $($kind => Object::typed(beginning!($kind), out),)*
                _ => {
                    let mut object = Object::new(out);
                    object.string("type", kind);
                    object
                }
            }
        }
    };
}

texts! { "input_text" "output_text" "summary_text" "reasoning_text" "text" }

impl ContentPart {
    /// Creates an input text.
    #[must_use]
    pub fn input_text(text: &str) -> Self {
        Self::Text { kind: "input_text", text: text.into(), extra: ExtraMembers::new() }
    }

    /// Creates an output text.
    #[must_use]
    pub fn output_text(text: &str) -> Self {
        Self::Text { kind: "output_text", text: text.into(), extra: ExtraMembers::new() }
    }

    /// Creates the text of a reasoning summary.
    #[must_use]
    pub fn summary_text(text: &str) -> Self {
        Self::Text { kind: "summary_text", text: text.into(), extra: ExtraMembers::new() }
    }

    /// Creates a reasoning text.
    #[must_use]
    pub fn reasoning_text(text: &str) -> Self {
        Self::Text { kind: "reasoning_text", text: text.into(), extra: ExtraMembers::new() }
    }

    /// Creates an input image from its URL.
    #[must_use]
    pub fn input_image(image_url: &str) -> Self {
        Self::InputImage { image_url: Some(image_url.into()), file_id: None, detail: None, extra: ExtraMembers::new() }
    }

    /// Creates an input image from the id of a file.
    #[must_use]
    pub fn input_image_file(file_id: &str) -> Self {
        Self::InputImage { image_url: None, file_id: Some(file_id.into()), detail: None, extra: ExtraMembers::new() }
    }

    /// Creates an input file from its id.
    #[must_use]
    pub fn input_file(file_id: &str) -> Self {
        Self::file(Some(file_id), None, None, None)
    }

    /// Creates an input file from its URL.
    #[must_use]
    pub fn input_file_url(file_url: &str) -> Self {
        Self::file(None, Some(file_url), None, None)
    }

    /// Creates an input file from a data URL.
    #[must_use]
    pub fn input_file_data(filename: &str, file_data: &str) -> Self {
        Self::file(None, None, Some(file_data), Some(filename))
    }

    fn file(id: Option<&str>, url: Option<&str>, data: Option<&str>, name: Option<&str>) -> Self {
        Self::InputFile {
            file_id: id.map(Into::into),
            file_url: url.map(Into::into),
            file_data: data.map(Into::into),
            filename: name.map(Into::into),
            detail: None,
            extra: ExtraMembers::new(),
        }
    }

    /// Creates an input audio in base64. `format`: `mp3` or `wav`.
    #[must_use]
    pub fn input_audio(data: &str, format: &str) -> Self {
        Self::InputAudio { input_audio: AudioData::new(data, format), extra: ExtraMembers::new() }
    }

    /// Creates a refusal.
    #[must_use]
    pub fn refusal(refusal: &str) -> Self {
        Self::Refusal { refusal: refusal.into(), extra: ExtraMembers::new() }
    }

    /// Creates a screenshot from the URL of an image.
    #[must_use]
    pub fn computer_screenshot(image_url: &str) -> Self {
        Self::ComputerScreenshot { image_url: Some(image_url.into()), file_id: None, extra: ExtraMembers::new() }
    }

    /// Returns the part's text, under any of its names.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            Self::InputImage { .. }
            | Self::InputFile { .. }
            | Self::InputAudio { .. }
            | Self::InputAudioUrl { .. }
            | Self::Refusal { .. }
            | Self::ComputerScreenshot { .. }
            | Self::Encrypted { .. }
            | Self::Other(_) => None,
        }
    }

    /// Returns whether this is text under this name.
    pub(in crate::responses) fn is_text(&self, name: &str) -> bool {
        matches!(self, Self::Text { kind, .. } if *kind == name)
    }

    /// Creates text under one of its names.
    pub(in crate::responses) fn text_of(kind: &'static str, text: String) -> Self {
        Self::Text { kind, text, extra: ExtraMembers::new() }
    }

    /// Parses a part. A value of another shape is kept unchanged, so that the item is not lost (`docs/differences.md`
    /// row 8).
    pub(in crate::responses) fn read(json: &str) -> Self {
        let typed = Members::parse(json).and_then(Self::typed);
        typed.unwrap_or_else(|_| Self::Other(RawJson::trusted(json).into_owned()))
    }

    /// Reads a part. One of another `type`, or of another shape, is [`Other`](Self::Other).
    ///
    /// # Errors
    ///
    /// Returns [`Malformed`] when the text is not JSON.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let repaired = lenient::repair(json);
        let raw = RawJson::new(repaired.as_deref().unwrap_or(json))?;
        Ok(Self::read(raw.as_str()))
    }

    /// Returns the part as JSON.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        let mut out = Vec::new();
        self.encode(&mut out);
        RawJson::written(out)
    }

    fn typed(mut members: Members<'_>) -> Result<Self, Malformed> {
        if let Some(kind) = TEXTS.iter().find(|kind| **kind == members.kind()) {
            return Ok(Self::Text { kind, text: members.required("text")?, extra: members.rest() });
        }
        Ok(match members.kind() {
            "input_image" => {
                let (image_url, file_id) = (members.optional("image_url")?, members.optional_text("file_id")?);
                if image_url.is_none() && file_id.is_none() {
                    return Err(Malformed::missing("input_image", "image_url"));
                }
                Self::InputImage { image_url, file_id, detail: members.optional("detail")?, extra: members.rest() }
            }
            "input_file" => Self::InputFile {
                file_id: members.optional_text("file_id")?,
                file_url: members.optional_text("file_url")?,
                file_data: members.optional_text("file_data")?,
                filename: members.optional_text("filename")?,
                detail: members.optional_text("detail")?,
                extra: members.rest(),
            },
            "input_audio" => match members.optional_value("input_audio") {
                Some(input_audio) => Self::InputAudio { input_audio, extra: members.rest() },
                None => Self::InputAudioUrl { audio_url: members.required("audio_url")?, extra: members.rest() },
            },
            "refusal" => Self::Refusal { refusal: members.required("refusal")?, extra: members.rest() },
            "computer_screenshot" => Self::ComputerScreenshot {
                image_url: members.optional_text("image_url")?,
                file_id: members.optional_text("file_id")?,
                extra: members.rest(),
            },
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
            Self::InputFile { extra, .. } => ("input_file", extra),
            Self::InputAudio { extra, .. } | Self::InputAudioUrl { extra, .. } => ("input_audio", extra),
            Self::Refusal { extra, .. } => ("refusal", extra),
            Self::ComputerScreenshot { extra, .. } => ("computer_screenshot", extra),
            Self::Encrypted { extra, .. } => ("encrypted_content", extra),
        };
        let mut object = begin_text(kind, out);
        match self {
            Self::Text { text, .. } => string(text, object.member(member!("text"))),
            Self::InputImage { image_url, file_id, detail, .. } => {
                object.optional("image_url", image_url.as_deref());
                object.optional("file_id", file_id.as_deref());
                object.optional("detail", detail.as_deref());
            }
            Self::InputFile { file_id, file_url, file_data, filename, detail, .. } => {
                object.optional("file_id", file_id.as_deref());
                object.optional("file_url", file_url.as_deref());
                object.optional("file_data", file_data.as_deref());
                object.optional("filename", filename.as_deref());
                object.optional("detail", detail.as_deref());
            }
            Self::InputAudio { input_audio, .. } => input_audio.encode(object.key("input_audio")),
            Self::InputAudioUrl { audio_url, .. } => object.string("audio_url", audio_url),
            Self::Refusal { refusal, .. } => object.string("refusal", refusal),
            Self::ComputerScreenshot { image_url, file_id, .. } => {
                object.optional("image_url", image_url.as_deref());
                object.optional("file_id", file_id.as_deref());
            }
            Self::Encrypted { encrypted_content, .. } => object.string("encrypted_content", encrypted_content),
            Self::Other(_) => {}
        }
        object.extra(extra);
        object.end();
    }

    /// Returns whether two parts are equal apart from unknown members. Texts, of which most of a history consists, are compared
    /// without them; other parts as a whole.
    pub(in crate::responses) fn is_written_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text { kind, text, .. }, Self::Text { kind: other_kind, text: other, .. }) => {
                kind == other_kind && text == other
            }
            _ => self == other,
        }
    }

    pub(in crate::responses) fn extra_mut(&mut self) -> Option<&mut ExtraMembers> {
        match self {
            Self::Text { extra, .. }
            | Self::InputImage { extra, .. }
            | Self::InputFile { extra, .. }
            | Self::InputAudio { extra, .. }
            | Self::InputAudioUrl { extra, .. }
            | Self::Refusal { extra, .. }
            | Self::ComputerScreenshot { extra, .. }
            | Self::Encrypted { extra, .. } => Some(extra),
            Self::Other(_) => None,
        }
    }
}

impl JsonValue for ContentPart {
    fn read(json: &str) -> Option<Self> {
        Some(Self::read(json))
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }
}

record! {
    /// Audio.
    ///
    /// ```
    /// use turnwire::responses::AudioData;
    ///
    /// assert_eq!(AudioData::new("AA==", "wav").format, "wav");
    /// ```
    #[derive(Debug, Eq)]
    AudioData "" pub new(
        /// The audio, in base64.
        data: String,
        /// `mp3` or `wav`.
        format: String
    ) {}
}

/// The output of a tool: text, or parts.
///
/// ```
/// use turnwire::responses::{ContentPart, Item, FunctionCallOutput, ToolOutput};
///
/// let parts = ToolOutput::Parts(vec![ContentPart::input_text("see the image"), ContentPart::input_image("https://…")]);
/// assert_eq!(Item::from(FunctionCallOutput::new("call_1", parts)).kind(), "function_call_output");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolOutput {
    /// Plain text.
    Text(String),
    /// Parts (docs/protocol.md §3.5b).
    Parts(Vec<OutputPart>),
}

impl From<String> for ToolOutput {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for ToolOutput {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Vec<OutputPart>> for ToolOutput {
    fn from(parts: Vec<OutputPart>) -> Self {
        Self::Parts(parts)
    }
}

impl ToolOutput {
    /// Reads a string or an array of parts. Any other value is kept as its JSON text (`docs/differences.md` row 46).
    pub(in crate::responses) fn parse(json: &str) -> Self {
        let is_part = |part: &str| Members::named(part, &["type"]).is_ok_and(|mut part| part.take("type").is_some());
        let part = |part| is_part(part).then(|| ContentPart::read(part));
        if let Some(parts) = list(json, part) {
            return Self::Parts(parts);
        }
        Self::Text(lenient::text_or_json(json))
    }

    pub(in crate::responses) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => string(text, out),
            Self::Parts(parts) => crate::responses::json::object_writer::array(parts, out, ContentPart::encode),
        }
    }
}
