//! Files that go with the first message.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use turnwire::responses::request::TextOptions;
use turnwire::responses::{ContentPart, Item, RawJson};

use super::exit::Exit;
use super::options::Options;

/// Maximum size of an attachment in bytes, which is also the API's.
const MAX_SIZE: usize = 50 << 20;

fn read(path: &Path) -> Result<Vec<u8>, Exit> {
    let bytes = std::fs::read(path).map_err(|error| Exit::Arguments(format!("{}: {error}", path.display())))?;
    if bytes.len() > MAX_SIZE {
        return Err(Exit::Arguments(format!("{}: larger than {MAX_SIZE} bytes", path.display())));
    }
    Ok(bytes)
}

/// Reads the attachments of the options as parts of a message.
pub(super) fn parts(options: &Options) -> Result<Vec<ContentPart>, Exit> {
    let images = options.image.iter().map(|path| image(path));
    images.chain(options.file.iter().map(|path| file(path))).collect()
}

/// Returns a user message of a text and these parts.
pub(super) fn message(text: &str, parts: Vec<ContentPart>) -> Item {
    match Item::user(text) {
        Item::Message(mut message) => {
            message.content.extend(parts);
            Item::Message(message)
        }
        other => other,
    }
}

fn image(path: &Path) -> Result<ContentPart, Exit> {
    let bytes = read(path)?;
    let kind = match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => "png",
        [0xFF, 0xD8, 0xFF, ..] => "jpeg",
        [b'G', b'I', b'F', b'8', ..] => "gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "webp",
        _ => return Err(Exit::Arguments(format!("{}: not a PNG, JPEG, GIF or WebP image", path.display()))),
    };
    Ok(ContentPart::input_image(&format!("data:image/{kind};base64,{}", STANDARD.encode(bytes))))
}

fn file(path: &Path) -> Result<ContentPart, Exit> {
    let bytes = read(path)?;
    let kind = match core::str::from_utf8(&bytes) {
        _ if bytes.starts_with(b"%PDF-") => "application/pdf",
        Ok(_) => "text/plain",
        Err(_) => "application/octet-stream",
    };
    let name = path.file_name().map_or_else(|| "file".into(), |name| name.to_string_lossy());
    let data = format!("data:{kind};base64,{}", STANDARD.encode(bytes));
    let part = serde_json::json!({"type": "input_file", "filename": name, "file_data": data});
    RawJson::of(&part).map(ContentPart::Other).map_err(|error| Exit::Arguments(error.to_string()))
}

/// Reads the JSON schema of the options.
pub(super) fn schema(options: &Options) -> Result<Option<TextOptions>, Exit> {
    let Some(path) = &options.schema else { return Ok(None) };
    let bytes = read(path)?;
    let text = String::from_utf8(bytes);
    let schema = text.ok().filter(|text| text.trim_start().starts_with('{'));
    let schema = schema.and_then(|text| {
        RawJson::new(&text).ok().map(|schema| TextOptions::json_schema("codex_output_schema", &schema))
    });
    let invalid = || Exit::Arguments(format!("{}: not a JSON object", path.display()));
    schema.ok_or_else(invalid).map(Some)
}
