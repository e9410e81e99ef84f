//! Tools: builders of the shapes that requests carry ([docs/protocol.md §3.9](crate::docs::protocol#39-tools)). A
//! request takes any JSON for a tool; these write the known ones.

use alloc::string::String;
use alloc::vec::Vec;

use crate::responses::json::object_writer::{Object, array, string};
use crate::responses::json::raw::RawJson;

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Function {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether arguments must follow the schema.
    pub strict: bool,
    /// Whether it is loaded only when a search for tools finds it; left out when unset.
    pub defer_loading: Option<bool>,
    /// The JSON schema of its arguments.
    pub parameters: RawJson<'static>,
}

/// A search of the web. Each member is left out when unset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebSearch {
    /// Whether the web itself is used.
    pub external_web_access: Option<bool>,
    /// Whether an index of it is used.
    pub indexed_web_access: Option<bool>,
    /// These domains only.
    pub allowed_domains: Option<Vec<String>>,
    /// Where the user is, as JSON.
    pub user_location: Option<RawJson<'static>>,
    /// How much is read: `low`, `medium` or `high`.
    pub search_context_size: Option<String>,
    /// What may be found: `text`, `image`.
    pub search_content_types: Option<Vec<String>>,
}

/// The grammar of a custom tool's input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Format {
    /// `grammar`.
    pub kind: String,
    /// `lark` or `regex`.
    pub syntax: String,
    /// The grammar.
    pub definition: String,
}

impl Function {
    /// A function whose arguments follow this JSON schema.
    #[must_use]
    pub fn new(name: &str, description: &str, parameters: RawJson<'_>) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            strict: false,
            defer_loading: None,
            parameters: parameters.into_owned(),
        }
    }

    /// The same, with arguments that must follow the schema.
    #[must_use]
    pub const fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// The tool as JSON.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        built(|out| self.write(out))
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.string("type", "function");
        object.string("name", &self.name);
        object.string("description", &self.description);
        object.boolean("strict", self.strict);
        if let Some(defer) = self.defer_loading {
            object.boolean("defer_loading", defer);
        }
        object.raw("parameters", self.parameters.as_str());
        object.end();
    }
}

impl WebSearch {
    /// The tool as JSON.
    #[must_use]
    pub fn to_raw(&self) -> RawJson<'static> {
        built(|out| {
            let mut object = Object::new(out);
            object.string("type", "web_search");
            let flags =
                [("external_web_access", self.external_web_access), ("indexed_web_access", self.indexed_web_access)];
            for (key, value) in flags {
                if let Some(value) = value {
                    object.boolean(key, value);
                }
            }
            if let Some(domains) = &self.allowed_domains {
                let mut filters = Object::new(object.key("filters"));
                words(domains, filters.key("allowed_domains"));
                filters.end();
            }
            if let Some(location) = &self.user_location {
                object.raw("user_location", location.as_str());
            }
            object.optional("search_context_size", self.search_context_size.as_deref());
            if let Some(types) = &self.search_content_types {
                words(types, object.key("search_content_types"));
            }
            object.end();
        })
    }
}

impl Format {
    /// A grammar.
    #[must_use]
    pub fn grammar(syntax: &str, definition: &str) -> Self {
        Self { kind: "grammar".into(), syntax: syntax.into(), definition: definition.into() }
    }
}

/// Functions under one name.
#[must_use]
pub fn namespace(name: &str, description: &str, functions: &[Function]) -> RawJson<'static> {
    built(|out| {
        let mut object = Object::new(out);
        object.string("type", "namespace");
        object.string("name", name);
        object.string("description", description);
        object.array("tools", functions, Function::write);
        object.end();
    })
}

/// A search for tools: who searches (`client`, `server`), what it is for, and the JSON schema of its arguments.
#[must_use]
pub fn tool_search(execution: &str, description: &str, parameters: &RawJson<'_>) -> RawJson<'static> {
    built(|out| {
        let mut object = Object::new(out);
        object.string("type", "tool_search");
        object.string("execution", execution);
        object.string("description", description);
        object.raw("parameters", parameters.as_str());
        object.end();
    })
}

/// A tool whose input is text in a grammar.
#[must_use]
pub fn custom(name: &str, description: &str, format: &Format) -> RawJson<'static> {
    built(|out| {
        let mut object = Object::new(out);
        object.string("type", "custom");
        object.string("name", name);
        object.string("description", description);
        let mut inner = Object::new(object.key("format"));
        inner.string("type", &format.kind);
        inner.string("syntax", &format.syntax);
        inner.string("definition", &format.definition);
        inner.end();
        object.end();
    })
}

fn words(words: &[String], out: &mut Vec<u8>) {
    array(words, out, |word, out| string(word, out));
}

fn built(write: impl FnOnce(&mut Vec<u8>)) -> RawJson<'static> {
    let mut out = Vec::new();
    write(&mut out);
    RawJson::built(String::from_utf8(out).expect("JSON is written as UTF-8"))
}
