//! The received parts of a text or a call, and the identification of repetitions.

use turnwire::responses::{CustomToolCall, FunctionCall, Item};

use super::{Piece, TextKind};

/// How a server names a text or a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) index: Option<i64>,
    pub(super) part: Option<i64>,
}

impl Key {
    pub(super) fn of(id: Option<&str>, index: Option<i64>, part: Option<i64>) -> Self {
        Self { id: id.filter(|id| !id.is_empty()).map(str::to_owned), index, part }
    }

    /// Returns whether both name the same thing; `None` if they have nothing to compare.
    pub(super) fn same(&self, other: &Self) -> Option<bool> {
        if let (Some(one), Some(other)) = (self.part, other.part)
            && one != other
        {
            return Some(false);
        }
        let id = self.id.as_ref().zip(other.id.as_ref()).map(|(one, other)| one == other);
        let index = self.index.zip(other.index).map(|(one, other)| one == other);
        match (id, index) {
            (None, None) => None,
            (id, index) => Some(id == Some(true) || index == Some(true)),
        }
    }

    /// Returns whether the indexes say that the two are different things, and no id says otherwise.
    pub(super) fn is_elsewhere(&self, other: &Self) -> bool {
        let differ = |one: Option<i64>, other: Option<i64>| one.zip(other).is_some_and(|(one, other)| one != other);
        (differ(self.index, other.index) || differ(self.part, other.part)) && !self.same_id(other)
    }

    pub(super) fn same_id(&self, other: &Self) -> bool {
        self.id.is_some() && self.id == other.id && (self.part.is_none() || self.part == other.part)
    }
}

/// Where a text or a call was repeated as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// In the event that ends the text.
    Text,
    /// In the event that ends the part.
    Part,
    /// In its finished item.
    Item,
    /// In the response's `output`.
    Output,
}

/// In which stages something was repeated.
pub(super) type Stages = [bool; 4];

#[derive(Debug)]
pub(super) struct TextPart {
    pub(super) kind: TextKind,
    pub(super) key: Key,
    pub(super) shown: String,
    pub(super) stages: Stages,
}

impl TextPart {
    /// Returns whether deltas may still extend this text.
    pub(super) const fn is_open(&self) -> bool {
        let [text, part, item, output] = self.stages;
        !(text || part || item || output)
    }

    /// Returns whether an item contains this text.
    pub(super) const fn in_item(&self) -> bool {
        self.stages[Stage::Item as usize] || self.stages[Stage::Output as usize]
    }
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) key: Key,
    pub(super) call_id: String,
    pub(super) name: String,
    pub(super) arguments: String,
    pub(super) custom: bool,
    pub(super) complete: bool,
    pub(super) shown: bool,
    pub(super) stages: Stages,
}

impl Call {
    pub(super) fn new(key: Key, call_id: &str, name: &str, custom: bool) -> Self {
        let (call_id, name, arguments) = (call_id.to_owned(), name.to_owned(), String::new());
        Self { key, call_id, name, arguments, custom, complete: false, shown: false, stages: Stages::default() }
    }

    /// Handles the end of the arguments.
    pub(super) fn done(&mut self, name: Option<&str>, arguments: Option<&str>) {
        self.complete = true;
        if let Some(name) = name {
            name.clone_into(&mut self.name);
        }
        if let Some(arguments) = arguments {
            arguments.clone_into(&mut self.arguments);
        }
    }

    pub(super) fn piece(&self) -> Piece {
        let (name, arguments) = (self.name.clone(), self.arguments.clone());
        Piece::Call { name, arguments, complete: self.complete }
    }

    pub(super) fn into_item(self) -> Item {
        if self.custom {
            Item::CustomToolCall(CustomToolCall::new(&self.call_id, &self.name, &self.arguments))
        } else {
            Item::FunctionCall(FunctionCall::new(&self.call_id, &self.name, &self.arguments))
        }
    }
}

/// A call as an item has it.
pub(super) struct SeenCall<'a> {
    pub(super) key: Key,
    pub(super) call_id: &'a str,
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
    pub(super) custom: bool,
}
