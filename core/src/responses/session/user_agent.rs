//! The process that sends requests: its name and its user agent
//! ([docs/protocol.md §2.6](crate::docs::protocol#26-originator-user-agent-residency)).

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

/// The process, as its requests identify it.
///
/// ```
/// use turnwire::responses::session::UserAgent;
///
/// let agent = UserAgent::new("my_client", "1.0");
/// assert_eq!(agent.user_agent(), "my_client/1.0 (unknown; unknown) unknown");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserAgent {
    /// The name.
    pub originator: String,
    /// Its version.
    pub version: String,
    /// The operating system and its version: `Debian 12.0.0`.
    pub system: String,
    /// The processor: `x86_64`.
    pub architecture: String,
    /// The terminal.
    pub terminal: String,
    /// An optional suffix in parentheses.
    pub suffix: Option<String>,
    /// The residency of its data: `us`.
    pub residency: Option<String>,
}

impl UserAgent {
    /// Creates a process with this name and version.
    #[must_use]
    pub fn new(originator: &str, version: &str) -> Self {
        Self {
            originator: originator.into(),
            version: version.into(),
            system: "unknown".into(),
            architecture: "unknown".into(),
            terminal: "unknown".into(),
            suffix: None,
            residency: None,
        }
    }

    /// Returns the user agent. Characters that headers cannot contain become `_`.
    #[must_use]
    pub fn user_agent(&self) -> String {
        let Self { originator, version, system, architecture, terminal, .. } = self;
        let mut text = alloc::format!("{originator}/{version} ({system}; {architecture}) {terminal}");
        if let Some(suffix) = &self.suffix {
            text.push_str(&alloc::format!(" ({suffix})"));
        }
        let printable = |c: char| if matches!(c, ' '..='~') { c } else { '_' };
        text.chars().map(printable).collect::<String>().trim().to_string()
    }

    /// Returns the headers that every request has unless another source sets them
    /// ([docs/protocol.md §2.1](crate::docs::protocol#21-precedence)).
    #[must_use]
    pub fn defaults(&self) -> Vec<(String, String)> {
        let mut fields = alloc::vec![
            ("originator".to_string(), self.originator.clone()),
            ("user-agent".to_string(), self.user_agent()),
        ];
        fields.extend(self.residency.clone().map(|place| ("x-openai-internal-codex-residency".to_string(), place)));
        fields
    }
}
