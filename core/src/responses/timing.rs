//! `TimingMetrics`: the durations of a response's phases, from `responsesapi.websocket_timing` (`docs/protocol.md`
//! §5.7).

use core::time::Duration;

use crate::responses::event::envelope::{Envelope, Member};
use crate::responses::json::iter::members;

/// The durations of a response's phases. A metric that is missing, negative or not finite is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimingMetrics {
    /// Time in the API itself, without the engine and the client's tools.
    pub overhead: Option<Duration>,
    /// Total time in the engine.
    pub engine: Option<Duration>,
    /// Time to the first token, measured by the API in front of the engine.
    pub api_first_token: Option<Duration>,
    /// Time to the first token, measured by the engine.
    pub engine_first_token: Option<Duration>,
    /// Time between tokens, measured by the API in front of the engine.
    pub api_between_tokens: Option<Duration>,
    /// Time between tokens, measured by the engine.
    pub engine_between_tokens: Option<Duration>,
}

impl TimingMetrics {
    /// Reads the metrics of an event. Returns `None` for another type of event, and for one without metrics.
    #[must_use]
    pub fn from_event(envelope: &Envelope<'_>) -> Option<Self> {
        if envelope.kind() != "responsesapi.websocket_timing" {
            return None;
        }
        let object = envelope.raw(Member::timing_metrics).filter(|metrics| metrics.starts_with('{'))?;
        let mut metrics = Self::default();
        for (name, value) in members(object) {
            let metric = match &*name {
                "responses_duration_excl_engine_and_client_tool_time_ms" => &mut metrics.overhead,
                "engine_service_total_ms" => &mut metrics.engine,
                "engine_iapi_ttft_total_ms" => &mut metrics.api_first_token,
                "engine_service_ttft_total_ms" => &mut metrics.engine_first_token,
                "engine_iapi_tbt_across_engine_calls_ms" => &mut metrics.api_between_tokens,
                "engine_service_tbt_across_engine_calls_ms" => &mut metrics.engine_between_tokens,
                _ => continue,
            };
            *metric = value.parse::<f64>().ok().and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok());
        }
        Some(metrics)
    }
}
