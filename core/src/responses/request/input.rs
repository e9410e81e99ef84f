//! `Input`: the items of a request, which its copies share.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::iter::Flatten;
use core::ops::Index;
use core::slice;

use crate::responses::item::Item;

/// The input of a request: a text of the user, or items.
///
/// A clone shares the items that there are, whatever their number. What is appended to either of the two afterwards belongs to that
/// one alone. An application that keeps a conversation in an `Input`, or in a whole request, therefore sends it without copying
/// it, and the client knows without comparing them that the shared items are the same as in the previous request.
///
/// ```
/// use turnwire::responses::{CreateResponse, Item};
///
/// let mut request = CreateResponse::new("gpt-x", "ping");
/// let sent = request.clone();
/// request.input.push(Item::user("and now?"));
/// assert_eq!(sent.input, [Item::user("ping")]);
/// assert_eq!(request.input, vec![Item::user("ping"), Item::user("and now?")]);
/// ```
#[derive(Clone, Default)]
pub struct Input {
    /// The items in order. No part is empty.
    parts: Vec<Part>,
}

/// Consecutive items. They do not change while they are shared.
#[derive(Clone)]
struct Part {
    items: Arc<Vec<Item>>,
    /// The number of items up to the end of this part.
    end: usize,
}

impl Input {
    /// Creates an empty input.
    #[must_use]
    pub const fn new() -> Self {
        Self { parts: Vec::new() }
    }

