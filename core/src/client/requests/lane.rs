//! Names of lanes.

use alloc::string::String;

/// A lane of a WebSocket: our name for a `stream_id`. The default lane has no name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::client) struct LaneId(Option<String>);

impl LaneId {
    pub(in crate::client) fn new(name: Option<&str>) -> Self {
        Self(name.map(String::from))
    }

    pub(in crate::client) fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    pub(in crate::client) fn is(&self, name: Option<&str>) -> bool {
        self.name() == name
    }
}
