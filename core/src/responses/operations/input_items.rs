//! Lists the input of a stored response.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::stored::{included, path_of};
use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::item::{Item, parse_items};
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{ExtraMembers, Object, array};
use crate::responses::operations::{Operation, unreadable};
use crate::responses::request::ItemEncoding;
use crate::responses::session::HeaderSet;

/// Lists the input of a stored response, page by page: `GET responses/{id}/input_items`.
///
/// ```
/// use turnwire::responses::operations::{ListInputItems, Operation};
///
/// let first = ListInputItems::new("resp_1").limit(1).order("asc");
/// let page = ListInputItems::read(
///     &[],
///     r#"{"object":"list","data":[{"id":"msg_1","type":"message","role":"user","content":[]}],"last_id":"msg_1","has_more":true}"#,
/// )?;
/// let next = first.following(&page).expect("there is more");
/// assert_eq!(next.after.as_deref(), Some("msg_1"));
/// # Ok::<(), turnwire::responses::Failure>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListInputItems {
    /// The id of the response.
    pub id: String,
    /// The item after which the page begins; `None` means the first page.
    pub after: Option<String>,
    /// The maximum number of items per page, 1 to 100. Default: 20.
    pub limit: Option<u32>,
    /// `asc` or `desc`. Default: `desc`.
    pub order: Option<String>,
    /// Additional output.
    pub include: Vec<String>,
}

/// One page of the response to [`ListInputItems`].
///
/// ```
/// use turnwire::responses::{Item, operations::InputItems};
///
/// let page = InputItems::new(vec![Item::user("Hi")], false);
/// assert_eq!(page.data.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InputItems {
    /// The items.
    pub data: Vec<Item>,
    /// The id of the first item.
    pub first_id: Option<String>,
    /// The id of the last item.
    pub last_id: Option<String>,
    /// Whether another page follows.
    pub has_more: bool,
    /// Unknown members.
    pub extra: ExtraMembers,
}

impl ListInputItems {
    /// Creates the operation for a response with this id, from its first page on.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self { id: id.into(), after: None, limit: None, order: None, include: Vec::new() }
    }

    /// Sets the item after which the page begins.
    #[must_use]
    pub fn after(mut self, item_id: &str) -> Self {
        self.after = Some(item_id.into());
        self
    }

    /// Sets the maximum number of items per page.
    #[must_use]
    pub const fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Sets the order: `asc` or `desc`.
    #[must_use]
    pub fn order(mut self, order: &str) -> Self {
        self.order = Some(order.into());
        self
    }

    /// Sets additional output.
    #[must_use]
    pub fn include(mut self, include: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.include = include.into_iter().map(Into::into).collect();
        self
    }

    /// Returns the operation for the next page. `None` if this is the last one, or does not name the last item.
    #[must_use]
    pub fn following(&self, page: &InputItems) -> Option<Self> {
        let last = page.last_id.as_deref().or_else(|| page.data.last()?.id())?;
        // A server that repeats a page would cause an endless loop.
        let advances = self.after.as_deref() != Some(last);
        (page.has_more && advances).then(|| self.clone().after(last))
    }
}

impl InputItems {
    /// Creates a page with these items.
    #[must_use]
    pub fn new(data: Vec<Item>, has_more: bool) -> Self {
        let id = |item: Option<&Item>| item.and_then(Item::id).map(Into::into);
        Self { first_id: id(data.first()), last_id: id(data.last()), data, has_more, extra: ExtraMembers::new() }
    }

    /// Appends the body, as a server does.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.string("object", "list");
        array(&self.data, object.key("data"), Item::encode);
        object.nullable("first_id", self.first_id.as_deref());
        object.nullable("last_id", self.last_id.as_deref());
        object.boolean("has_more", self.has_more);
        object.extra(&self.extra);
        object.end();
    }
}

impl Operation for ListInputItems {
    type Answer = InputItems;

    const METHOD: &'static str = "GET";
    const PATH: &'static str = "responses/{id}/input_items";
    const SURFACE: HeaderSet = HeaderSet::Models;

    fn path(&self) -> Cow<'static, str> {
        path_of(&self.id, "/input_items")
    }

    fn query(&self) -> Vec<(String, String)> {
        let mut query = Vec::new();
        let mut push = |name: &str, value: Option<String>| query.extend(value.map(|value| (name.to_string(), value)));
        push("after", self.after.clone());
        push("limit", self.limit.map(|limit| limit.to_string()));
        push("order", self.order.clone());
        query.extend(included(&self.include));
        query
    }

    fn encode(&self, _: ItemEncoding, _: &mut Vec<u8>) {}

    fn read(_: HeaderPairs<'_>, body: &str) -> Result<InputItems, Failure> {
        let refuse = |why: Malformed| unreadable("", &why, body);
        let mut members = Members::untyped(body).map_err(refuse)?;
        let data = members.take("data").ok_or_else(|| refuse(Malformed::missing("list", "data")))?;
        let data = parse_items(data).map_err(refuse)?;
        members.take("object");
        let has_more: Option<bool> = members.optional_value("has_more");
        Ok(InputItems {
            data,
            first_id: members.optional_value("first_id"),
            last_id: members.optional_value("last_id"),
            has_more: has_more.unwrap_or(false),
            extra: members.rest(),
        })
    }
}
