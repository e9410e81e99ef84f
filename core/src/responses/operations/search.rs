//! Search: queries and other commands (`docs/protocol.md` §11.4).

use alloc::string::String;
use alloc::vec::Vec;

use crate::by_members::{deserialize_by_members, serialize_by_members};
use crate::responses::HeaderPairs;
use crate::responses::failure::Failure;
use crate::responses::item::{Item, parse_input};
use crate::responses::json::lenient;
use crate::responses::json::malformed::Malformed;
use crate::responses::json::members::Members;
use crate::responses::json::object_writer::{Object, string};
use crate::responses::json::raw::RawJson;
use crate::responses::operations::{Operation, json, unreadable};
use crate::responses::request::{ItemEncoding, ReasoningOptions};
use crate::responses::session::HeaderSet;

/// A search. All members except id and model are omitted when unset.
///
/// ```
/// use turnwire::responses::operations::{Commands, Search};
///
/// let search = Search::new("search_1", "gpt-x", Commands::default());
/// assert_eq!(search.model, "gpt-x");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Search {
    /// Its id.
    pub id: String,
    /// The model.
    pub model: String,
    /// The reasoning options.
    pub reasoning: Option<ReasoningOptions>,
    /// The conversation for the search.
    pub input: Option<SearchInput>,
    /// The commands.
    pub commands: Option<Commands>,
    /// The settings.
    pub settings: Option<SearchSettings>,
    /// The maximum number of output tokens.
    pub max_output_tokens: Option<u64>,
}

/// A string, or items.
///
/// ```
/// use turnwire::responses::{Item, operations::{Commands, Search, SearchInput}};
///
/// let mut search = Search::new("search_1", "gpt-x", Commands::default());
/// search.input = Some(SearchInput::Items(vec![Item::user("What is new?")]));
/// assert!(search.input.is_some());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchInput {
    /// A string.
    Text(String),
    /// Items.
    Items(Vec<Item>),
}

/// The result of a search.
///
/// ```
/// use turnwire::responses::operations::SearchResults;
///
/// assert_eq!(SearchResults::new("nothing new").output, "nothing new");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchResults {
    /// The result as text.
    pub output: String,
    /// Data that only the server can decrypt.
    pub encrypted_output: Option<String>,
    /// The results as JSON. An empty list differs from a missing one.
    pub results: Option<Vec<RawJson<'static>>>,
}

deserialize_by_members! { SearchResults { output, encrypted_output = None, results = None } }
serialize_by_members! { SearchResults { output, encrypted_output; results } }

