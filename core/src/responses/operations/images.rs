//! Images: generated from a prompt, or from a prompt and other images (`docs/protocol.md` §11.5).

use alloc::string::String;
use alloc::vec::Vec;

use serde_core::{Deserialize, Deserializer, Serialize, Serializer};

use crate::by_members::{deserialize_by_members, serialize_by_members};
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GenerateImage {
    /// The prompt.
    pub prompt: String,
    /// The model.
    pub model: String,
    /// `transparent`, `opaque` or `auto`.
    pub background: Option<String>,
    /// The number of images.
    pub n: Option<u64>,
    /// `low`, `medium`, `high` or `auto`.
    pub quality: Option<String>,
    /// Width and height: `1024x1024`.
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EditImage {
    /// The input images.
    pub images: Vec<ImageSource>,
    /// The prompt and options.
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Images {
    /// The time of creation, in Unix seconds.
    pub created: u64,
    /// The images.
    pub data: Vec<Image>,
    /// The background.
    pub background: Option<String>,
    /// The quality.
    pub quality: Option<String>,
    /// The size.
    pub size: Option<String>,
}

/// A generated image.
///
/// ```
/// use turnwire::responses::operations::Image;
///
/// assert_eq!(Image { b64_json: "AA==".into() }.b64_json, "AA==");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The image, in base64.
    pub b64_json: String,
}

deserialize_by_members! {
    GenerateImage { prompt, model, background = None, n = None, quality = None, size = None }
}
serialize_by_members! { GenerateImage { prompt, model; background, n, quality, size } }

deserialize_by_members! { ImageSource { image_url } }
serialize_by_members! { ImageSource { image_url } }

deserialize_by_members! { Images { created, data, background = None, quality = None, size = None } }
serialize_by_members! { Images { created, data; background, quality, size } }

deserialize_by_members! { Image { b64_json } }
serialize_by_members! { Image { b64_json } }

impl<'de> Deserialize<'de> for EditImage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Flat {
            images: Vec<ImageSource>,
            prompt: String,
            model: String,
            background: Option<String>,
            n: Option<u64>,
            quality: Option<String>,
            size: Option<String>,
        }

        deserialize_by_members! {
            Flat { images, prompt, model, background = None, n = None, quality = None, size = None }
        }

        let Flat { images, prompt, model, background, n, quality, size } = Deserialize::deserialize(deserializer)?;
        Ok(Self { images, generate: GenerateImage { prompt, model, background, n, quality, size } })
    }
}

impl Serialize for EditImage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Flat<'a> {
            images: &'a [ImageSource],
            prompt: &'a str,
            model: &'a str,
            background: Option<&'a str>,
            n: Option<u64>,
            quality: Option<&'a str>,
            size: Option<&'a str>,
        }

        serialize_by_members! { Flat<'_> { images, prompt, model; background, n, quality, size } }

        let GenerateImage { prompt, model, background, n, quality, size } = &self.generate;
        let (background, quality, size) = (background.as_deref(), quality.as_deref(), size.as_deref());
        Flat { images: &self.images, prompt, model, background, n: *n, quality, size }.serialize(serializer)
    }
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
