//! Which texts an event may be: those that `serde_json` reads, and a few that servers send nevertheless (docs/differences.md row 45).

use turnwire::responses::{Envelope, Malformed, ServerEvent};

/// Values that are no JSON.
const REFUSED: &[&str] = &[
    "",
    "01",
    "-01",
    "00",
    "-",
    "+1",
    ".5",
    "1.",
    "1.e5",
    "1e",
    "1e+",
    "0x10",
    "1_000",
    "--1",
    "1-",
    "tru",
    "nul",
    "falsey",
    "True",
    "undefined",
    "NaNs",
    "'a'",
    "a",
    "\"",
    "\"a",
    "\"\\",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\U0041\"",
    "\"\n\"",
    "\"\t\"",
    "\"\u{0}\"",
    "\"\u{1f}\"",
    "[",
    "]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1,,2]",
    "[}",
    "[1}",
    "{",
    "}",
    "{]",
    "{\"a\":1]",
    "[1,2}",
    "[{\"a\":[1]]}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\" 1}",
    "{\"a\":1,}",
    "{,}",
    "{\"a\":1 \"b\":2}",
    "{a:1}",
    "{1:1}",
    "{null:1}",
    "{\"a\":[1,{]}}",
    "//c\n1",
    "1 /*c*/",
    "\u{feff}1",
    "\u{a0}1",
];

/// Values that are JSON.
const TAKEN: &[&str] = &[
    "0",
    "-0",
    "0.0",
    "0e0",
    "10",
    "-1.25e-10",
    "1E+9",
    "1e9",
    "123456789012345678901234567890",
    "true",
    "false",
    "null",
    "\"\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
    "\"\u{7f}é🙂\"",
    "[]",
    "[ ]",
    "{}",
    "{ }",
    "[[],{},[{}]]",
    "{\"a\":{\"b\":[1,\"c\",null]}}",
    " 1 ",
    "\t\n\r 1",
    "[1 , 2]",
    "{ \"a\" : 1 , \"b\" : 2 }",
];

fn event(value: &str) -> String {
    format!("{{\"type\":\"response.future\",\"x\":{value},\"y\":1}}")
}

#[test]
fn event_with_a_member_that_is_no_json_is_malformed() {
    for value in REFUSED {
        let text = event(value);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_err(), "the example is JSON: {text}");
        for found in [Envelope::scan(&text).map(|_| ()), ServerEvent::parse(&text).map(|_| ())] {
            assert!(matches!(found, Err(Malformed::InvalidJson { .. })), "{text}: {found:?}");
        }
    }
}

#[test]
fn event_with_a_member_of_any_json_is_read() {
    for value in TAKEN {
        let text = event(value);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "the example is no JSON: {text}");
        assert_eq!(
            Envelope::scan(&text).map(|envelope| envelope.kind().to_owned()),
            Ok("response.future".into()),
            "{text}"
        );
    }
}

#[test]
fn event_with_other_text_behind_it_is_malformed() {
    let whole = event("1");
    for rest in ["x", "}", "{}", "]", ",", "0", "null", "\u{0}", "\u{b}", "\"\"", "//", &whole] {
        for between in ["", " ", "\n"] {
            let text = format!("{whole}{between}{rest}");
            let offset = whole.len() + between.len();
            let found = Envelope::scan(&text).map(|_| ());
            assert_eq!(found, Err(Malformed::InvalidJson { offset }), "{text}");
            assert!(ServerEvent::parse(&text).is_err(), "{text}");
        }
    }
    for space in [" ", "\n", "\r\n", "\t \t"] {
        assert!(Envelope::scan(&format!("{space}{whole}{space}")).is_ok());
    }
}

#[test]
fn event_cut_anywhere_is_malformed() {
    let whole = event(r#"{"a":[1.5e3,"b\u00e9\n",true,null,{}]}"#);
    for end in 0..whole.len() {
        let Some(text) = whole.get(..end) else { continue };
        assert!(Envelope::scan(text).is_err(), "{text}");
    }
}

/// A quote, a backslash or a control character is found at each place of a string, whatever its length.
#[test]
fn string_of_any_length_ends_where_its_quote_is() {
    for length in 0..160 {
        let plain = "a".repeat(length);
        for behind in [0, 1, 7, 8, 31, 32, 40] {
            let more = "b".repeat(behind);
            for (inside, is_json) in
                [("\\\"", true), ("\\n", true), ("é", true), ("\u{7f}", true), ("\u{1f}", false), ("\n", false)]
            {
                let text = event(&format!("\"{plain}{inside}{more}\""));
                assert_eq!(Envelope::scan(&text).is_ok(), is_json, "{text}");
            }
            let text = event(&format!("\"{plain}\"{more}"));
            assert_eq!(Envelope::scan(&text).is_ok(), behind == 0, "{text}");
        }
    }
}
