//! The authentication schemes of a `Proxy-Authenticate` header (RFC 9110 §11.6.1, §11.7.1).

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::http::Headers;

/// How many schemes are kept.
const MAX_SCHEMES: usize = 8;
/// The longest name of a scheme that is kept.
const MAX_NAME: usize = 32;

/// Returns the names of the schemes, in their order and without repetitions.
pub(super) fn schemes(headers: &Headers) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for value in headers.get_all("proxy-authenticate").filter_map(|value| value.to_str()) {
        for element in elements(value) {
            let known = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
            if let Some(name) = scheme(element).filter(|name| !known(name)) {
                names.push(name.to_string());
            }
            if names.len() == MAX_SCHEMES {
                return names;
            }
        }
    }
    names
}

/// Splits a list at its commas, except those inside quoted strings (RFC 9110 §5.6.1, §5.6.4).
fn elements(value: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |character: char| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => return true,
            _ => {}
        }
        false
    })
}

/// Returns the scheme that begins in this element; none when the element is another parameter of the scheme before it.
fn scheme(element: &str) -> Option<&str> {
    let element = element.trim();
    let (name, rest) = element.split_once([' ', '\t']).unwrap_or((element, ""));
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    // A parameter may have white space before its "=" (RFC 9110 §11.2).
    (is_name && name.len() <= MAX_NAME && !rest.trim_start().starts_with('=')).then_some(name)
}