    /// Returns the number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.last().map_or(0, |part| part.end)
    }

    /// Returns whether there are no items.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns the item at this position.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Item> {
        let part = self.parts.get(self.part_of(index))?;
        part.items.get(index - part.start())
    }

    /// Returns the first item.
    #[must_use]
    pub fn first(&self) -> Option<&Item> {
        self.get(0)
    }

    /// Returns the last item.
    #[must_use]
    pub fn last(&self) -> Option<&Item> {
        self.parts.last()?.items.last()
    }

    /// Returns the items.
    #[must_use]
    pub fn iter(&self) -> Items<'_> {
        Items { items: self.parts.iter().flatten(), left: self.len() }
    }

    /// Appends an item.
    pub fn push(&mut self, item: Item) {
        self.insert(self.len(), item);
    }

    /// Appends the items of another input, which goes on sharing them with its clones.
    pub fn append(&mut self, other: Self) {
        let before = self.len();
        self.parts.extend(other.parts.into_iter().map(|part| Part { end: before + part.end, ..part }));
    }

    /// Inserts an item before the one at this position, or at the end. Items that are shared and were added together are copied if
    /// the position is between two of them.
    ///
    /// # Panics
    ///
    /// If the position is beyond the end.
    pub fn insert(&mut self, index: usize, item: Item) {
        assert!(index <= self.len(), "the position {index} is beyond the end");
        // The part that ends there takes it, if it is not shared.
        let at = self.part_of(index.saturating_sub(1));
        let start = self.parts.get(at).map_or(0, Part::start);
        match self.parts.get_mut(at) {
            Some(part) if !part.is_shared() || (0 < index && index < part.end) => {
                Arc::make_mut(&mut part.items).insert(index - start, item);
                self.move_ends(at, 1);
            }
            // Between shared parts, before or behind them.
            _ => {
                let at = if index == 0 { 0 } else { at + 1 };
                self.parts.insert(at, Part { items: Arc::new(vec![item]), end: index });
                self.move_ends(at, 1);
            }
        }
    }

    /// Removes all items behind the first `length`. Shared items before that position are copied only if they were added together with
    /// items behind it.
    pub fn truncate(&mut self, length: usize) {
        let at = self.part_of(length);
        let Some(part) = self.parts.get_mut(at) else { return };
        let kept = length - part.start();
        if kept == 0 {
            return self.parts.truncate(at);
        }
        match Arc::get_mut(&mut part.items) {
            Some(items) => items.truncate(kept),
            None => part.items = Arc::new(part.items[..kept].to_vec()),
        }
        part.end = length;
        self.parts.truncate(at + 1);
    }

    /// Removes all items.
    pub fn clear(&mut self) {
        self.parts.clear();
    }

    /// Changes the items as one vector, in any way. Those that are shared are copied first.
    pub fn with_items<R>(&mut self, change: impl FnOnce(&mut Vec<Item>) -> R) -> R {
        let mut items = core::mem::take(self).into_items();
        let result = change(&mut items);
        *self = items.into();
        result
    }

    /// Returns the items. Those that are shared are copied.
    #[must_use]
    pub fn into_items(self) -> Vec<Item> {
        let length = self.len();
        let mut parts =
            self.parts.into_iter().map(|part| Arc::try_unwrap(part.items).unwrap_or_else(|items| items.to_vec()));
        let mut all = parts.next().unwrap_or_default();
        all.reserve(length - all.len());
        parts.for_each(|mut part| all.append(&mut part));
        all
    }

    /// Returns a copy of the items.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Item> {
        self.iter().cloned().collect()
    }

    /// Takes the input apart into the items that nothing else holds, and those that are shared, in order.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = Result<Vec<Item>, Self>> {
        self.parts.into_iter().map(|part| {
            let shared = |items: Arc<Vec<Item>>| Self { parts: vec![Part { end: items.len(), items }] };
            Arc::try_unwrap(part.items).map_err(shared)
        })
    }

    /// Returns the items from this position on.
    pub(crate) fn iter_from(&self, index: usize) -> impl Iterator<Item = &Item> {
        let parts = self.parts.get(self.part_of(index)..).unwrap_or_default();
        let skipped = parts.first().map_or(0, |part| index - part.start());
        parts.iter().flatten().skip(skipped)
    }

    /// Changes the items for which `needs_change` holds. Parts without such items stay shared.
    pub(crate) fn change_where(&mut self, needs_change: impl Fn(&Item) -> bool, change: impl Fn(&mut Item)) {
        for part in self.parts.iter_mut().filter(|part| part.items.iter().any(&needs_change)) {
            Arc::make_mut(&mut part.items).iter_mut().for_each(&change);
        }
    }

    /// Returns whether the items from this position on begin with `others`, as `equal` decides. Shared items are not compared.
    pub(crate) fn continues_with(&self, from: usize, others: &Self, equal: impl Fn(&Item, &Item) -> bool) -> bool {
        if self.len() < from + others.len() {
            return false;
        }
        let at = self.part_of(from);
        let skipped = self.parts.get(at).map_or(0, |part| from - part.start());
        let (mut these, mut those) = (Cursor(&self.parts[at..], skipped), Cursor(&others.parts, 0));
        while let (Some(this), Some(that)) = (these.rest(), those.rest()) {
            let length = this.len().min(that.len());
            // Items of the same allocation at the same address are the same items.
            let same = core::ptr::eq(this[..length].as_ptr(), that[..length].as_ptr());
            if !same && !this.iter().zip(that).all(|(this, that)| equal(this, that)) {
                return false;
            }
            these.advance(length);
            those.advance(length);
        }
        true
    }

    /// Returns the index of the part that contains the item at this position.
    fn part_of(&self, index: usize) -> usize {
        self.parts.partition_point(|part| part.end <= index)
    }

    /// Moves the ends of all parts from this one on.
    fn move_ends(&mut self, from: usize, by: usize) {
        for part in &mut self.parts[from..] {
            part.end += by;
        }
    }
}

impl Part {
    fn is_shared(&self) -> bool {
        Arc::strong_count(&self.items) > 1
    }

    fn start(&self) -> usize {
        self.end - self.items.len()
    }
}

/// A position in a sequence of parts: the parts from there on, and the number of items before it in the first of them.
struct Cursor<'a>(&'a [Part], usize);

