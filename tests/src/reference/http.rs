//! Reference implementation of the `http` layer after RFC 9112: works on the whole input, rule by rule.

use turnwire::http::{BodyLimits, Error, Framing, HeadLimits, Protocol, Version};

use crate::laws::http::{Limits, Lines, Message, Outcome, Side, Start};

/// Decodes a connection's bytes, with the same result type as [`laws::http::read`](crate::laws::http::read).
#[must_use]
pub fn read(side: Side<'_>, limits: Limits, input: &[u8], most: usize) -> Outcome {
    let (mut messages, mut rest, mut finals) = (Vec::new(), input, 0);
    let mut result = Ok(());
    while finals < most {
        let (head, after) = match head(side, limits.heads, rest) {
            Ok(Some(found)) => found,
            other => {
                result = other.map(|_| ());
                break;
            }
        };
        let (message, after, whole) = message(side, limits, head, after);
        let Some(message) = message else {
            result = whole;
            break;
        };
        rest = after;
        finals += usize::from(!message.is_interim());
        let last = message.is_last(side);
        let until_close = message.framing == Some(Framing::CloseDelimited);
        messages.push(message);
        if whole.is_err() {
            result = whole;
            break;
        }
        if last || until_close {
            finals = most;
        }
    }
    let done = finals >= most && result.is_ok();
    Outcome { messages, error: result.err(), leftover: if done { rest.len() } else { 0 } }
}

/// A head and the bytes after it.
type Halves<'i> = (&'i [u8], &'i [u8]);

/// Returns the bytes of the next head and the bytes after it. `None`: no head has begun.
fn head<'i>(side: Side<'_>, limits: HeadLimits, input: &'i [u8]) -> Result<Option<Halves<'i>>, Error> {
    let bare_lf = side != Side::Requests;
    let mut rest = input;
    for empty in 0.. {
        rest = match rest {
            [] | [b'\r'] if empty < 2 || rest.is_empty() => return Ok(None),
            [b'\r', ..] if empty == 2 => return Err(Error::StartLine),
            [b'\n', ..] if empty == 2 && bare_lf => return Err(Error::StartLine),
            [b'\r', b'\n', after @ ..] => after,
            [b'\n', after @ ..] if bare_lf => after,
            [b'\r' | b'\n', ..] => return Err(Error::LineEnd),
            _ => break,
        };
    }
    first_bytes(side, &rest[..rest.len().min(limits.bytes)])?;
    match block(limits, rest, false, bare_lf)? {
        Some(length) => Ok(Some(rest.split_at(length))),
        None => Err(Error::Truncated),
    }
}

/// Checks whether the first bytes belong to another protocol.
fn first_bytes(side: Side<'_>, rest: &[u8]) -> Result<(), Error> {
    let seems = |protocol| Err(Error::NotHttp { seems: protocol });
    let requests = side == Side::Requests;
    let begins = |known: &[u8]| rest.starts_with(known) || known.starts_with(rest);
    let Some(first) = rest.first() else { return Ok(()) };
    match *first {
        _ if rest.starts_with(b"SSH-") => seems(Protocol::Ssh),
        _ if requests && rest.starts_with(b"PRI * HTTP/2") => seems(Protocol::Http2),
        _ if !requests && (begins(b"HTTP/") || begins(b"SSH-")) => Ok(()),
        0x15 | 0x16 => seems(Protocol::Tls),
        0 if !requests => seems(Protocol::Http2),
        first if requests && is_token(first) => Ok(()),
        _ => Err(Error::StartLine),
    }
}

/// Returns the length of the lines up to an empty one. `None`: there is no empty line.
fn block(limits: HeadLimits, input: &[u8], may_be_empty: bool, bare_lf: bool) -> Result<Option<usize>, Error> {
    let mut line = 0;
    for length in 1..=input.len() {
        if length > limits.bytes {
            return Err(Error::HeadTooLong { limit: limits.bytes });
        }
        let before = if length > 1 { input[length - 2] } else { 0 };
        let (cr, lf) = (before == b'\r', input[length - 1] == b'\n');
        if (cr && !lf) || (lf && !cr && !bare_lf) {
            return Err(Error::LineEnd);
        }
        if lf {
            let text = input[line..length - 1].strip_suffix(b"\r").unwrap_or_else(|| &input[line..length - 1]);
            if text.is_empty() && (line > 0 || may_be_empty) {
                return Ok(Some(length));
            }
            line = length;
        }
    }
    Ok(None)
}

type Read<'i> = (Option<Message>, &'i [u8], Result<(), Error>);

