//! Where the time of a response went, as `responsesapi.websocket_timing` says it (`docs/protocol.md` §5.7).

use core::time::Duration;

use crate::responses::event::envelope::{Envelope, Member};
use crate::responses::json::members::Members;

/// Declares the metrics that are known.
macro_rules! timing {
    ($($(#[$doc:meta])* $name:ident: $wire:literal,)*) => {
        /// Where the time of a response went. What was not said, or makes no sense, is unset.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct TimingMetrics {
            $($(#[$doc])* pub $name: Option<Duration>,)*
        }

        impl TimingMetrics {
            /// The metrics of an event, unless it is of another kind or has none.
            #[must_use]
            pub fn from_event(envelope: &Envelope<'_>) -> Option<Self> {
                if envelope.kind() != "responsesapi.websocket_timing" {
                    return None;
                }
                let metrics = Members::pairs(envelope.raw(Member::timing_metrics)?).ok()?;
                let get = |name: &str| {
                    let (_, value) = metrics.iter().find(|(key, _)| key == name)?;
                    // Negative and infinite times are refused here as well.
                    Duration::try_from_secs_f64(value.parse::<f64>().ok()? / 1000.0).ok()
                };
                Some(Self { $($name: get($wire),)* })
            }
        }
    };
}

timing! {
    /// In the API itself, without the engine and the client's tools.
    overhead: "responses_duration_excl_engine_and_client_tool_time_ms",
    /// In the engine, all told.
    engine: "engine_service_total_ms",
    /// To the first token, as the API in front of the engine saw it.
    api_first_token: "engine_iapi_ttft_total_ms",
    /// To the first token, as the engine saw it.
    engine_first_token: "engine_service_ttft_total_ms",
    /// Between tokens, as the API in front of the engine saw it.
    api_between_tokens: "engine_iapi_tbt_across_engine_calls_ms",
    /// Between tokens, as the engine saw it.
    engine_between_tokens: "engine_service_tbt_across_engine_calls_ms",
}
