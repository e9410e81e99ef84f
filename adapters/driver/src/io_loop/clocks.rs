//! `Clocks`: the wall clock beside the loop's clock, which may stand still while the machine sleeps.

use core::time::Duration;
use std::time::SystemTime;

use turnwire::time::Instant;

/// How much further than the loop's clock the wall clock moves on while a machine sleeps, at least. Corrections of the wall clock are
/// smaller.
const SLEEP: Duration = Duration::from_secs(30);

/// The wall clock and the loop's clock at the last poll.
#[derive(Debug, Default)]
pub(super) struct Clocks(Option<(SystemTime, Instant)>);

impl Clocks {
    /// Takes both clocks. Returns whether the machine was asleep since the last call.
    pub(super) fn were_apart(&mut self, wall: SystemTime, now: Instant) -> bool {
        self.0.replace((wall, now)).is_some_and(|last| was_asleep(last, (wall, now)))
    }
}

/// Returns whether the wall clock has moved on much further than the loop's clock, from one pair of times to the next.
fn was_asleep((last_wall, last): (SystemTime, Instant), (wall, now): (SystemTime, Instant)) -> bool {
    let passed = wall.duration_since(last_wall).unwrap_or_default();
    passed.saturating_sub(now.saturating_duration_since(last)) >= SLEEP
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::time::SystemTime;

    use super::was_asleep;
    use turnwire::time::Instant;

    #[test]
    fn wall_clock_runs_ahead_by_half_a_minute_machine_was_asleep() {
        let (wall, start) = (SystemTime::now(), Instant::ZERO);
        let asleep = |wall_seconds, seconds| {
            let later = (wall + Duration::from_secs(wall_seconds), start + Duration::from_secs(seconds));
            was_asleep((wall, start), later)
        };
        assert!(asleep(3600, 2) && asleep(31, 1) && asleep(30, 0));
        assert!(!asleep(29, 0) && !asleep(3600, 3590) && !asleep(3600, 3600) && !asleep(0, 3600));
        let set_back = (wall - Duration::from_secs(3600), start);
        assert!(!was_asleep((wall, start), set_back));
    }
}
