//! Images: generated from a prompt, or from a prompt and other images (`docs/protocol.md` §11.5).

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::json::lenient;
use crate::responses::operations::{Operation, json, unreadable};
use crate::responses::request::ItemEncoding;
use crate::responses::session::HeaderSet;

/// A request to generate images. Unset members are omitted.
///
/// ```
/// use turnwire::responses::operations::GenerateImage;
///
/// let mut generate = GenerateImage::new("gpt-image-x", "a cat");
/// generate.size = Some("1024x1024".into());
/// assert_eq!(generate.prompt, "a cat");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GenerateImage {
    /// The prompt.
    pub prompt: String,
    /// The model.
    pub model: String,
    /// `transparent`, `opaque` or `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<String>,
    /// The number of images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// `low`, `medium`, `high` or `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// Width and height: `1024x1024`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
}

/// A request to edit images.
///
/// ```
/// use turnwire::responses::operations::{EditImage, GenerateImage};
///
/// let edit = EditImage::new(GenerateImage::new("gpt-image-x", "a dog"), &["data:image/png;base64,AA=="]);
/// assert_eq!(edit.images.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EditImage {
    /// The input images.
    pub images: Vec<ImageSource>,
    /// The prompt and options.
    #[serde(flatten)]
    pub generate: GenerateImage,
}

/// An input image.
///
/// ```
/// use turnwire::responses::operations::ImageSource;
///
/// let source = ImageSource { image_url: "data:image/png;base64,AA==".into() };
/// assert!(source.image_url.starts_with("data:"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSource {
    /// The URL, often a data URL.
    pub image_url: String,
}

/// The generated images.
///
/// ```
/// use turnwire::responses::operations::{Image, Images};
///
/// let images = Images::new(1_767_225_600, vec![Image { b64_json: "AA==".into() }]);
/// assert_eq!(images.data.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Images {
    /// The time of creation, in Unix seconds.
    pub created: u64,
    /// The images.
    pub data: Vec<Image>,
    /// The background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<String>,
    /// The quality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// The size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
}

/// A generated image.
///
/// ```
/// use turnwire::responses::operations::Image;
///
/// assert_eq!(Image { b64_json: "AA==".into() }.b64_json, "AA==");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The image, in base64.
    pub b64_json: String,
}

impl GenerateImage {
    /// Creates a request with this prompt, and everything else unset.
    #[must_use]
    pub fn new(model: &str, prompt: &str) -> Self {
        Self { prompt: prompt.into(), model: model.into(), background: None, n: None, quality: None, size: None }
    }
}

impl EditImage {
    /// Creates a request to edit these images.
    #[must_use]
    pub fn new(generate: GenerateImage, image_urls: &[&str]) -> Self {
        let images = image_urls.iter().map(|url| ImageSource { image_url: (*url).into() }).collect();
        Self { images, generate }
    }
}

impl Images {
    /// Creates a result with this time of creation, in Unix seconds, and these images in base64.
    #[must_use]
    pub fn new(created: u64, data: Vec<Image>) -> Self {
        Self { created, data, background: None, quality: None, size: None }
    }

    /// Appends the body, as a server does.
    pub fn encode(&self, out: &mut Vec<u8>) {
        json(self, out);
    }
}

impl Operation for GenerateImage {
    type Answer = Images;

    const PATH: &'static str = "images/generations";
    const SURFACE: HeaderSet = HeaderSet::Images;

    fn encode(&self, _: ItemEncoding, out: &mut Vec<u8>) {
        json(self, out);
    }

    fn read(_: HeaderPairs<'_>, body: &str) -> Result<Images, Failure> {
        let what = "failed to decode image generation response: ";
        lenient::read(body).map_err(|error| unreadable(what, &error, body))
    }
}

impl Operation for EditImage {
    type Answer = Images;

    const PATH: &'static str = "images/edits";
    const SURFACE: HeaderSet = HeaderSet::Images;

    fn encode(&self, _: ItemEncoding, out: &mut Vec<u8>) {
        json(self, out);
    }

    fn read(_: HeaderPairs<'_>, body: &str) -> Result<Images, Failure> {
        lenient::read(body).map_err(|error| unreadable("failed to decode image edit response: ", &error, body))
    }
}
