//! How long the client waits before a retry.

use core::time::Duration;

/// The longest delay that the client chooses itself.
const MAX_DELAY: Duration = Duration::from_secs(7200);

/// Returns the delay before the retry of this number
/// ([docs/protocol.md §10.1](crate::docs::protocol#101-request-level-l1-http-only)): it doubles with each retry, and
/// varies by a tenth. `random` is at least 0 and less than 1. The delay is a whole number of milliseconds.
pub(super) fn delay(base: Duration, retry: u32, random: f64) -> Duration {
    let grown = base.saturating_mul(1_u32.checked_shl(retry.saturating_sub(1)).unwrap_or(u32::MAX));
    let varied = grown.min(MAX_DELAY).mul_f64(0.9 + 0.2 * random);
    Duration::from_millis(u64::try_from(varied.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_doubles_with_each_retry() {
        let delays = [1, 2, 3, 4].map(|retry| delay(Duration::from_millis(200), retry, 0.5).as_millis());
        assert_eq!(delays, [200, 400, 800, 1600]);
    }

    #[test]
    fn delay_varies_by_a_tenth() {
        let base = Duration::from_millis(1000);
        assert_eq!(delay(base, 1, 0.0), Duration::from_millis(900));
        assert!((1099..1100).contains(&delay(base, 1, 0.9999).as_millis()));
    }

    #[test]
    fn delay_of_many_retries_does_not_overflow() {
        assert_eq!(delay(Duration::from_secs(1), u32::MAX, 0.5), MAX_DELAY);
        assert_eq!(delay(Duration::MAX, 40, 0.5), MAX_DELAY);
    }
}