fn message<'i>(side: Side<'_>, limits: Limits, head: &[u8], after: &'i [u8]) -> Read<'i> {
    let mut lines = split(head).into_iter();
    let first = lines.next().unwrap_or_default();
    let start = match side {
        Side::Requests => request(first),
        Side::Responses(_) => response(first),
    };
    let Some((start, version)) = start else { return (None, after, Err(Error::StartLine)) };
    let headers = match fields(lines.collect(), limits.heads.headers) {
        Ok(headers) => headers,
        Err(error) => return (None, after, Err(error)),
    };
    let framing = framing(side, &start, version, &headers);
    let mut message = Message {
        start,
        version,
        framing: framing.ok(),
        body: Vec::new(),
        trailers: Vec::new(),
        reuse: framing.is_ok_and(|framing| reuse(version, &headers, framing)),
        whole: false,
        headers,
    };
    let framing = match framing {
        Ok(framing) => framing,
        Err(error) => return (Some(message), after, Err(error)),
    };
    let (rest, result) = body(framing, limits.bodies, after, &mut message);
    message.whole = result.is_ok();
    (Some(message), rest, result)
}

/// Splits a block into lines, without the empty one at the end.
fn split(block: &[u8]) -> Vec<&[u8]> {
    let lines = block.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.take_while(|line| !line.is_empty()).collect()
}

fn version(text: &[u8]) -> Option<Version> {
    match text {
        b"HTTP/1.0" => Some(Version::Http10),
        b"HTTP/1.1" => Some(Version::Http11),
        _ => None,
    }
}

const fn is_token(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
    ) || byte.is_ascii_alphanumeric()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `method SP request-target SP HTTP-version` (RFC 9112 §3).
fn request(line: &[u8]) -> Option<(Start, Version)> {
    let parts: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, target, protocol] = parts.as_slice() else { return None };
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) {
        return None;
    }
    if target.is_empty() || !target.iter().all(|byte| (0x21..=0x7E).contains(byte)) {
        return None;
    }
    Some((Start::Request(text(method), text(target)), version(protocol)?))
}

/// `HTTP-version SP status-code SP [ reason-phrase ]` (RFC 9112 §4). Some servers omit the last space.
fn response(line: &[u8]) -> Option<(Start, Version)> {
    let protocol = version(line.get(..8)?)?;
    let [b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', reason @ ..] = &line[8..] else { return None };
    let status = [*a, *b, *c].iter().fold(0, |status, digit| status * 10 + u16::from(*digit - b'0'));
    let reason = match reason {
        [] => reason,
        [b' ', reason @ ..] => reason,
        _ => return None,
    };
    if !reason.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..)) {
        return None;
    }
    // A reason phrase that is not ASCII is ignored.
    let reason = if reason.is_ascii() { text(reason).trim().to_owned() } else { String::new() };
    Some((Start::Response(status, reason), protocol))
}

/// `field-name ":" OWS field-value OWS` (RFC 9112 §5).
fn fields(lines: Vec<&[u8]>, limit: usize) -> Result<Lines, Error> {
    let mut fields = Vec::new();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':').ok_or(Error::HeaderLine)?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(Error::HeaderLine);
        }
        if !value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~' | 0x80..)) {
            return Err(Error::HeaderLine);
        }
        if fields.len() == limit {
            return Err(Error::TooManyHeaders { limit });
        }
        fields.push((text(name), trim(value).to_vec()));
    }
    Ok(fields)
}

fn trim(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| *byte != b' ' && *byte != b'\t';
    let Some(first) = value.iter().position(is_text) else { return &[] };
    let last = value.iter().rposition(is_text).unwrap_or(first);
    &value[first..=last]
}

/// Returns the members of all lists of this name, in lower case.
fn members(headers: &Lines, name: &str) -> Option<Vec<Vec<u8>>> {
    let values: Vec<_> = headers.iter().filter(|(known, _)| known.to_ascii_lowercase() == name).collect();
    if values.is_empty() {
        return None;
    }
    let members = values.iter().flat_map(|(_, value)| value.split(|byte| *byte == b','));
    Some(members.map(|member| trim(member).to_ascii_lowercase()).collect())
}

/// The rules of RFC 9112 §6.3. Where the RFC allows an error, this implementation returns one.
fn framing(side: Side<'_>, start: &Start, version: Version, headers: &Lines) -> Result<Framing, Error> {
    if let (Side::Responses(method), Start::Response(status, _)) = (side, start) {
        if method == "HEAD" || *status < 200 || *status == 204 || *status == 304 {
            return Ok(Framing::None);
        }
        if method == "CONNECT" && *status < 300 {
            return Ok(Framing::None);
        }
    }
    let (codings, lengths) = (members(headers, "transfer-encoding"), members(headers, "content-length"));
    match (codings, lengths) {
        (Some(_), Some(_)) if side == Side::Requests => Err(Error::LengthAndEncoding),
        (Some(codings), _) => {
            let codings: Vec<_> = codings.into_iter().filter(|coding| !coding.is_empty()).collect();
            let chunked = codings == [b"chunked".to_vec()] && version == Version::Http11;
            if chunked { Ok(Framing::Chunked) } else { Err(Error::TransferCoding) }
        }
        (None, Some(lengths)) => {
            let number = |digits: &Vec<u8>| {
                let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
                let number = text(digits).trim_start_matches('0').to_owned();
                let number = if number.is_empty() { "0".to_owned() } else { number };
                plain.then(|| number.parse::<i64>().ok()).flatten()
            };
            let numbers: Option<Vec<i64>> = lengths.iter().map(number).collect();
            match numbers.as_deref() {
                Some([first, others @ ..]) if others.iter().all(|other| other == first) => {
                    Ok(Framing::ContentLength(first.unsigned_abs()))
                }
                _ => Err(Error::ContentLength),
            }
        }
        (None, None) if side == Side::Requests => Ok(Framing::None),
        (None, None) => Ok(Framing::CloseDelimited),
    }
}

