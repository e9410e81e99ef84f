//! Searches of the web and of files.

use alloc::string::String;

use crate::responses::record::record;

record! {
    /// A search of the web. What is unset is left out.
    ///
    /// ```
    /// use turnwire::responses::tool::{UserLocation, WebSearch};
    ///
    /// let search = WebSearch::new().allowed_domains(["example.com"]).user_location(UserLocation::new().country("IT"));
    /// assert_eq!(
    ///     search.to_raw().as_str(),
    ///     r#"{"type":"web_search","filters":{"allowed_domains":["example.com"]},"user_location":{"type":"approximate","country":"IT"}}"#
    /// );
    /// ```
    #[derive(Debug, Default)]
    WebSearch "web_search" pub new() {
        /// Whether the web itself is used.
        external_web_access: bool,
        /// Whether an index of it is used.
        indexed_web_access: bool,
        /// What may be found.
        filters: WebSearchFilters,
        /// Where the user is.
        user_location: UserLocation,
        /// How much is read: `low`, `medium` or `high`.
        search_context_size: String,
        /// What may be found: `text`, `image`.
        search_content_types: [String],
    }
}

record! {
    /// A search of the web, as older models use it.
    ///
    /// ```
    /// use turnwire::responses::tool::WebSearchPreview;
    ///
    /// let search = WebSearchPreview::new().search_context_size("high");
    /// assert_eq!(search.to_raw().as_str(), r#"{"type":"web_search_preview","search_context_size":"high"}"#);
    /// ```
    #[derive(Debug, Default)]
    WebSearchPreview "web_search_preview" pub new() {
        /// Where the user is.
        user_location: UserLocation,
        /// How much is read: `low`, `medium` or `high`.
        search_context_size: String,
        /// What may be found: `text`, `image`.
        search_content_types: [String],
    }
}

record! {
    /// What a search of the web may find.
    ///
    /// ```
    /// use turnwire::responses::tool::WebSearchFilters;
    ///
    /// let filters = WebSearchFilters::new().allowed_domains(["example.com"]);
    /// assert_eq!(filters.to_raw().as_str(), r#"{"allowed_domains":["example.com"]}"#);
    /// ```
    #[derive(Debug, Default)]
    WebSearchFilters "" pub new() {
        /// These domains and those below them only.
        allowed_domains: [String],
    }
}

record! {
    /// Where the user is, approximately.
    ///
    /// ```
    /// use turnwire::responses::tool::UserLocation;
    ///
    /// let rome = UserLocation::new().country("IT").city("Rome").timezone("Europe/Rome");
    /// assert_eq!(rome.city.as_deref(), Some("Rome"));
    /// ```
    #[derive(Debug, Default)]
    UserLocation "approximate" pub new() {
        /// The country, as two letters.
        country: String,
        /// The region.
        region: String,
        /// The city.
        city: String,
        /// The IANA time zone.
        timezone: String,
    }
}

record! {
    /// A search of files in vector stores.
    ///
    /// ```
    /// use turnwire::responses::tool::FileSearch;
    ///
    /// let search = FileSearch::new(["vs_1"]).max_num_results(3);
    /// assert_eq!(
    ///     search.to_raw().as_str(),
    ///     r#"{"type":"file_search","vector_store_ids":["vs_1"],"max_num_results":3}"#
    /// );
    /// ```
    #[derive(Debug)]
    FileSearch "file_search" pub new(
        /// The vector stores.
        vector_store_ids: [String]
    ) {
        /// Conditions on the attributes of files: a comparison, or `and` and `or` of conditions.
        filters: RawJson,
        /// The maximum number of results.
        max_num_results: i64,
        /// How results are ranked.
        ranking_options: RankingOptions,
    }
}

record! {
    /// How the results of a search of files are ranked.
    ///
    /// ```
    /// use turnwire::responses::tool::{HybridSearch, RankingOptions};
    ///
    /// let ranking = RankingOptions::new().score_threshold(0.5).hybrid_search(HybridSearch::new(0.7, 0.3));
    /// assert_eq!(ranking.score_threshold, Some(0.5));
    /// ```
    #[derive(Debug, Default)]
    RankingOptions "" pub new() {
        /// The ranker: `auto` or a version.
        ranker: String,
        /// The score below which results are left out, 0 to 1.
        score_threshold: f64,
        /// How a search by meaning and one by words are weighed.
        hybrid_search: HybridSearch,
    }
}

record! {
    /// How a search by meaning and one by words are weighed.
    ///
    /// ```
    /// use turnwire::responses::tool::HybridSearch;
    ///
    /// let weights = HybridSearch::new(0.7, 0.3);
    /// assert_eq!(weights.to_raw().as_str(), r#"{"embedding_weight":0.7,"text_weight":0.3}"#);
    /// ```
    #[derive(Debug)]
    HybridSearch "" pub new(
        /// The weight of meaning.
        embedding_weight: f64,
        /// The weight of words.
        text_weight: f64
    ) {}
}

impl WebSearch {
    /// Sets the domains that may be found.
    #[must_use]
    pub fn allowed_domains(self, domains: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.filters(WebSearchFilters::new().allowed_domains(domains))
    }
}
