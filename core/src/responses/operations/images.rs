//! Images: made from words, or from words and other images (`docs/protocol.md` §11.5).

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::json::lenient;
use crate::responses::operations::{Operation, json, unreadable};
use crate::responses::request::ItemEncoding;
use crate::responses::session::HeaderSet;

/// An image to be made. What is unset is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GenerateImage {
    /// What it shows.
    pub prompt: String,
    /// The model.
    pub model: String,
    /// `transparent`, `opaque` or `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<String>,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    /// `low`, `medium`, `high` or `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// Width and height: `1024x1024`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
}

/// Images to be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EditImage {
    /// The images.
    pub images: Vec<ImageSource>,
    /// What is to be made of them, and how.
    #[serde(flatten)]
    pub generate: GenerateImage,
}

/// An image that goes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSource {
    /// Where it is, often a data URL.
    pub image_url: String,
}

/// The images that came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Images {
    /// When they were made, in Unix seconds.
    pub created: u64,
    /// The images.
    pub data: Vec<Image>,
    /// Their background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<String>,
    /// Their quality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// Their size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
}

/// An image that came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The image, in base64.
    pub b64_json: String,
}

impl GenerateImage {
    /// An image of this, with everything else unset.
    #[must_use]
    pub fn new(model: &str, prompt: &str) -> Self {
        Self { prompt: prompt.into(), model: model.into(), background: None, n: None, quality: None, size: None }
    }
}

impl EditImage {
    /// These images, changed.
    #[must_use]
    pub fn new(generate: GenerateImage, image_urls: &[&str]) -> Self {
        let images = image_urls.iter().map(|url| ImageSource { image_url: (*url).into() }).collect();
        Self { images, generate }
    }
}

impl Images {
    /// Images that were made at this Unix time, each in base64.
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
