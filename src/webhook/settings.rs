//! The webhook settings: targets, their secrets and events, and limits.

use std::fmt;

use base64ct::{Base64, Encoding};
use serde_json::Value;

use super::delivery::{JITTER, TIME_LIMIT_MS};
use super::message::{EventType, digest};
use crate::directory::SILENCE_MS;
use crate::document::Fields;

/// The maximum number of targets: the runtime limits how many requests an object can have in flight.
const TARGETS: usize = 5;
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The specification's retry schedule, in seconds: a little more than three days.
const RETRIES_S: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
const DAMPING_S: u64 = 60;
/// The default limit of messages about single connectors, per target and per `SINGLES_S` seconds.
const SINGLES: usize = 10;
const SINGLES_S: u64 = 300;
/// The highest limit that can be set: the time of each message is stored.
const SINGLES_LIMIT: usize = 1_000;
/// The longest period that can be set: 30 days.
const SECONDS_LIMIT: u64 = 30 * 86_400;

const SILENT_AFTER: &str = "SILENT_AFTER_SECONDS";
const CONSOLE: &str = "CONSOLE_URL";
const DAMPING: &str = "WEBHOOK_DAMPING_SECONDS";
const RETRIES: &str = "WEBHOOK_RETRY_SECONDS";
const LIMIT: &str = "WEBHOOK_LIMIT";
const LIMIT_SECONDS: &str = "WEBHOOK_LIMIT_SECONDS";
const TARGET_SETTINGS: [&str; 3] = ["WEBHOOK_URL", "WEBHOOK_SECRET", "WEBHOOK_EVENTS"];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub targets: Vec<Target>,
    /// Invalid settings, which are ignored.
    pub problems: Vec<Problem>,
    /// A connector is silent if its last check-in is longer ago than this.
    pub silent_after_ms: u64,
    /// Changes within this period become one message; 0: one message for each.
    pub damping_ms: u64,
    /// The delay of each retry.
    pub retries_ms: Vec<u64>,
    /// The number of messages about single connectors that a target gets per `single_window_ms`. The rest
    /// is summarized.
    pub single_limit: usize,
    pub single_window_ms: u64,
    /// The console's URL.
    pub console: Option<String>,
}

/// An invalid setting. The text never contains any part of the value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub setting: String,
    /// The rest of the sentence that begins with the setting.
    what: String,
}

impl Problem {
    fn new(setting: &str, what: impl Into<String>) -> Self {
        Self { setting: setting.to_owned(), what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.setting, self.what)
    }
}

/// A target's URL. Its path often contains a secret, so it can't be printed; only its host can.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
    host: String,
}

impl Address {
    /// Error messages contain no part of the URL.
    fn parse(url: &str) -> Result<Self, &'static str> {
        let host = host(url)?.to_owned();
        Ok(Self { url: url.to_owned(), host })
    }

    /// With the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The URL, for the request that sends a message.
    pub fn reveal(&self) -> &str {
        &self.url
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.host).finish()
    }
}

/// A signing secret. It can't be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// An endpoint that messages are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name of the setting with its URL.
    pub name: String,
    pub address: Address,
    /// The signing secret, or the new and the old one while it is being rotated.
    pub secrets: Vec<Secret>,
    /// The events that it subscribes to.
    pub events: Vec<EventType>,
    /// A hash of the URL, for where the URL must not be stored.
    pub fingerprint: String,
}

impl Target {
    pub fn wants(&self, event: EventType) -> bool {
        self.events.contains(&event)
    }

    pub fn wants_silence_events(&self) -> bool {
        self.wants(EventType::Silent) || self.wants(EventType::SeenAgain)
    }
}

impl Settings {
    pub const fn silent_after_seconds(&self) -> u64 {
        self.silent_after_ms / 1_000
    }

