//! The total time of a request that is sent more than once (docs/differences.md row 63).

use std::time::Duration;

use turnwire::client::{Request, Settings};
use turnwire::responses::{FailureKind, RequestProgress};
use turnwire_tests::fixtures::{ask, created};
use turnwire_tests::pair::{Act, Kind, Pair, Script, http_provider, provider, with_retries};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn total_time_counts_from_the_first_attempt() {
    let broken = || vec![Act::Send(created("r")), Act::Wait(SECOND * 3 / 4), Act::Drop];
    let over_http = || [vec![Act::stream_with(&[])], broken()].concat();
    for (provider, kind, acts) in [(provider(), Kind::Text, broken()), (http_provider(), Kind::Post, over_http())] {
        let script = (0..20).fold(Script::new(), |script, _| script.on(kind, acts.clone()));
        let mut pair = Pair::new(with_retries(provider, 1000), Settings::default(), script);
        let (start, id) = (pair.now, pair.ask(Request::from(ask("one")).with_deadline(3 * SECOND)));
        pair.run_out();
        let failure = pair.failure(id);
        assert_eq!(failure.kind, FailureKind::DeadlineExceeded, "{kind:?}");
        assert_ne!(failure.progress, RequestProgress::NotSent, "{kind:?}");
        assert_eq!(pair.now.saturating_duration_since(start), 3 * SECOND, "{kind:?}");
        assert!(pair.dials.len() > 1, "{kind:?}: it was sent more than once");
    }
}
