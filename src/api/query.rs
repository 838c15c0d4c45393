//! Query parameters: each is asked for by name, and one that nobody asked for is an error.

use percent_encoding::percent_decode_str;

use super::error::{ApiError, Cause, did_you_mean};

/// The parameters of one request.
pub struct Query {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Query {
    /// Reads `a=b&c`.
    ///
    /// # Errors
    /// 400 for a percent sign that encodes nothing.
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

    /// The value of a parameter.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        if self.given.is_empty() {
            return None;
        }
        self.known.push(name);
        self.given.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.clone())
    }

    /// A comma-separated list; empty if absent.
    pub fn list(&mut self, name: &'static str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// A switch: absent is off, empty is on.
    ///
    /// # Errors
    /// 400 for anything but `true` and `false`.
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

    /// A switch that is on unless it is turned off.
    ///
    /// # Errors
    /// 400 for anything but `true` and `false`.
    pub fn switch_on(&mut self, name: &'static str) -> Result<bool, ApiError> {
        match self.text(name) {
            None => Ok(true),
            Some(_) => self.switch(name),
        }
    }

    /// A number from 0 on.
    ///
    /// # Errors
    /// 400 for anything else.
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

    /// A number from 0 on, if it is given.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn long(&mut self, name: &'static str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let reason = format!("Failed to parse long parameter [{name}] with value [{text}]");
            Cause::illegal_argument(reason).into()
        })
    }

    /// To be called when all parameters have been asked for.
    ///
    /// # Errors
    /// 400 if there are others.
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

/// Undoes percent-encoding.
///
/// # Errors
/// 400 for a percent sign that encodes nothing, and for what is not UTF-8.
pub fn decode(text: &str) -> Result<String, ApiError> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let mut hex = text.split('%').skip(1).map(|rest| rest.as_bytes());
    let sound = hex
        .all(|rest| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()));
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if sound => Ok(decoded.into_owned()),
        _ => {
            let reason = format!(
                "invalid escape sequence in [{text}]: % must be followed by two hexadecimal digits, \
                 and the decoded bytes must be UTF-8; encode a literal % as %25"
            );
            Err(Cause::illegal_argument(reason).into())
        }
    }
}
