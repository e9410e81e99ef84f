//! The members of a request that one which continues its response must have as well
//! ([docs/protocol.md §9.5](crate::docs::protocol#95-incremental-requests)).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::create_response::CreateResponse;
use crate::responses::json::object_writer::{Object, string};

impl CreateResponse {
    /// Returns the members that are compared: all but the input, the previous response, the metadata and the options of the stream. They are
    /// written as they are sent, into one text: a request has some thirty members, of which most are unset, and the text takes a tenth
    /// of their memory.
    pub(crate) fn comparable(&self) -> Box<[u8]> {
        let mut out = Vec::new();
        let mut object = Object::new(&mut out);
        object.string("model", &self.model);
        object.string("instructions", &self.instructions);
        if let Some(tools) = &self.tools {
            object.array("tools", tools, |tool, out| out.extend_from_slice(tool.as_str().as_bytes()));
        }
        object.raw("tool_choice", self.tool_choice.as_str());
        object.boolean("parallel_tool_calls", self.parallel_tool_calls);
        if let Some(reasoning) = &self.reasoning {
            reasoning.write(object.key("reasoning"));
        }
        object.boolean("store", self.store);
        object.boolean("stream", self.stream);
        object.array("include", &self.include, |word, out| string(word, out));
        object.optional("service_tier", self.service_tier.as_deref());
        object.optional("prompt_cache_key", self.prompt_cache_key.as_deref());
        if let Some(text) = &self.text {
            text.write(object.key("text"));
        }
        object.end();
        // Each kind in an object of its own, so that an unknown member is not taken for a known one.
        let mut object = Object::new(&mut out);
        self.write_public(&mut object);
        object.end();
        let mut object = Object::new(&mut out);
        for (name, value) in &self.extra {
            object.raw(name, value.as_str());
        }
        object.end();
        out.into_boxed_slice()
    }
}