impl<'a> Cursor<'a> {
    /// Returns the items of the current part from the position on; none is at the end.
    fn rest(&self) -> Option<&'a [Item]> {
        Some(&self.0.first()?.items[self.1..])
    }

    /// Moves on by at most the rest of the current part.
    fn advance(&mut self, length: usize) {
        self.1 += length;
        if let [first, rest @ ..] = self.0
            && self.1 == first.items.len()
        {
            *self = Self(rest, 0);
        }
    }
}

/// The items of an [`Input`].
#[derive(Clone)]
pub struct Items<'a> {
    items: Flatten<slice::Iter<'a, Part>>,
    left: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a Item;

    fn next(&mut self) -> Option<&'a Item> {
        let item = self.items.next()?;
        self.left -= 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl DoubleEndedIterator for Items<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let item = self.items.next_back()?;
        self.left -= 1;
        Some(item)
    }
}

impl ExactSizeIterator for Items<'_> {}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> IntoIterator for &'a Part {
    type Item = &'a Item;
    type IntoIter = slice::Iter<'a, Item>;

    fn into_iter(self) -> slice::Iter<'a, Item> {
        self.items.iter()
    }
}

impl<'a> IntoIterator for &'a Input {
    type Item = &'a Item;
    type IntoIter = Items<'a>;

    fn into_iter(self) -> Items<'a> {
        self.iter()
    }
}

impl IntoIterator for Input {
    type Item = Item;
    type IntoIter = vec::IntoIter<Item>;

    fn into_iter(self) -> vec::IntoIter<Item> {
        self.into_items().into_iter()
    }
}

impl Index<usize> for Input {
    type Output = Item;

    fn index(&self, index: usize) -> &Item {
        self.get(index).expect("the index is less than the number of items")
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().fmt(f)
    }
}

impl Extend<Item> for Input {
    fn extend<I: IntoIterator<Item = Item>>(&mut self, items: I) {
        match self.parts.last_mut().and_then(|part| Arc::get_mut(&mut part.items)) {
            Some(last) => {
                let before = last.len();
                last.extend(items);
                let added = last.len() - before;
                self.move_ends(self.parts.len() - 1, added);
            }
            None => self.append(items.into_iter().collect()),
        }
    }
}

impl FromIterator<Item> for Input {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Self {
        Vec::from_iter(items).into()
    }
}

impl PartialEq for Input {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.continues_with(0, other, Item::eq)
    }
}

impl Eq for Input {}

impl PartialEq<[Item]> for Input {
    fn eq(&self, other: &[Item]) -> bool {
        self.iter().eq(other)
    }
}

impl PartialEq<&[Item]> for Input {
    fn eq(&self, other: &&[Item]) -> bool {
        self == *other
    }
}

impl<const N: usize> PartialEq<[Item; N]> for Input {
    fn eq(&self, other: &[Item; N]) -> bool {
        self == other.as_slice()
    }
}

impl PartialEq<Vec<Item>> for Input {
    fn eq(&self, other: &Vec<Item>) -> bool {
        self == other.as_slice()
    }
}

impl PartialEq<Input> for Vec<Item> {
    fn eq(&self, other: &Input) -> bool {
        other == self
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Item::user(text).into()
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for Input {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Item> for Input {
    fn from(item: Item) -> Self {
        vec![item].into()
    }
}

impl From<Vec<Item>> for Input {
    fn from(items: Vec<Item>) -> Self {
        let end = items.len();
        if end == 0 { Self::new() } else { Self { parts: vec![Part { items: Arc::new(items), end }] } }
    }
}

impl From<&[Item]> for Input {
    fn from(items: &[Item]) -> Self {
        items.to_vec().into()
    }
}

impl<const N: usize> From<[Item; N]> for Input {
    fn from(items: [Item; N]) -> Self {
        Vec::from(items).into()
    }
}

impl From<&Self> for Input {
    fn from(input: &Self) -> Self {
        input.clone()
    }
}

impl From<Input> for Vec<Item> {
    fn from(input: Input) -> Self {
        input.into_items()
    }
}

/// As an array of items.
impl serde_core::Serialize for Input {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

/// From an array of items.
impl<'de> serde_core::Deserialize<'de> for Input {
    fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}
