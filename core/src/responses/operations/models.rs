//! The model catalogue (`docs/protocol.md` §11.3).

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use super::model::Model;
use super::operation::{Operation, unreadable};
use crate::by_members::deserialize_by_members;
use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::headers::field;
use crate::responses::json::lenient;
use crate::responses::json::object_writer::Object;
use crate::responses::json::raw::RawJson;
use crate::responses::request::ItemEncoding;
use crate::responses::session::HeaderSet;

/// Asks for the catalogue.
///
/// ```
/// use turnwire::responses::operations::{ListModels, Operation};
///
/// let list = ListModels { client_version: "1.2.3".into() };
/// assert_eq!(list.query(), [("client_version".to_string(), "1.2.3".to_string())]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListModels {
    /// The version of the client, which the catalogue depends on.
    pub client_version: String,
}

/// The catalogue.
///
/// ```
/// use turnwire::responses::operations::Models;
///
/// let mut body = Vec::new();
/// Models::new(Vec::new(), None).encode(&mut body);
/// assert_eq!(body, br#"{"models":[]}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Models {
    /// The models.
    pub models: Vec<Model>,
    /// The catalogue's tag, quotes and all. It has changed when a response names another one.
    pub etag: Option<String>,
}

impl Models {
    /// These models.
    #[must_use]
    pub const fn new(models: Vec<Model>, etag: Option<String>) -> Self {
        Self { models, etag }
    }

    /// Appends the body, as a server does; the tag is the `ETag` header's.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.array("models", &self.models, |model, out| out.extend_from_slice(model.raw().as_str().as_bytes()));
        object.end();
    }
}

impl Operation for ListModels {
    type Answer = Models;

    const METHOD: &'static str = "GET";
    const PATH: &'static str = "models";
    const SURFACE: HeaderSet = HeaderSet::Models;

    fn query(&self) -> Vec<(String, String)> {
        alloc::vec![("client_version".to_string(), self.client_version.clone())]
    }

    fn timeout(_: Duration) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }

    fn encode(&self, _: ItemEncoding, _: &mut Vec<u8>) {}

    fn read(fields: HeaderPairs<'_>, body: &str) -> Result<Models, Failure> {
        struct ModelList {
            models: Vec<RawJson<'static>>,
        }

        deserialize_by_members! { ModelList { models } }

        let what = "failed to decode models response: ";
        let list: ModelList = lenient::read(body).map_err(|error| unreadable(what, &error, body))?;
        let models = list.models.iter().map(|model| Model::parse(model.as_str())).collect::<Result<_, _>>();
        let models = models.map_err(|why| unreadable(what, &why, body))?;
        Ok(Models { models, etag: field(fields, "etag").map(String::from) })
    }
}