/// Persistence, RFC 9112 §9.3.
fn reuse(version: Version, headers: &Lines, framing: Framing) -> bool {
    let options = members(headers, "connection").unwrap_or_default();
    let has = |option: &[u8]| options.iter().any(|known| known == option);
    let both = members(headers, "transfer-encoding").is_some() && members(headers, "content-length").is_some();
    !both && !has(b"close") && framing != Framing::CloseDelimited && (version == Version::Http11 || has(b"keep-alive"))
}

fn body<'i>(
    framing: Framing,
    limits: BodyLimits,
    input: &'i [u8],
    message: &mut Message,
) -> (&'i [u8], Result<(), Error>) {
    match framing {
        Framing::None => (input, Ok(())),
        Framing::ContentLength(length) if length <= input.len() as u64 => {
            let (body, rest) = input.split_at(usize::try_from(length).unwrap_or(0));
            message.body.extend_from_slice(body);
            (rest, Ok(()))
        }
        Framing::ContentLength(_) => {
            message.body.extend_from_slice(input);
            (&[], Err(Error::Truncated))
        }
        Framing::CloseDelimited => {
            message.body.extend_from_slice(input);
            (&[], Ok(()))
        }
        Framing::Chunked => {
            let mut rest = input;
            let result = chunked(limits, &mut rest, message);
            (rest, result)
        }
        other => panic!("a framing that the reference implementation does not know: {other:?}"),
    }
}

/// Chunked transfer coding, RFC 9112 §7.1.
fn chunked(limits: BodyLimits, rest: &mut &[u8], message: &mut Message) -> Result<(), Error> {
    let mut extensions = 0;
    loop {
        let size = size_line(limits, rest, &mut extensions)?;
        if size == 0 {
            break;
        }
        let here = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        message.body.extend_from_slice(&rest[..here]);
        *rest = &rest[here..];
        match (&rest[..rest.len().min(2)], here as u64 == size) {
            (_, false) | (b"" | b"\r", true) => return Err(Error::Truncated),
            (b"\r\n", true) => *rest = &rest[2..],
            _ => return Err(Error::Chunk),
        }
    }
    let length = block(limits.trailers, rest, true, false)?.ok_or(Error::Truncated)?;
    let (trailers, after) = rest.split_at(length);
    *rest = after;
    if trailers != b"\r\n" {
        message.trailers = fields(split(trailers), limits.trailers.headers)?;
    }
    Ok(())
}

/// `1*HEXDIG *( BWS ";" … ) CRLF`. Returns the size; extensions are ignored.
fn size_line(limits: BodyLimits, rest: &mut &[u8], extensions: &mut usize) -> Result<u64, Error> {
    let (mut size, mut digits, mut line, mut in_extension, mut in_space) = (0_u64, 0, 0, false, false);
    loop {
        let [byte, after @ ..] = *rest else { return Err(Error::Truncated) };
        *rest = after;
        match byte {
            b'\r' if digits > 0 => match rest {
                [] => return Err(Error::Truncated),
                [b'\n', after @ ..] => {
                    *rest = after;
                    return Ok(size);
                }
                _ => return Err(Error::Chunk),
            },
            _ if !in_extension && !in_space && byte.is_ascii_hexdigit() => {
                let digit = u64::from(char::from(*byte).to_digit(16).unwrap_or(0));
                if size >= 1 << 59 {
                    return Err(Error::Chunk);
                }
                size = size * 16 + digit;
                digits += 1;
                line += 1;
            }
            b'\t' | b' '..=b'~' | 0x80.. if digits > 0 => {
                match byte {
                    _ if in_extension => {}
                    b';' => in_extension = true,
                    b' ' | b'\t' => in_space = true,
                    _ => return Err(Error::Chunk),
                }
                line += 1;
                *extensions += 1;
            }
            _ => return Err(Error::Chunk),
        }
        if line > limits.chunk_line {
            return Err(Error::ChunkLineTooLong { limit: limits.chunk_line });
        }
        if *extensions > limits.extensions {
            return Err(Error::ExtensionsTooLong { limit: limits.extensions });
        }
    }
}
