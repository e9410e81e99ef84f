//! `Input`: the input of a request.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::responses::item::Item;

/// The input of a request: a text of the user, or items.
///
/// ```
/// use turnwire::responses::{CreateResponse, Item};
///
/// assert_eq!(CreateResponse::new("gpt-x", "ping").input, [Item::user("ping")]);
/// assert_eq!(CreateResponse::new("gpt-x", vec![Item::user("ping")]).input, [Item::user("ping")]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input(Vec<Item>);

impl Input {
    /// Returns the items.
    #[must_use]
    pub fn into_items(self) -> Vec<Item> {
        self.0
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self(vec![Item::user(text)])
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
        Self(vec![item])
    }
}

impl From<Vec<Item>> for Input {
    fn from(items: Vec<Item>) -> Self {
        Self(items)
    }
}

impl From<&[Item]> for Input {
    fn from(items: &[Item]) -> Self {
        Self(items.into())
    }
}

impl<const N: usize> From<[Item; N]> for Input {
    fn from(items: [Item; N]) -> Self {
        Self(items.into())
    }
}

impl FromIterator<Item> for Input {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}
