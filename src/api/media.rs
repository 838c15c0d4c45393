//! Media types: Content-Type and Accept.

use std::borrow::Cow;

use super::error::{ApiError, Cause};

/// The API versions of `compatible-with`, newest first.
const VERSIONS: [u32; 2] = [9, 8];
const VENDOR: &str = "application/vnd.elasticsearch+json";
const JSON: &str = "application/json";

/// The media type of a response, as negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Media {
    /// `application/json`
    #[default]
    Json,
    /// `application/vnd.elasticsearch+json;compatible-with=N`
    Vendor(u32),
}

impl Media {
    /// The value of the Content-Type header.
    pub fn content_type(self) -> Cow<'static, str> {
        match self {
            Self::Json => JSON.into(),
            Self::Vendor(version) => format!("{VENDOR};compatible-with={version}").into(),
        }
    }
}

/// One media range of a header.
struct Range {
    name: String,
    version: Option<u32>,
    /// The `q` parameter, in thousandths.
    quality: u16,
}

/// Negotiates the media type of the response.
///
/// # Errors
/// 400 if the Accept header is malformed or asks for a version that is not served.
pub fn accepted(accept: Option<&str>) -> Result<Media, ApiError> {
    let Some(header) = accept else { return Ok(Media::Json) };
    let ranges = ranges(header).ok_or_else(|| malformed("Accept", header))?;
    let wanted = ranges.iter().find(|range| range.name == VENDOR || range.name == JSON);
    match wanted.and_then(|range| range.version) {
        Some(version) => served("Accept", version, header).map(Media::Vendor),
        None => Ok(Media::Json),
    }
}

/// Checks the media type of the request body.
///
/// # Errors
/// 406 if it is not JSON, 400 if the header is malformed or its version differs from Accept's.
pub fn check_body(content_type: Option<&str>, accept: Option<&str>) -> Result<(), ApiError> {
    if (content_type, accept) == (Some(JSON), None) {
        return Ok(());
    }
    let Some(header) = content_type.filter(|header| !header.trim().is_empty()) else {
        return Err(ApiError::unsupported_body(None));
    };
    let parsed = ranges(header).ok_or_else(|| malformed("Content-Type", header))?;
    let [range] = parsed.as_slice() else { return Err(malformed("Content-Type", header)) };
    if range.name != JSON && range.name != VENDOR {
        return Err(ApiError::unsupported_body(Some(header)));
    }
    let version = range.version.map(|v| served("Content-Type", v, header)).transpose()?;
    let wanted = match accepted(accept)? {
        Media::Json => None,
        Media::Vendor(version) => Some(version),
    };
    if version == wanted {
        return Ok(());
    }
    let reason = format!(
        "A compatible version is required on both Content-Type and Accept headers if either one \
         has requested a compatible version and the compatible versions must match. \
         Accept={}, Content-Type={header}",
        accept.unwrap_or("null"),
    );
    Err(header_failure("[Accept, Content-Type]", Cause::new("status_exception", reason)))
}

/// Whether the caller prefers HTML to JSON. `*/*` does not count as HTML: clients send it too.
pub fn prefers_html(accept: &str) -> bool {
    let Some(ranges) = ranges(accept) else { return false };
    let best = |names: &[&str]| {
        ranges
            .iter()
            .filter(|range| names.contains(&range.name.as_str()))
            .map(|range| range.quality)
            .max()
            .unwrap_or_default()
    };
    let html = best(&["text/html"]);
    html > 0 && html >= best(&[JSON, VENDOR])
}

fn ranges(header: &str) -> Option<Vec<Range>> {
    header.split(',').map(range).collect()
}

fn range(text: &str) -> Option<Range> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let (kind, subtype) = name.split_once('/')?;
    if !is_token(kind) || !is_token(subtype) {
        return None;
    }
    let mut range = Range { version: None, quality: 1_000, name: name.clone() };
    for parameter in parts.filter(|part| !part.is_empty()) {
        let (key, value) = parameter.split_once('=')?;
        let value = value.trim_matches('"');
        if !is_token(key) || value.is_empty() {
            return None;
        }
        match key.to_ascii_lowercase().as_str() {
            "compatible-with" if range.name == VENDOR => range.version = Some(value.parse().ok()?),
            "q" => range.quality = quality(value)?,
            _ => {}
        }
    }
    Some(range)
}

/// Parses `0.8` as 800. Parsing floats would add 10 KB to the Worker.
fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let thousandths = format!("{whole}{fraction:0<3}");
    let quality: u16 = thousandths.parse().ok()?;
    (fraction.len() <= 3 && quality <= 1_000).then_some(quality)
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn served(name: &str, version: u32, header: &str) -> Result<u32, ApiError> {
    if VERSIONS.contains(&version) {
        return Ok(version);
    }
    let [newest, oldest] = VERSIONS;
    let reason = format!(
        "{name} version must be either version {newest} or {oldest}, but found {version}. \
         {name}={header}"
    );
    Err(header_failure(&format!("[{name}]"), Cause::new("status_exception", reason)))
}

fn malformed(name: &str, header: &str) -> ApiError {
    let cause = Cause::illegal_argument(format!("invalid media-type [{header}]"));
    header_failure(&format!("[{name}]"), cause)
}

fn header_failure(names: &str, cause: Cause) -> ApiError {
    let reason = format!("Invalid media-type value on headers {names}");
    Cause::new("media_type_header_exception", reason).caused_by(cause).into()
}
