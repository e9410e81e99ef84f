//! The turn token: a cell that is set once, bounded, and never shown.

use turnwire::turn::TurnToken;

#[test]
fn first_value_wins() {
    let mut token = TurnToken::new();
    assert!(token.set_once(""));
    assert!(!token.set_once("later"));
    assert_eq!(token.get(), Some(""));
}

#[test]
fn longest_token_is_kept_and_a_longer_one_is_not() {
    let longest = "x".repeat(TurnToken::LIMIT);
    let mut token = TurnToken::new();
    assert!(!token.set_once(&format!("{longest}x")));
    assert!(token.set_once(&longest));
    assert_eq!(token.get(), Some(&*longest));
}

#[test]
fn debug_does_not_show_the_token() {
    let mut token = TurnToken::new();
    token.set_once("secret-route");
    assert!(!format!("{token:?}").contains("secret-route"));
}
