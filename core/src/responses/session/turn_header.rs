//! The metadata of a turn as it is sent: a header, or a member of the metadata of a request.

use alloc::string::String;
use alloc::vec::Vec;

use super::session::Session;
use super::turn_metadata::{RESERVED, RequestKind, TurnMetadata};
use crate::responses::json::object_writer::Object;

impl Session {
    /// Returns the metadata as it is sent, in ASCII; `None` if the request has no kind.
    #[must_use]
    pub fn turn_metadata(&self, turn: &TurnMetadata) -> Option<String> {
        let kind = turn.kind?;
        let mut out = Vec::new();
        let mut object = Object::new(&mut out);
        if kind != RequestKind::Memory {
            object.string("installation_id", &self.installation_id);
            object.string("session_id", &self.session_id);
            object.string("thread_id", &self.thread_id);
            object.optional("agent_name", turn.agent_name.as_deref());
            object.optional("turn_id", turn.turn_id.as_deref());
            object.string("window_id", &self.window_id());
            if let Some(number) = turn.window_number {
                object.raw("window_number", &alloc::format!("{number}"));
            }
            object.optional("context_window_id", turn.context_window_id.as_deref());
        }
        object.string("request_kind", kind.name());
        object.optional("history_initialization", turn.history_initialization.as_deref());
        object.optional("root_turn_id", turn.root_turn_id.as_deref());
        object.optional("turn_trigger", turn.turn_trigger.as_deref());
        object.optional("forked_from_thread_id", turn.forked_from_thread_id.as_deref());
        object.optional("parent_thread_id", self.parent_thread_id.as_deref());
        object.optional("subagent_kind", self.source.kind());
        object.optional("thread_source", turn.thread_source.as_deref());
        object.optional("sandbox", turn.sandbox.as_deref());
        object.optional("sandbox_mode", turn.sandbox_mode.as_deref());
        if !turn.workspaces.is_empty() {
            let mut workspaces = Object::new(object.key("workspaces"));
            for (path, workspace) in &turn.workspaces {
                workspace.write(workspaces.key(path));
            }
            workspaces.end();
        }
        if let Some(started) = turn.turn_started_at_unix_ms {
            object.integer("turn_started_at_unix_ms", started);
        }
        if let Some(compaction) = turn.compaction.as_ref().filter(|_| kind == RequestKind::Compaction) {
            compaction.write(object.key("compaction"));
        }
        for (key, value) in turn.extra.iter().filter(|(key, _)| !RESERVED.contains(&&**key)) {
            object.raw(key, value.as_str());
        }
        object.end();
        Some(ascii(&out))
    }
}

/// Escapes JSON text to ASCII: other characters become UTF-16 units of four digits each, and so does DEL, which headers
/// cannot contain. Control characters are white space between tokens, and become spaces.
fn ascii(json: &[u8]) -> String {
    let text = core::str::from_utf8(json).expect("JSON is written as UTF-8");
    let mut ascii = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, ' '..='~') {
            ascii.push(c);
            continue;
        }
        if c < ' ' {
            ascii.push(' ');
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            ascii.push_str(&alloc::format!("\\u{unit:04x}"));
        }
    }
    ascii
}
