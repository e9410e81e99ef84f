//! Reference implementation of the extension list parser, character by character after the grammar of RFC 6455 §9.1.

/// An extension and its parameters, each with an optional value.
pub type Extension = (String, Vec<(String, Option<String>)>);

/// Parses the extensions of one header field. An extension that does not match the grammar is `None`.
#[must_use]
pub fn extensions(line: &str) -> Vec<Option<Extension>> {
    let (mut elements, mut current) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for character in line.chars() {
        if character == ',' && !quoted {
            elements.push(core::mem::take(&mut current));
            continue;
        }
        current.push(character);
        if escaped {
            escaped = false;
        } else if quoted && character == '\\' {
            escaped = true;
        } else if character == '"' {
            quoted = !quoted;
        }
    }
    elements.push(current);
    elements.iter().map(|text| text.trim_matches([' ', '\t'])).filter(|text| !text.is_empty()).map(extension).collect()
}

fn extension(text: &str) -> Option<Extension> {
    let mut parts = text.split(';').map(|part| part.trim_matches([' ', '\t']));
    let name = token(parts.next()?)?;
    let parameters = parts.map(|part| match part.split_once('=') {
        None => Some((token(part)?, None)),
        Some((name, value)) => {
            let value = value.trim_start_matches([' ', '\t']);
            let value = match value.strip_prefix('"') {
                Some(rest) => rest.strip_suffix('"')?,
                None => value,
            };
            Some((token(name.trim_end_matches([' ', '\t']))?, Some(token(value)?)))
        }
    });
    Some((name, parameters.collect::<Option<_>>()?))
}

fn token(text: &str) -> Option<String> {
    let is_token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
    (!text.is_empty() && text.chars().all(is_token)).then(|| text.to_owned())
}
