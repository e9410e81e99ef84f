//! Searches of the web and of files.

use alloc::string::String;

use crate::responses::record::record;

record! {
    /// A search of the web. Unset members are omitted.
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
        /// Whether the web itself is accessed.
        external_web_access: bool,
        /// Whether an index of the web is used.
        indexed_web_access: bool,
        /// The filters of results.
        filters: WebSearchFilters,
        /// The location of the user.
        user_location: UserLocation,
        /// The amount of context: `low`, `medium` or `high`.
        search_context_size: String,
        /// The types of results: `text`, `image`.
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
        /// The location of the user.
        user_location: UserLocation,
        /// The amount of context: `low`, `medium` or `high`.
        search_context_size: String,
        /// The types of results: `text`, `image`.
        search_content_types: [String],
    }
}

record! {
    /// The filters of a search of the web.
    ///
    /// ```
    /// use turnwire::responses::tool::WebSearchFilters;
    ///
    /// let filters = WebSearchFilters::new().allowed_domains(["example.com"]);
    /// assert_eq!(filters.to_raw().as_str(), r#"{"allowed_domains":["example.com"]}"#);
    /// ```
    #[derive(Debug, Default)]
    WebSearchFilters "" pub new() {
        /// The allowed domains, including their subdomains.
        allowed_domains: [String],
    }
}

record! {
    /// The approximate location of the user.
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
        /// The ranking of results.
        ranking_options: RankingOptions,
    }
}

record! {
    /// The ranking of the results of a search of files.
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
        /// The minimum score of results, 0 to 1.
        score_threshold: f64,
        /// The weights of semantic and text search.
        hybrid_search: HybridSearch,
    }
}

record! {
    /// The weights of semantic and text search.
    ///
    /// ```
    /// use turnwire::responses::tool::HybridSearch;
    ///
    /// let weights = HybridSearch::new(0.7, 0.3);
    /// assert_eq!(weights.to_raw().as_str(), r#"{"embedding_weight":0.7,"text_weight":0.3}"#);
    /// ```
    #[derive(Debug)]
    HybridSearch "" pub new(
        /// The weight of semantic search.
        embedding_weight: f64,
        /// The weight of text search.
        text_weight: f64
    ) {}
}

impl WebSearch {
    /// Sets the allowed domains.
    #[must_use]
    pub fn allowed_domains(self, domains: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.filters(WebSearchFilters::new().allowed_domains(domains))
    }
}
