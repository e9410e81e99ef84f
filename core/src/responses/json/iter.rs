//! Iterators over the members of an object and the elements of an array. They collect nothing, and stop at the first
//! byte that is not JSON; the checking functions report its position.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::lenient;
use super::malformed::Malformed;
use super::scan::{Cursor, Fault};

/// Returns the members of an object: each name, and each value as text.
pub(in crate::responses) fn members(object: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let mut values = Values::new(object, b'{');
    core::iter::from_fn(move || values.member())
}

/// Returns the elements of an array, as text.
pub(in crate::responses) fn elements(array: &str) -> impl Iterator<Item = &str> {
    let mut values = Values::new(array, b'[');
    core::iter::from_fn(move || values.element())
}

/// Returns where in an object the value of a member is. Of a duplicate member, the last one counts.
pub(in crate::responses) fn member_range(object: &str, name: &str) -> Option<Range<usize>> {
    let mut values = Values::new(object, b'{');
    let mut found = None;
    while let Some((key, value)) = values.member() {
        if key == name {
            found = Some(values.cursor.at - value.len()..values.cursor.at);
        }
    }
    found
}

/// Returns where in an array the element is that follows the one that ends at `behind`, or the first one if that is 0. That way, nothing
/// has to be kept of an array to read one element at a time.
pub(in crate::responses) fn element_range(array: &str, behind: usize) -> Option<Range<usize>> {
    let mut values = Values::new(array, b'[');
    (values.cursor.at, values.at_start) = (behind, behind == 0);
    let length = values.element()?.len();
    Some(values.cursor.at - length..values.cursor.at)
}

/// Calls `each` with the name and the text of each member of an object.
///
/// # Errors
///
/// Returns [`Malformed`] if the text is not one object. Members before the error were passed to `each`.
pub(in crate::responses) fn each_member<'a>(
    object: &'a str,
    mut each: impl FnMut(Cow<'a, str>, &'a str),
) -> Result<(), Malformed> {
    let mut values = Values::new(object, b'{');
    while let Some((name, value)) = values.member() {
        each(name, value);
    }
    values.check_end(b'}')
}

/// Calls `each` with the text of each element of an array.
///
/// # Errors
///
/// Returns [`Malformed`] if the text is not one array. Elements before the error were passed to `each`.
pub(in crate::responses) fn each_element<'a>(array: &'a str, mut each: impl FnMut(&'a str)) -> Result<(), Malformed> {
    let mut values = Values::new(array, b'[');
    while let Some(value) = values.element() {
        each(value);
    }
    values.check_end(b']')
}

/// Minimum number of elements of a list that is parsed element by element.
const MIN_ELEMENTS: usize = 4096;

/// Parses each element of an array. Returns `None` if the text is not an array, if an element cannot be parsed, or if there are so many
/// short elements that the parsed ones, each of a fixed size at least, would take much more memory than their text.
pub(in crate::responses) fn list<'a, T>(array: &'a str, mut each: impl FnMut(&'a str) -> Option<T>) -> Option<Vec<T>> {
    let mut count = 0_usize;
    each_element(array, |_| count += 1).ok()?;
    if count > MIN_ELEMENTS + array.len() / (8 * size_of::<T>().max(1)) {
        return None;
    }
    let mut values = Vec::with_capacity(count);
    for element in elements(array) {
        values.push(each(element)?);
    }
    Some(values)
}

/// Returns the first string in an array, at any depth, or the string itself. Nothing after it is parsed.
pub(in crate::responses) fn first_string(value: &str) -> Option<String> {
    let text = value.trim_start_matches([' ', '\t', '\r', '\n', '[']);
    let mut cursor = Cursor::new(text);
    if cursor.peek() != Some(b'"') {
        return None;
    }
    cursor.string().ok()?;
    lenient::read(&text[..cursor.at]).ok()
}

/// The values of one object or array.
struct Values<'a> {
    text: &'a str,
    cursor: Cursor<'a>,
    open: u8,
    /// The next byte is the opening bracket; otherwise a comma precedes the next value.
    at_start: bool,
    ended: bool,
    fault: Option<Fault>,
}

impl<'a> Values<'a> {
    const fn new(text: &'a str, open: u8) -> Self {
        Self { text, cursor: Cursor::new(text), open, at_start: true, ended: false, fault: None }
    }