    /// Reads the Worker's settings. Empty ones count as absent.
    pub fn read(all: &Fields) -> Self {
        let text = |name: &str| {
            all.get(name).and_then(Value::as_str).map(str::trim).filter(|s| !s.is_empty())
        };
        let mut problems = Vec::new();
        let mut seconds = |name: &str, default: u64, least: u64| match text(name) {
            None => default * 1_000,
            Some(given) => match given.parse() {
                Ok(seconds) if (least..=SECONDS_LIMIT).contains(&seconds) => seconds * 1_000,
                _ => {
                    problems.push(Problem::new(
                        name,
                        format!(
                            "must be a number of seconds from {least} to {SECONDS_LIMIT}. Until \
                             then it is {default}."
                        ),
                    ));
                    default * 1_000
                }
            },
        };
        let silent_after_ms = seconds(SILENT_AFTER, SILENCE_MS / 1_000, 1);
        let damping_ms = seconds(DAMPING, DAMPING_S, 0);
        let single_window_ms = seconds(LIMIT_SECONDS, SINGLES_S, 1);
        let single_limit = match text(LIMIT).map(|given| given.parse::<usize>()) {
            None => SINGLES,
            Some(Ok(limit)) if limit <= SINGLES_LIMIT => limit,
            Some(_) => {
                problems.push(Problem::new(
                    LIMIT,
                    format!(
                        "must be a number of messages from 0 to {SINGLES_LIMIT}. Until then it is \
                         {SINGLES}."
                    ),
                ));
                SINGLES
            }
        };
        let retries: Option<Vec<u64>> = text(RETRIES).and_then(|given| {
            let read =
                |one: &str| one.trim().parse().ok().filter(|s| (1..=SECONDS_LIMIT).contains(s));
            let read: Option<_> = given.split(',').map(read).collect();
            if read.is_none() {
                problems.push(Problem::new(
                    RETRIES,
                    "must be numbers of seconds with commas between them, such as 5,300,1800. \
                     Until then the specification's schedule is kept.",
                ));
            }
            read
        });
        let retries = retries.unwrap_or_else(|| RETRIES_S.to_vec());
        let console = text(CONSOLE).and_then(|given| match host(given) {
            Ok(_) => Some(given.trim_end_matches('/').to_owned()),
            Err(why) => {
                let what = format!("{why}. Until then messages have no link.");
                problems.push(Problem::new(CONSOLE, what));
                None
            }
        });
        let mut targets = Vec::new();
        for n in 1..=TARGETS {
            let [url, secret, events] = TARGET_SETTINGS.map(|name| numbered(name, n));
            match (text(&url), text(&secret)) {
                (None, None) => {}
                (None, Some(_)) => {
                    let what = format!("has no {url} beside it: it is not used.");
                    problems.push(Problem::new(&secret, what));
                }
                (Some(_), None) => problems.push(Problem::new(
                    &secret,
                    format!(
                        "is missing: {url} is sent nothing without a secret to sign with. \
                         `npm run webhook -- secret` makes one."
                    ),
                )),
                (Some(given), Some(secrets)) => {
                    let events = match text(&events).or_else(|| text(TARGET_SETTINGS[2])) {
                        None => EventType::DEFAULT.to_vec(),
                        Some(names) => read_events(&events, names, &mut problems),
                    };
                    match (Address::parse(given), read_secrets(secrets)) {
                        (Ok(address), Some(secrets)) if !events.is_empty() => {
                            targets.push(Target {
                                name: url,
                                address,
                                secrets,
                                events,
                                fingerprint: digest(&[given]),
                            })
                        }
                        (Ok(_), Some(_)) => {}
                        (Ok(_), None) => problems.push(Problem::new(
                            &secret,
                            format!(
                                "must be whsec_ and the base64 of 24 to 64 bytes (two of them, \
                                 with a space between, while it is replaced): {url} is sent \
                                 nothing. `npm run webhook -- secret` makes one."
                            ),
                        )),
                        (Err(why), _) => {
                            problems
                                .push(Problem::new(&url, format!("{why}: it is sent nothing.")));
                        }
                    }
                }
            }
        }
        let unknown = |name: &&String| name.starts_with("WEBHOOK_") && !is_known(name);
        for name in all.keys().filter(unknown) {
            problems.push(Problem::new(
                name,
                format!(
                    "is not a known setting. Targets are WEBHOOK_URL, WEBHOOK_URL_2 to \
                     WEBHOOK_URL_{TARGETS}."
                ),
            ));
        }
        let retries_ms = retries.into_iter().map(|seconds| seconds * 1_000).collect();
        Self {
            targets,
            problems,
            silent_after_ms,
            damping_ms,
            retries_ms,
            single_limit,
            single_window_ms,
            console,
        }
    }

    /// How long a message is retried, including all delays and time limits. By default, a little more than
    /// three days.
    pub fn retry_period_ms(&self) -> u64 {
        let attempts: u64 = self.retries_ms.iter().map(|delay| delay + TIME_LIMIT_MS).sum();
        attempts + attempts / JITTER + TIME_LIMIT_MS
    }
}

/// The name of the n-th target's setting. The first one has no number.
fn numbered(name: &str, n: usize) -> String {
    if n == 1 { name.to_owned() } else { format!("{name}_{n}") }
}

fn is_known(name: &str) -> bool {
    [DAMPING, RETRIES, LIMIT, LIMIT_SECONDS].contains(&name)
        || (1..=TARGETS).any(|n| TARGET_SETTINGS.iter().any(|of| numbered(of, n) == name))
}

fn read_events(setting: &str, names: &str, problems: &mut Vec<Problem>) -> Vec<EventType> {
    let mut events = Vec::new();
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match EventType::parse(name) {
            _ if name == "*" => events.extend(EventType::ALL),
            Some(event) => events.push(event),
            None => problems.push(Problem::new(
                setting,
                format!(
                    "names something that is no event. Events are {}, and * for all.",
                    EventType::ALL.map(EventType::name).join(", ")
                ),
            )),
        }
    }
    events
}

fn read_secrets(given: &str) -> Option<Vec<Secret>> {
    let secret = |text: &str| {
        let bytes = Base64::decode_vec(text.strip_prefix("whsec_")?).ok()?;
        SECRET_BYTES.contains(&bytes.len()).then_some(Secret(bytes))
    };
    given.split_whitespace().map(secret).collect()
}

/// Host and port of a URL. Error messages contain no part of it; they follow the name of the setting.
fn host(url: &str) -> Result<&str, &'static str> {
    let (scheme, rest) =
        url.split_once("://").ok_or("is no address such as https://a.example/b")?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_address = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.');
    let is_host = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(inside) => inside.contains(':') && inside.chars().all(is_address),
        None => name.chars().all(is_name),
    };
    let is_here = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    match scheme {
        _ if url.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            Err("must not contain blanks")
        }
        _ if host.contains('@') => Err("must not contain a user name or password"),
        _ if name.is_empty() => Err("has no host"),
        _ if !is_host => Err("has an invalid host: a path must start with a `/`"),
        _ if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) => {
            Err("has an invalid port: use a number from 1 to 65535")
        }
        "https" => Ok(host),
        "http" if is_here => Ok(host),
        "http" => Err("must be https: messages are signed, not encrypted"),
        _ => Err("must begin with https://"),
    }
}
