//! Query parameters. Routes read them by name; any that were not read are reported as unknown.

use percent_encoding::percent_decode_str;

use super::error::{ApiError, Cause, did_you_mean};

/// The query parameters of one request.
pub struct Query {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Query {
    /// Parses `a=b&c`. Rejects invalid percent-encoding with 400.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let given = text
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?))
            })
            .collect::<Result<_, ApiError>>()?;
        Ok(Self { given, known: Vec::new() })
    }

    /// The value of a parameter. If it is repeated, the last value counts.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        if self.given.is_empty() {
            return None;
        }
        self.known.push(name);
        self.given.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.clone())
    }

    /// A comma-separated list, empty if absent.
    pub fn list(&mut self, name: &'static str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// A boolean: `true`, `false`, or the bare name for `true`. False if absent.
    pub fn switch(&mut self, name: &'static str) -> Result<bool, ApiError> {
        match self.text(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("" | "true") => Ok(true),
            Some(other) => {
                let reason = format!(
                    "Failed to parse value [{other}] as only [true] or [false] are allowed."
                );
                Err(Cause::illegal_argument(reason).into())
            }
        }
    }

    /// A boolean that is true if absent.
    pub fn switch_on(&mut self, name: &'static str) -> Result<bool, ApiError> {
        match self.text(name) {
            None => Ok(true),
            Some(_) => self.switch(name),
        }
    }

    /// A non-negative 32-bit integer.
    pub fn number(&mut self, name: &'static str, default: usize) -> Result<usize, ApiError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        match text.parse::<i32>() {
            Ok(number) => usize::try_from(number)
                .map_err(|_| format!("Parameter [{name}] cannot be < 0"))
                .map_err(|reason| Cause::illegal_argument(reason).into()),
            Err(_) => {
                let reason = format!("Failed to parse int parameter [{name}] with value [{text}]");
                Err(Cause::illegal_argument(reason).into())
            }
        }
    }

    /// A non-negative 64-bit integer, if given.
    pub fn long(&mut self, name: &'static str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let reason = format!("Failed to parse long parameter [{name}] with value [{text}]");
            Cause::illegal_argument(reason).into()
        })
    }

    /// Rejects parameters that were not read, with 400. To be called last.
    pub fn finish(self, path: &str) -> Result<(), ApiError> {
        let unknown: Vec<String> = self
            .given
            .iter()
            .filter(|(name, _)| !self.known.contains(&name.as_str()))
            .map(|(name, _)| {
                let hint = did_you_mean(name, self.known.iter().copied());
                let arrow = if hint.is_empty() { "" } else { " ->" };
                format!("[{name}]{arrow}{hint}")
            })
            .collect();
        let noun = match unknown.len() {
            0 => return Ok(()),
            1 => "parameter",
            _ => "parameters",
        };
        let list = unknown.join(", ");
        let reason = format!("request [{path}] contains unrecognized {noun}: {list}");
        Err(Cause::illegal_argument(reason).into())
    }
}

/// Decodes percent-encoding. Rejects invalid sequences and invalid UTF-8 with 400.
pub fn decode(text: &str) -> Result<String, ApiError> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut hex = text.split('%').skip(1).map(|rest| rest.as_bytes());
    let is_valid = hex
        .all(|rest| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()));
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if is_valid => Ok(decoded.into_owned()),
        _ => {
            let reason = format!(
                "invalid escape sequence in [{text}]: % must be followed by two hexadecimal digits, \
                 and the decoded bytes must be UTF-8; encode a literal % as %25"
            );
            Err(Cause::illegal_argument(reason).into())
        }
    }
}
