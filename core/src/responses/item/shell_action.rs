//! The action of a local shell call.

use alloc::string::String;
use alloc::vec::Vec;

use super::field_codec::FieldCodec;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Member, Object, string};
use crate::responses::json::raw::RawJson;

/// The action of a local shell call.
///
/// ```
/// use turnwire::responses::LocalShellAction;
///
/// let LocalShellAction::Exec { command, .. } = LocalShellAction::exec(vec!["ls".into()]) else { panic!("a command") };
/// assert_eq!(command, ["ls"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalShellAction {
    /// Runs a command.
    Exec {
        /// The program and its arguments.
        command: Vec<String>,
        /// The timeout in milliseconds.
        timeout_ms: Option<i64>,
        /// The working directory.
        working_directory: Option<String>,
        /// Its environment: an object of strings.
        env: Option<RawJson<'static>>,
        /// The user that runs it.
        user: Option<String>,
        /// Members that are not known here.
        extra: ExtraMembers,
    },
    /// Another action, unchanged.
    Other(RawJson<'static>),
}

impl LocalShellAction {
    /// Runs a command, with everything else unset.
    #[must_use]
    pub const fn exec(command: Vec<String>) -> Self {
        Self::Exec {
            command,
            timeout_ms: None,
            working_directory: None,
            env: None,
            user: None,
            extra: ExtraMembers::new(),
        }
    }
}

/// The action of a local shell call.
pub(in crate::responses) struct Action;

impl FieldCodec for Action {
    type Value = LocalShellAction;

    fn read(members: &mut Members<'_>, key: &'static str) -> Result<LocalShellAction, Malformed> {
        let json = members.take(key).ok_or_else(|| Malformed::missing(members.kind(), key))?;
        Ok(exec(json).unwrap_or_else(|| LocalShellAction::Other(RawJson::trusted(json).into_owned())))
    }

    fn write(object: &mut Object<'_>, member: Member, value: &LocalShellAction) {
        match value {
            LocalShellAction::Other(raw) => object.member(member).extend_from_slice(raw.as_str().as_bytes()),
            LocalShellAction::Exec { command, timeout_ms, working_directory, env, user, extra } => {
                let mut inner = Object::new(object.member(member));
                inner.string("type", "exec");
                inner.array("command", command, |word, out| string(word, out));
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
}

/// Reads an `exec` action.
fn exec(json: &str) -> Option<LocalShellAction> {
    let mut inner = Members::parse(json).ok()?;
    if inner.kind() != "exec" {
        return None;
    }
    Some(LocalShellAction::Exec {
        command: inner.required_value("command").ok()?,
        timeout_ms: inner.optional("timeout_ms").ok()?,
        working_directory: inner.optional("working_directory").ok()?,
        env: inner.optional_raw("env").ok()?,
        user: inner.optional("user").ok()?,
        extra: inner.rest(),
    })
}
