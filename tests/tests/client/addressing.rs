//! What a server says of one response is never delivered to another request: every order of up to eight messages in which a server can
//! answer two requests and two steering submissions.

use turnwire_tests::laws::addressing;

#[test]
fn no_order_of_messages_delivers_an_event_to_another_request() {
    // As many as there are: fewer would mean that the model has become smaller.
    assert_eq!(addressing::every(), [60, 1561]);
}

#[test]
fn longer_orders_deliver_no_event_to_another_request() {
    for seed in 0..200_u32 {
        let input: Vec<u8> =
            (0..24).map(|at| (seed.wrapping_mul(2_654_435_761).rotate_left(at * 5) >> 7) as u8).collect();
        addressing::anything(&input).expect("the law holds");
    }
}