/// Declares a type whose optional members are omitted when unset. `name("wire")` gives a member another name in JSON.
macro_rules! json {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$need_doc:meta])* $need:ident $(($wire:literal))?: $need_type:ty,)* ; $($(#[$may_doc:meta])* $may:ident: $may_type:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$need_doc])* pub $need: $need_type,)*
            $($(#[$may_doc])* pub $may: Option<$may_type>,)*
        }

        deserialize_by_members! { $name { $($need $(($wire))?,)* $($may = None,)* } }
        serialize_by_members! { $name { $($need $(($wire))?,)*; $($may,)* } }
    };
}

json! {
    /// Commands: of each kind, none or several.
    Commands {
        ;
        /// Searches of the web.
        search_query: Vec<Query>,
        /// Searches for images.
        image_query: Vec<Query>,
        /// Pages to open.
        open: Vec<Open>,
        /// Links to follow.
        click: Vec<Click>,
        /// Text to find in a page.
        find: Vec<Find>,
        /// Screenshots of pages.
        screenshot: Vec<Screenshot>,
        /// Prices to look up.
        finance: Vec<Finance>,
        /// Weather to look up.
        weather: Vec<Weather>,
        /// Games to look up.
        sports: Vec<Sports>,
        /// Times to look up.
        time: Vec<TimeZone>,
        /// The length of the response: `short`, `medium` or `long`.
        response_length: String,
    }
}

json! {
    /// A query.
    Query {
        /// The text.
        q: String,
        ;
        /// The maximum age of results in days.
        recency: i64,
        /// The domains to search.
        domains: Vec<String>,
    }
}

json! {
    /// A page to open.
    Open {
        /// The page, by reference.
        ref_id: String,
        ;
        /// The first line.
        lineno: i64,
    }
}

json! {
    /// A link to follow.
    Click {
        /// The page, by reference.
        ref_id: String,
        /// The link.
        id: i64,
        ;
    }
}

json! {
    /// Text to find in a page.
    Find {
        /// The page, by reference.
        ref_id: String,
        /// The text.
        pattern: String,
        ;
    }
}

json! {
    /// A screenshot of a page.
    Screenshot {
        /// The document, by reference.
        ref_id: String,
        /// The page's number.
        pageno: i64,
        ;
    }
}

json! {
    /// A price to look up.
    Finance {
        /// The ticker.
        ticker: String,
        /// `equity`, `fund`, `crypto` or `index`.
        r#type("type"): String,
        ;
        /// The market.
        market: String,
    }
}

json! {
    /// Weather to look up.
    Weather {
        /// The location.
        location: String,
        ;
        /// The first day.
        start: String,
        /// The number of days.
        duration: i64,
    }
}

json! {
    /// Games to look up.
    Sports {
        /// `schedule` or `standings`.
        r#fn("fn"): String,
        /// `nba`, `wnba`, `nfl`, `nhl`, `mlb`, `epl`, `ncaamb`, `ncaawb` or `ipl`.
        league: String,
        ;
        /// `sports`.
        tool: String,
        /// The team.
        team: String,
        /// The opponent.
        opponent: String,
        /// The first day.
        date_from: String,
        /// The last day.
        date_to: String,
        /// The maximum number of games.
        num_games: i64,
        /// The locale.
        locale: String,
    }
}

json! {
    /// A time to look up.
    TimeZone {
        /// The offset from UTC: `+03:00`.
        utc_offset: String,
        ;
    }
}

json! {
    /// Settings of a search.
    SearchSettings {
        ;
        /// The location of the user.
        user_location: Approximate,
        /// The amount of context: `low`, `medium` or `high`.
        search_context_size: String,
        /// The allowed and blocked domains.
        filters: Filters,
        /// Settings of images in the results.
        image_settings: ImageSettings,
        /// The allowed callers: `direct`, `shell`, `code_interpreter`.
        allowed_callers: Vec<String>,
        /// Whether the web itself is accessed: `true`, `false`, `"cached"`, `"indexed"` or `"live"`, as JSON.
        external_web_access: RawJson<'static>,
    }
}

json! {
    /// The approximate location of the user.
    Approximate {
        /// `approximate`.
        r#type("type"): String,
        ;
        /// The country's code.
        country: String,
        /// The region.
        region: String,
        /// The city.
        city: String,
        /// The time zone's name.
        timezone: String,
    }
}

json! {
    /// The allowed and blocked domains.
    Filters {
        ;
        /// Allowed domains.
        allowed_domains: Vec<String>,
        /// Blocked domains.
        blocked_domains: Vec<String>,
    }
}

json! {
    /// Settings of images in the results.
    ImageSettings {
        ;
        /// The maximum number.
        max_results: i64,
        /// Whether they have captions.
        caption: bool,
    }
}

impl Search {
    /// Creates a search with these commands.
    #[must_use]
    pub fn new(id: &str, model: &str, commands: Commands) -> Self {
        Self {
            id: id.into(),
            model: model.into(),
            reasoning: None,
            input: None,
            commands: Some(commands),
            settings: None,
            max_output_tokens: None,
        }
    }

    /// Reads a body, as a server does.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when the text is no JSON object, or a member is missing or has another type.
    pub fn parse(json: &str) -> Result<Self, Malformed> {
        let mut members = Members::parse(json)?;
        let input = match members.take("input") {
            Some(text) if text.starts_with('"') => Some(SearchInput::Text(
                serde_json::from_str(text).map_err(|_| Malformed::wrong_type("search", "input"))?,
            )),
            Some(text) => Some(SearchInput::Items(parse_input(text)?)),
            None => None,
        };
        Ok(Self {
            id: members.required("id")?,
            model: members.required("model")?,
            reasoning: members.take("reasoning").map(ReasoningOptions::parse).transpose()?,
            input,
            commands: members.optional("commands")?,
            settings: members.optional("settings")?,
            max_output_tokens: members.optional("max_output_tokens")?,
        })
    }
}

impl Query {
    /// Creates a query for this text, without limits on domain and age.
    #[must_use]
    pub fn new(q: &str) -> Self {
        Self { q: q.into(), ..Self::default() }
    }
}

impl SearchResults {
    /// Creates a result with this text.
    #[must_use]
    pub fn new(output: &str) -> Self {
        Self { output: output.into(), encrypted_output: None, results: None }
    }

    /// Appends the body, as a server does.
    pub fn encode(&self, out: &mut Vec<u8>) {
        json(self, out);
    }
}

impl Operation for Search {
    type Answer = SearchResults;

    const PATH: &'static str = "alpha/search";
    const SURFACE: HeaderSet = HeaderSet::Search;

    fn encode(&self, wire: ItemEncoding, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.string("id", &self.id);
        object.string("model", &self.model);
        if let Some(reasoning) = &self.reasoning {
            reasoning.clone().for_wire().write(object.key("reasoning"));
        }
        match &self.input {
            Some(SearchInput::Text(text)) => string(text, object.key("input")),
            Some(SearchInput::Items(items)) => object.array("input", items, |item, out| item.encode_for(wire, out)),
            None => {}
        }
        if let Some(commands) = &self.commands {
            json(commands, object.key("commands"));
        }
        if let Some(settings) = &self.settings {
            json(settings, object.key("settings"));
        }
        if let Some(limit) = self.max_output_tokens {
            json(&limit, object.key("max_output_tokens"));
        }
        object.end();
    }

    fn read(_: HeaderPairs<'_>, body: &str) -> Result<SearchResults, Failure> {
        lenient::read(body).map_err(|error| unreadable("failed to decode search response: ", &error, body))
    }
}
