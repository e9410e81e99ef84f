//! Laws of the client over random runs, and over one turn with a connection loss at every byte.

use proptest::prelude::*;
use turnwire_tests::chunks::Chunks;
use turnwire_tests::laws::{client, cut, history};
use turnwire_tests::pair::Cut;

proptest! {
    #[test]
    fn random_run_ends_and_is_equal_for_all_splits(input in prop::collection::vec(any::<u8>(), 0..160)) {
        prop_assert_eq!(client::anything(&input), Ok(()));
    }

    #[test]
    fn history_that_is_shared_is_sent_like_a_copied_one(input in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert_eq!(history::shared(&input), Ok(()));
    }
}

/// Loses the first connection at every `step`th byte, in both directions.
fn everywhere(websocket: bool, retries: u32, step: usize) {
    let (pair, _) = cut::turn(websocket, retries, Cut::default(), &Chunks::Whole, &Chunks::Whole);
    let (up, down) = (pair.carried[0].0.len(), pair.carried[0].1.len());
    assert!(up > 500 && down > 500, "{up} {down}");
    let cuts = (0..=up).map(|at| Cut { up: Some(at), down: None });
    for cut in cuts.chain((0..=down).map(|at| Cut { up: None, down: Some(at) })).step_by(step) {
        if let Err(why) = cut::cut(websocket, retries, cut, &Chunks::Whole, &Chunks::Whole) {
            panic!("{cut:?}, {retries} retries: {why}");
        }
    }
}

#[test]
fn turn_over_websocket_survives_loss_at_every_byte() {
    everywhere(true, 0, 1);
    everywhere(true, 1, 7);
}

#[test]
fn turn_over_http_survives_loss_at_every_byte() {
    everywhere(false, 0, 1);
    everywhere(false, 1, 7);
}
