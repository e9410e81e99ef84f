//! The received parts of a text or a call, and the identification of repetitions.

use turnwire::responses::{CustomToolCall, DeltaJoiner, FunctionCall, Item, ServerEvent};

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
    pub(super) received: String,
    /// The number of bytes of it that were shown: all, except half of a surrogate pair at its end.
    shown: usize,
    pub(super) joiner: DeltaJoiner,
    pub(super) stages: Stages,
}

impl TextPart {
    pub(super) fn new(kind: TextKind, key: Key) -> Self {
        let stages = Stages::default();
        Self { kind, key, received: String::new(), shown: 0, joiner: DeltaJoiner::new(), stages }
    }

    /// Returns what was shown.
    pub(super) fn shown(&self) -> &str {
        &self.received[..self.shown]
    }

    /// Returns what was received and not shown, and can be shown.
    pub(super) fn show(&mut self) -> Option<String> {
        let held = if self.joiner.is_split() { char::REPLACEMENT_CHARACTER.len_utf8() } else { 0 };
        self.show_until(self.received.len() - held)
    }

    /// Returns what was received and not shown.
    pub(super) fn show_all(&mut self) -> Option<String> {
        self.show_until(self.received.len())
    }

    /// Takes a whole text in place of what was received, if it continues what was shown. Returns what it adds.
    pub(super) fn replace(&mut self, text: &str) -> Option<String> {
        if !text.starts_with(self.shown()) {
            return self.show_all();
        }
        text.clone_into(&mut self.received);
        self.joiner = DeltaJoiner::new();
        self.show_all()
    }

    fn show_until(&mut self, end: usize) -> Option<String> {
        let start = core::mem::replace(&mut self.shown, end);
        self.received.get(start..end).filter(|text| !text.is_empty()).map(str::to_owned)
    }

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
    joiner: DeltaJoiner,
    pub(super) custom: bool,
    pub(super) complete: bool,
    pub(super) shown: bool,
    pub(super) stages: Stages,
}

impl Call {
    pub(super) fn new(key: Key, call_id: &str, name: &str, custom: bool) -> Self {
        let (call_id, name, arguments) = (call_id.to_owned(), name.to_owned(), String::new());
        let joiner = DeltaJoiner::new();
        Self { key, call_id, name, arguments, joiner, custom, complete: false, shown: false, stages: Stages::default() }
    }

    /// Appends the delta of an event to the arguments.
    pub(super) fn append(&mut self, event: &ServerEvent<'_>) {
        self.joiner.append(&mut self.arguments, event);
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
