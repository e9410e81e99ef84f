//! The turn token: set once, bounded, and hidden from `Debug`.

use turnwire::turn::Turn;

#[test]
fn first_value_wins() {
    let mut turn = Turn::new();
    assert!(turn.set_once(""));
    assert!(!turn.set_once("later"));
    assert_eq!(turn.token(), Some(""));
}

#[test]
fn longest_token_is_kept_and_a_longer_one_is_not() {
    let longest = "x".repeat(Turn::MAX_TOKEN);
    let mut turn = Turn::new();
    assert!(!turn.set_once(&format!("{longest}x")));
    assert!(turn.set_once(&longest));
    assert_eq!(turn.token(), Some(&*longest));
}

#[test]
fn debug_does_not_show_the_token() {
    let mut turn = Turn::new();
    turn.set_once("secret-route");
    assert!(!format!("{turn:?}").contains("secret-route"));
}
