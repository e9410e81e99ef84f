//! Reads the body of a `POST`, within a length and at a least rate.

use axum_core::body::Body;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::{Instant, timeout_at};
use turnwire::connection::server::Config;

/// Why a body was not read.
pub(crate) enum BodyError {
    TooLong,
    /// Too few bytes came in a period.
    TooSlow,
    /// The connection failed, or the body is invalid.
    Broken,
}

/// Reads a body of at most `max_body` bytes, of which each period of `timeouts.body` must bring `timeouts.min_rate` a second.
pub(crate) async fn read(body: Body, config: &Config) -> Result<Bytes, BodyError> {
    let length = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if length > config.max_body {
        return Err(BodyError::TooLong);
    }
    let period = config.timeouts.body;
    let millis = period.unwrap_or_default().as_millis();
    let quota = millis.saturating_mul(config.timeouts.min_rate.into()) / 1000;
    let end_of_period = || period.and_then(|period| Instant::now().checked_add(period));
    let mut body = Limited::new(body, config.max_body);
    let (mut bytes, mut left, mut until) = (Vec::new(), quota, end_of_period());
    loop {
        let frame = match until {
            Some(until) => timeout_at(until, body.frame()).await.map_err(|_| BodyError::TooSlow)?,
            None => body.frame().await,
        };
        let Some(frame) = frame else { return Ok(bytes.into()) };
        let is_too_long = |error: &(dyn core::error::Error + 'static)| error.is::<LengthLimitError>();
        let frame = frame.map_err(|error| if is_too_long(&*error) { BodyError::TooLong } else { BodyError::Broken })?;
        let Ok(data) = frame.into_data() else { continue };
        left = left.saturating_sub(data.len() as u128);
        if left == 0 {
            (left, until) = (quota, end_of_period());
        }
        bytes.extend_from_slice(&data);
    }
}
