//! The input of a request as a sequence: equal to one of the same items however it was made, and never changed through a clone.

use turnwire::responses::Item;
use turnwire::responses::request::Input;

fn items(texts: &[&str]) -> Vec<Item> {
    texts.iter().map(|text| Item::user(text)).collect()
}

/// The same items, made in ways that group them differently.
fn made(texts: &[&str]) -> Vec<Input> {
    let whole: Input = items(texts).into();
    let mut pushed = Input::new();
    let mut shared = Input::new();
    let mut clones = Vec::new();
    let mut reversed = Input::new();
    let mut appended = Input::new();
    for text in texts {
        pushed.push(Item::user(text));
        shared.push(Item::user(text));
        clones.push(shared.clone());
        appended.append(items(&[text]).into());
    }
    for text in texts.iter().rev() {
        reversed.insert(0, Item::user(text));
        clones.push(reversed.clone());
    }
    // The clones show what the inputs were when they were made.
    for (length, clone) in clones.iter().take(texts.len()).enumerate() {
        assert_eq!(*clone, items(&texts[..=length]));
    }
    vec![whole, pushed, shared, reversed, appended]
}

/// Compares in all forms.
fn equals(input: &Input, list: &Vec<Item>) -> [bool; 4] {
    let slice = list.as_slice();
    [*input == *list, *input == *slice, *input == slice, *list == *input]
}

#[test]
fn inputs_are_equal_when_their_items_are() {
    let texts = ["a", "b", "c", "d"];
    for input in made(&texts) {
        assert_eq!((input.len(), input.is_empty()), (4, false));
        assert_eq!((input.first(), input.last()), (Some(&Item::user("a")), Some(&Item::user("d"))));
        assert_eq!(input.iter().len(), 4);
        assert!(input.iter().rev().eq(items(&["d", "c", "b", "a"]).iter()));
        let (mut both, mut left) = (input.iter(), 4);
        while both.next().is_some() && both.next_back().is_some() {
            left -= 2;
            assert_eq!(both.len(), left);
        }
        for other in made(&texts) {
            assert_eq!(input, other);
        }
        for other in [&["a", "b", "c"][..], &["a", "b", "c", "x"], &["x", "b", "c", "d"], &["a", "b", "c", "d", "e"]] {
            let list = items(other);
            for other in made(other) {
                assert_ne!(input, other);
            }
            assert_eq!(equals(&input, &list), [false; 4]);
        }
        let list = items(&texts);
        assert_eq!(equals(&input, &list), [true; 4]);
        assert!(input == [Item::user("a"), Item::user("b"), Item::user("c"), Item::user("d")]);
        assert!(input != [Item::user("a")]);
        assert_eq!(
            (input.to_vec(), Vec::from(input.clone()), input.clone().into_items()),
            (list.clone(), list.clone(), list)
        );
        assert_eq!(Input::from(&input), input);
    }
    assert_eq!(Input::from(&String::from("a")), items(&["a"]));
}

#[test]
fn insertion_and_truncation_leave_clones_as_they_were() {
    let texts = ["a", "b", "c"];
    for at in 0..=3 {
        for is_shared in [false, true] {
            for mut input in made(&texts) {
                let clone = is_shared.then(|| input.clone());
                input.insert(at, Item::user("new"));
                let mut expected = items(&texts);
                expected.insert(at, Item::user("new"));
                assert_eq!(input, expected, "{at} {is_shared}");
                for (index, item) in expected.iter().enumerate() {
                    assert_eq!(input.get(index), Some(item));
                }
                assert_eq!(input.get(4), None);
                input.truncate(at);
                expected.truncate(at);
                assert_eq!(input, expected, "{at} {is_shared}");
                assert!(clone.is_none_or(|clone| clone == items(&texts)), "{at}");
            }
        }
    }
}

#[test]
fn cleared_input_is_empty_and_its_clone_is_not() {
    for mut input in made(&["a", "b"]) {
        let clone = input.clone();
        input.clear();
        assert_eq!((input.is_empty(), input.len()), (true, 0));
        assert!(input.iter().next().is_none() && input.last().is_none());
        assert_eq!(clone, items(&["a", "b"]));
        input.push(Item::user("c"));
        assert_eq!(input, items(&["c"]));
    }
}

#[test]
fn input_is_read_from_an_array_of_items() {
    let input: Input = serde_json::from_str(r#"[{"type":"message","role":"user","content":"hi"}]"#).expect("an input");
    assert_eq!(input.len(), 1);
    let again: Input = serde_json::from_str(&serde_json::to_string(&input).expect("JSON")).expect("an input");
    assert_eq!(again, input);
}
