//! The check of a server that no object of a message has duplicate members
//! ([docs/differences.md row 45](crate::docs::differences)).

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use core::fmt;

use serde_core::Deserializer;
use serde_core::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::malformed::Malformed;
use crate::by_members::Name;

/// Marks the error of a duplicate member; its name follows.
const REPEATED: &str = "repeated member ";

/// Checks that the text is JSON, and that no object in it has a duplicate member.
pub(in crate::responses) fn check(text: &str) -> Result<(), Malformed> {
    let mut reader = serde_json::Deserializer::from_str(text);
    Value.deserialize(&mut reader).and_then(|()| reader.end()).map_err(|error| {
        let words = alloc::format!("{error}");
        match words.strip_prefix(REPEATED) {
            Some(rest) => Malformed::duplicate(rest.rsplit_once(" at line ").map_or(rest, |(member, _)| member)),
            None => Malformed::json(&error),
        }
    })
}

/// Any value.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names: BTreeSet<Cow<'de, str>> = BTreeSet::new();
        while let Some(Name(name)) = members.next_key()? {
            if names.contains(&name) {
                return Err(A::Error::custom(alloc::format!("{REPEATED}{name}")));
            }
            names.insert(name);
            members.next_value_seed(Self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_member_is_refused_at_any_depth() {
        for (text, member) in
            [(r#"{"a":1,"a":2}"#, "a"), (r#"{"a":[{"b":1,"c":{"d":1,"d":1}}]}"#, "d"), (r#"{"a":1,"\u0061":2}"#, "a")]
        {
            assert_eq!(check(text), Err(Malformed::duplicate(member)), "{text}");
        }
        assert_eq!(check(r#"{"a":{"a":1},"b":{"a":1.5,"c":null,"d":true,"e":-1,"f":"x"}}"#), Ok(()));
        assert!(matches!(check(r#"{"a":NaN}"#), Err(Malformed::InvalidJson { .. })));
        assert!(matches!(check(r#"{"a":1} x"#), Err(Malformed::InvalidJson { .. })));
    }
}
