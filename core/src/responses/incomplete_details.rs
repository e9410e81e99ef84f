//! `IncompleteDetails`: why a response is incomplete.

use alloc::string::String;

use crate::responses::record::record;

record! {
    /// The reason why a response is incomplete.
    ///
    /// ```
    /// use turnwire::responses::IncompleteDetails;
    ///
    /// let details = IncompleteDetails::new().reason("max_output_tokens");
    /// assert_eq!(details.to_raw().as_str(), r#"{"reason":"max_output_tokens"}"#);
    /// ```
    #[derive(Debug, Default, Eq)]
    IncompleteDetails "" pub new() {
        /// `max_output_tokens`, `content_filter`, `max_messages`, `steered`, `interrupted`, or another word.
        reason: String,
    }
}
