//! How each kind of member is read from an item and written to one.

/// Declares a way: the type, its reading and its writing.
macro_rules! way {
    ($(#[$doc:meta])* $name:ident: $type:ty, |$members:ident, $key:ident| $read:expr, |$object:ident, $value:ident| $write:expr) => {
        $(#[$doc])*
        pub(in crate::responses) mod $name {
            #[expect(unused_imports, reason = "each way needs some of them")]
            use {
                alloc::string::String,
                alloc::vec::Vec,
                crate::responses::item::part::{ContentPart, ToolOutput},
                crate::responses::item::types::LocalShellAction,
                crate::responses::json::malformed::Malformed,
                crate::responses::json::members::Members,
                crate::responses::json::raw::RawJson,
                crate::responses::json::object_writer::{Object, array},
            };

            type Value = $type;

            pub(crate) fn read($members: &mut Members<'_>, $key: &'static str) -> Result<Value, Malformed> {
                $read
            }

            pub(crate) fn write($object: &mut Object<'_>, $key: &str, $value: &Value) {
                $write
            }
        }
    };
}

way! {
    /// A string that must be there.
    text: String, |members, key| members.required(key), |object, value| object.string(key, value)
}
way! {
    /// A string that is left out when unset.
    optional: Option<String>, |members, key| members.optional(key), |object, value| object.optional(key, value.as_deref())
}
way! {
    /// A string that is `null` when unset.
    nullable: Option<String>, |members, key| members.optional(key), |object, value| object.nullable(key, value.as_deref())
}
way! {
    /// Any JSON that must be there.
    raw: RawJson<'static>, |members, key| members.required_raw(key), |object, value| object.raw(key, value.as_str())
}
way! {
    /// Any JSON that is left out when unset.
    optional_raw: Option<RawJson<'static>>, |members, key| members.optional_raw(key), |object, value| {
        if let Some(value) = value {
            object.raw(key, value.as_str());
        }
    }
}
way! {
    /// An array of any JSON.
    raws: Vec<RawJson<'static>>, |members, key| members.required(key), |object, value| {
        object.array(key, value, |raw, out| out.extend_from_slice(raw.as_str().as_bytes()));
    }
}
way! {
    /// An array of parts.
    parts: Vec<ContentPart>, |members, key| members.required_list(key, ContentPart::parse), |object, value| {
        object.array(key, value, ContentPart::encode);
    }
}
way! {
    /// A reasoning's content (`docs/protocol.md` §3.4.1).
    reasoning: Option<Vec<ContentPart>>, |members, key| members.optional_list(key, ContentPart::parse), |object, value| match value {
        None => object.raw(key, "null"),
        Some(parts) if parts.iter().all(|part| part.is_text("text")) => {}
        Some(parts) => object.array(key, parts, ContentPart::encode),
    }
}
way! {
    /// A tool's output.
    output: ToolOutput, |members, key| {
        let raw = members.required_raw(key)?;
        ToolOutput::parse(members.kind(), raw.as_str())
    }, |object, value| value.encode(object.key(key))
}
way! {
    /// What a local shell call does.
    action: LocalShellAction, |members, key| {
        let raw = members.required_raw(key)?;
        let mut inner = Members::parse(raw.as_str())?;
        if inner.kind() != "exec" {
            return Ok(LocalShellAction::Other(raw));
        }
        Ok(LocalShellAction::Exec {
            command: inner.required("command")?,
            timeout_ms: inner.optional("timeout_ms")?,
            working_directory: inner.optional("working_directory")?,
            env: inner.optional_raw("env")?,
            user: inner.optional("user")?,
            extra: inner.rest(),
        })
    }, |object, value| match value {
        LocalShellAction::Other(raw) => object.raw(key, raw.as_str()),
        LocalShellAction::Exec { command, timeout_ms, working_directory, env, user, extra } => {
            let mut inner = Object::new(object.key(key));
            inner.string("type", "exec");
            inner.array("command", command, |word, out| crate::responses::json::object_writer::string(word, out));
            match timeout_ms {
                Some(limit) => inner.integer("timeout_ms", *limit),
                None => inner.raw("timeout_ms", "null"),
            }
            inner.nullable("working_directory", working_directory.as_deref());
            inner.raw("env", env.as_ref().map_or("null", RawJson::as_str));
            inner.nullable("user", user.as_deref());
            inner.extra(extra);
            inner.end();
        }
    }
}