    /// Moves to the next value. Returns whether there is one.
    fn advance(&mut self) -> bool {
        let separator = if self.at_start { self.open } else { b',' };
        if !self.ended && self.cursor.expect(separator).is_err() {
            self.ended = true;
            // Without another comma, the closing bracket must follow.
            self.fault = self.at_start.then_some(Fault::Json);
        }
        if !self.ended && self.at_start {
            self.ended = matches!(self.cursor.peek(), Some(b'}' | b']') | None);
        }
        self.at_start = false;
        !self.ended
    }

    fn member(&mut self) -> Option<(Cow<'a, str>, &'a str)> {
        if !self.advance() {
            return None;
        }
        let member = self.read_member();
        self.unless_faulty(member)
    }

    fn read_member(&mut self) -> Result<(Cow<'a, str>, &'a str), Fault> {
        self.cursor.peek();
        let start = self.cursor.at;
        let is_escaped = self.cursor.string()?;
        let quoted = &self.text[start..self.cursor.at];
        let name = if is_escaped {
            Cow::Owned(lenient::read(quoted).map_err(|_| Fault::Json)?)
        } else {
            Cow::Borrowed(&quoted[1..quoted.len() - 1])
        };
        self.cursor.expect(b':')?;
        Ok((name, self.value()?))
    }

    fn element(&mut self) -> Option<&'a str> {
        if !self.advance() {
            return None;
        }
        let value = self.value();
        self.unless_faulty(value)
    }

    fn unless_faulty<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        self.fault = result.as_ref().err().copied();
        self.ended = result.is_err();
        result.ok()
    }

    /// Checks that the values end with the closing bracket, and that nothing follows it.
    fn check_end(mut self, close: u8) -> Result<(), Malformed> {
        let end = self.fault.map_or_else(|| self.cursor.expect(close), Err);
        match end {
            Ok(()) if self.cursor.peek().is_none() => Ok(()),
            Ok(()) => Err(self.cursor.error(Fault::Json)),
            Err(fault) => Err(self.cursor.error(fault)),
        }
    }

    fn value(&mut self) -> Result<&'a str, Fault> {
        self.cursor.peek();
        let start = self.cursor.at;
        self.cursor.value()?;
        Ok(&self.text[start..self.cursor.at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_elements_are_those_of_the_outermost_value() {
        let object = r#" { "a" : 1 , "b\u0063":{"d":[2,{}]},"a":"x\"}" } "#;
        let read: Vec<_> = members(object).map(|(name, value)| (name.into_owned(), value)).collect();
        assert_eq!(
            read,
            [("a".into(), "1"), ("bc".into(), r#"{"d":[2,{}]}"#), ("a".into(), r#""x\"}""#)] as [(String, &str); 3]
        );
        assert_eq!(
            elements(r#"[ 1,"a,b" ,[2,3],{"c":4}]"#).collect::<Vec<_>>(),
            ["1", "\"a,b\"", "[2,3]", "{\"c\":4}"]
        );
        for empty in ["{}", "{ }", "[]", "", "5", "\"a\"", "{5", "null"] {
            assert_eq!(members(empty).count(), 0, "{empty}");
        }
        for empty in ["[]", "[ ]", "{}", "", "[", "]"] {
            assert_eq!(elements(empty).count(), 0, "{empty}");
        }
        assert_eq!(elements("[1,2,x,3]").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(members(r#"{"a":1,"b":}"#).count(), 1);
    }

    #[test]
    fn ranges_are_those_of_the_members_and_elements() {
        let object = r#" { "a" : 1 , "b\u0063":[2, {}] ,"a":"x" } "#;
        for (name, expected) in [("a", Some("\"x\"")), ("bc", Some("[2, {}]")), ("b", None)] {
            assert_eq!(member_range(object, name).map(|range| &object[range]), expected, "{name}");
        }
        for array in [r#"[ 1,"a,b" ,[2,3],{"c":4}]"#, "[]", "[ ]", "{}", "", "[1,2,x,3]", "[1 2]"] {
            let (mut read, mut behind) = (Vec::new(), 0);
            while let Some(range) = element_range(array, behind) {
                behind = range.end;
                read.push(&array[range]);
            }
            assert_eq!(read, elements(array).collect::<Vec<_>>(), "{array}");
        }
    }

    #[test]
    fn first_string_is_found_at_any_depth() {
        for (value, expected) in [
            (r#""a""#, Some("a")),
            (r#" [ ["\u0061", {"x":1}], "b"]"#, Some("a")),
            (r#"["a", not json"#, Some("a")),
            ("[]", None),
            ("[{}]", None),
            ("[1,\"a\"]", None),
            ("null", None),
            ("", None),
        ] {
            assert_eq!(first_string(value).as_deref(), expected, "{value}");
        }
    }
}
