//! Webhooks as a consumer of the outbox: each target is told of what has happened, in order, at
//! least once.
//!
//! The alarm that every commit sets looks what has happened since, makes messages of it and sends
//! them: so a write does nothing for webhooks, and no crash keeps a message from its target. What is
//! waiting, and for how long a connector has been silent, the same alarm is set for.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Env, console_error};

use crate::api::{ApiError, Response};
use crate::connector::Connector;
use crate::edge::objects::connector::Object;
use crate::edge::runtime::{JsError, deliver, describe, now_millis, sleep, webhook_settings};
use crate::edge::{log, new_id, now};
use crate::status::Status;
use crate::values::{Time, json as text};
use crate::webhook::{
    self, Change, Collected, Entry, Outcome, Progress, Settings, TIME_LIMIT_MS, Target,
};

/// No more messages of one connector wait for a target.
const WAITING_LIMIT: u64 = 1_000;
/// So many messages of a connector that wait no longer are kept, to be shown.
const KEPT: u64 = 50;
/// When the alarm looks for a message that was being sent: somebody may have ended the process.
const SENDING_LIMIT_MS: u64 = TIME_LIMIT_MS + 5_000;
/// The alarm waits for so long, a part at a time, for messages to be taken: most are by then, and no
/// other alarm is needed to look for them.
const PATIENCE: (u32, Duration) = (10, Duration::from_millis(100));
/// No more messages are shown.
const SHOWN_LIMIT: usize = 100;

/// What an object remembers of webhooks.
#[derive(Default)]
pub(in crate::edge) struct Webhooks {
    settings: OnceCell<Rc<Settings>>,
    progress: RefCell<Option<BTreeMap<String, Position>>>,
    /// Since when a message is being sent, by target.
    sending: RefCell<BTreeMap<String, u64>>,
    /// Will the alarm look whether the connector is silent?
    is_watched: Cell<bool>,
}

/// How far a target is, and whether changes are held back from it.
#[derive(Clone, Default)]
struct Position {
    progress: Progress,
    is_held: bool,
}

/// A message that waits.
#[derive(Deserialize)]
struct Waiting {
    n: u64,
    id: String,
    body: String,
    made: u64,
    attempts: usize,
    next_at: u64,
}

impl Webhooks {
    fn settings(&self, env: &Env) -> Rc<Settings> {
        let read = || {
            let settings = settings(env);
            for problem in &settings.problems {
                console_error!("webhooks: {problem}");
            }
            Rc::new(settings)
        };
        self.settings.get_or_init(read).clone()
    }
}

/// The Worker's settings that concern webhooks, and when a connector is silent.
pub(in crate::edge) fn settings(env: &Env) -> Settings {
    Settings::read(&text::parse_object(&webhook_settings(env)).unwrap_or_default())
}

/// How long a connector may be away before it counts as silent.
pub(in crate::edge) fn silent_after_seconds(object: &Object) -> u64 {
    object.outbox.webhooks.settings(&object.env).silent_after_seconds()
}

/// To be called before a commit: who has not been told anything of this connector is told from here
/// on. `erases`: the history goes with the connector, so what is held back is told before.
pub(in crate::edge) fn prepare(object: &Object, erases: bool) {
    let settings = object.outbox.webhooks.settings(&object.env);
    if settings.targets.is_empty() {
        return;
    }
    let prepared = open(object, &settings).and_then(|()| match erases {
        true => collect(object, &settings, false),
        false => Ok(()),
    });
    if let Err(thrown) = prepared {
        failed("cannot be prepared", &thrown);
    }
}

fn failed(what: &str, thrown: &JsError) {
    console_error!("webhooks {what}: {}", describe(thrown));
}

/// Reads how far targets are, once, and begins with those that are new.
fn open(object: &Object, settings: &Settings) -> Result<(), JsError> {
    let mut known = object.outbox.webhooks.progress.borrow_mut();
    if known.is_none() {
        let rows = object.store.webhook_targets()?;
        *known = Some(rows.map(|rows| read_targets(&rows)).unwrap_or_default());
    }
    let Some(known) = known.as_mut() else { return Ok(()) };
    let is_known = |target: &Target| {
        known.get(&target.name).is_some_and(|it| {
            it.progress.gone.as_ref().is_none_or(|gone| *gone == target.fingerprint)
        })
    };
    if settings.targets.iter().all(is_known) {
        return Ok(());
    }
    begin(object, known, settings.targets.iter().filter(|target| !is_known(target)).collect())
}

/// Begins with targets from here on.
fn begin(
    object: &Object,
    known: &mut BTreeMap<String, Position>,
    targets: Vec<&Target>,
) -> Result<(), JsError> {
    let (seq, is_failing) = object.with_record(|record| {
        let status = record.and_then(|record| record.connector()).map(Connector::status);
        (record.map_or(0, |record| record.version), status == Some(Status::Error))
    });
    let begun: Vec<_> = targets
        .into_iter()
        .map(|target| {
            let progress = Progress { seq, is_failing, ..Progress::default() };
            (target.name.clone(), Position { progress, is_held: false })
        })
        .collect();
    let rows = begun.iter().map(|(name, position)| row(name, &position.progress)).collect();
    object.store.collect_webhooks(&Value::Array(rows).to_string(), "[]", WAITING_LIMIT)?;
    known.extend(begun);
    Ok(())
}

/// To be called right after the commit that puts a connector back: its past is no news.
pub(in crate::edge) fn restored(object: &Object) {
    let settings = object.outbox.webhooks.settings(&object.env);
    if settings.targets.is_empty() {
        return;
    }
    let begun = open(object, &settings).and_then(|()| {
        let mut known = object.outbox.webhooks.progress.borrow_mut();
        let Some(known) = known.as_mut() else { return Ok(()) };
        let is_told = |target: &&Target| {
            known.get(&target.name).is_some_and(|position| position.progress.gone.is_none())
        };
        let told = settings.targets.iter().filter(is_told).collect();
        begin(object, known, told)
    });
    if let Err(thrown) = begun {
        failed("cannot begin anew", &thrown);
    }
}

fn read_targets(rows: &str) -> BTreeMap<String, Position> {
    let read = |row: Value| {
        let number = |name| row.get(name).and_then(Value::as_u64);
        let name = row.get("target")?.as_str()?.to_owned();
        let progress = Progress {
            seq: number("seq")?,
            is_failing: number("failing") == Some(1),
            quiet_until: number("quiet_until").unwrap_or_default(),
            silent: number("silent"),
            gone: row.get("gone").and_then(Value::as_str).map(str::to_owned),
        };
        Some((name, Position { progress, is_held: false }))
    };
    text::parse_array(rows).unwrap_or_default().into_iter().filter_map(read).collect()
}

fn row(target: &str, progress: &Progress) -> Value {
    let Progress { seq, is_failing, quiet_until, silent, gone } = progress;
    json!({
        "target": target,
        "seq": seq,
        "failing": u8::from(*is_failing),
        "quiet_until": quiet_until,
        "silent": silent,
        "gone": gone,
    })
}

/// Looks what has happened, and makes messages of it. `holds`: changes may be held back.
fn collect(object: &Object, settings: &Settings, holds: bool) -> Result<(), JsError> {
    open(object, settings)?;
    let now = now_millis();
    let changed = object.with_record(|record| record.map_or(0, |record| record.changed));
    let last_seen = last_seen(object);
    let mut known = object.outbox.webhooks.progress.borrow_mut();
    let Some(known) = known.as_mut() else { return Ok(()) };
    let (mut rows, mut messages, mut next) = (Vec::new(), Vec::new(), Vec::new());
    for target in &settings.targets {
        let Some(position) = known.get(&target.name) else { continue };
        if position.progress.gone.is_some() {
            continue;
        }
        let changes: Vec<Change> = match changed > position.progress.seq {
            true => {
                let rows = object.store.changes_after(position.progress.seq)?;
                let rows = text::parse_array(&rows).unwrap_or_default();
                rows.iter().filter_map(Change::from_row).collect()
            }
            false => Vec::new(),
        };
        let collected =
            webhook::collect(target, settings, &position.progress, &changes, last_seen, now, holds);
        let Collected { mut progress, happenings, is_held, is_new } = collected;
        if !is_held {
            // What is no change of status need not be looked at again.
            progress.seq = progress.seq.max(changed);
        }
        object.with_record(|record| {
            let Some(record) = record else { return };
            for happening in &happenings {
                let connector = record.connector();
                let message = webhook::compose(happening, &record.id, connector, target, settings);
                messages.push(json!({
                    "target": target.name,
                    "id": message.id,
                    "type": message.event.name(),
                    "at": message.at,
                    "body": message.body,
                    "made": now,
                }));
            }
        });
        if is_new {
            rows.push(row(&target.name, &progress));
        }
        next.push((target.name.clone(), Position { progress, is_held }));
    }
    if !rows.is_empty() {
        let (rows, messages) = (Value::Array(rows).to_string(), Value::Array(messages).to_string());
        object.store.collect_webhooks(&rows, &messages, WAITING_LIMIT)?;
    }
    known.extend(next);
    Ok(())
}

/// When the connector was last seen, in milliseconds since 1970. One that is hidden is not looked for.
fn last_seen(object: &Object) -> Option<u64> {
    object.with_record(|record| Time::parse(record?.alive()?.text("last_seen")?)?.unix_millis())
}

/// To be called by the alarm: makes messages and begins to send them. Nobody waits for that.
pub(super) fn run(object: &Rc<Object>) {
    let settings = object.outbox.webhooks.settings(&object.env);
    if settings.targets.is_empty() {
        return;
    }
    if let Err(thrown) = collect(object, &settings, true) {
        failed("cannot be collected", &thrown);
    }
    let now = now_millis();
    for n in 0..settings.targets.len() {
        let Some(target) = settings.targets.get(n) else { continue };
        let is_due = waiting(object, target).is_some_and(|message| message.next_at <= now);
        if !is_due || object.outbox.webhooks.sending.borrow().contains_key(&target.name) {
            continue;
        }
        object.outbox.webhooks.sending.borrow_mut().insert(target.name.clone(), now);
        let (this, settings) = (object.clone(), settings.clone());
        object.state.wait_until(async move {
            let Some(target) = settings.targets.get(n) else { return };
            let was_late = late_since(&this, target).is_some();
            send_all(&this, &settings, target).await;
            this.outbox.webhooks.sending.borrow_mut().remove(&target.name);
            if waiting(&this, target).is_some() {
                super::set_late_alarm(&this).await;
            }
            let since = late_since(&this, target);
            if was_late || since.is_some() {
                this.outbox.reports.add(&target.name, since);
                this.outbox.reports.send(&this).await;
            }
        });
    }
}

/// Waits a little for what is being sent.
pub(super) async fn wait(object: &Object) {
    let (parts, part) = PATIENCE;
    for _ in 0..parts {
        if object.outbox.webhooks.sending.borrow().is_empty() {
            return;
        }
        sleep(part).await;
    }
}

/// The message that a target is to be sent next.
fn waiting(object: &Object, target: &Target) -> Option<Waiting> {
    let row = object.store.next_webhook(&target.name);
    let row = row.inspect_err(|thrown| failed("cannot be read", thrown)).ok()??;
    serde_json::from_str(&row).ok()
}

/// Since when the oldest message has waited for a target, if it has for a while or will have when it
/// is sent next.
fn late_since(object: &Object, target: &Target) -> Option<u64> {
    let Waiting { made, next_at, .. } = waiting(object, target)?;
    let waits_ms = now_millis().max(next_at).saturating_sub(made);
    (waits_ms >= super::REPORT_AFTER_MS).then_some(made)
}

/// Sends what is due, in order, until something fails.
async fn send_all(object: &Rc<Object>, settings: &Settings, target: &Target) {
    while let Some(message) = waiting(object, target) {
        let begun = now_millis();
        if message.next_at > begun {
            return;
        }
        object.outbox.webhooks.sending.borrow_mut().insert(target.name.clone(), begun);
        let reply = deliver(target, &message.id, &message.body, begun).await;
        let ended = now_millis();
        let attempts = message.attempts + 1;
        let outcome = reply.outcome();
        let next_at = match outcome {
            Outcome::Failed => {
                webhook::next_attempt(settings, &message.id, attempts, message.made, ended)
            }
            Outcome::Delivered | Outcome::Gone => None,
        };
        let became = match (outcome, next_at) {
            (_, Some(_)) => None,
            (Outcome::Delivered, None) => Some("delivered"),
            (Outcome::Gone, None) => Some("ended"),
            (Outcome::Failed, None) => Some("given_up"),
        };
        let (id, is_there) = object.with_record(|record| {
            let id = record.map(|record| record.id.clone()).unwrap_or_default();
            (id, record.is_some_and(|record| record.connector().is_some()))
        });
        let problem = reply.problem();
        if let (Some(became), Some(problem)) = (became, &problem) {
            log::webhook(&id, &target.name, &message.id, became, problem);
        }
        let attempt = json!({
            "n": message.n,
            "attempts": attempts,
            "next_at": next_at,
            "tried_at": begun,
            "status": reply.status,
            "error": problem,
            "outcome": became,
        });
        // Of a connector that was erased nothing is kept.
        let kept = if is_there { KEPT } else { 0 };
        let noted =
            object.store.settle_webhook(&attempt.to_string(), kept).and_then(|()| match outcome {
                Outcome::Gone => end(object, target),
                Outcome::Delivered | Outcome::Failed => Ok(()),
            });
        if let Err(thrown) = noted {
            // It is sent again, by the alarm.
            failed("cannot be noted", &thrown);
            return;
        }
        if outcome != Outcome::Delivered && next_at.is_some() {
            return;
        }
    }
}

/// The target wants nothing more of this connector, as long as it has that URL.
fn end(object: &Object, target: &Target) -> Result<(), JsError> {
    object.store.end_webhooks(&target.name, &target.fingerprint)?;
    let mut known = object.outbox.webhooks.progress.borrow_mut();
    if let Some(position) = known.as_mut().and_then(|known| known.get_mut(&target.name)) {
        position.progress.gone = Some(target.fingerprint.clone());
    }
    Ok(())
}

/// When the alarm is needed next, in milliseconds since 1970.
pub(super) fn next_alarm(object: &Object) -> Option<u64> {
    let settings = object.outbox.webhooks.settings(&object.env);
    if settings.targets.is_empty() {
        return None;
    }
    let silent_at = silent_at(object, &settings);
    object.outbox.webhooks.is_watched.set(silent_at.is_some());
    let sending = object.outbox.webhooks.sending.borrow();
    let known = object.outbox.webhooks.progress.borrow();
    let of_target = |target: &Target| {
        let message = match sending.get(&target.name) {
            Some(since) => Some(since + SENDING_LIMIT_MS),
            None => waiting(object, target).map(|message| message.next_at),
        };
        let position = known.as_ref().and_then(|known| known.get(&target.name));
        let held = position.filter(|it| it.is_held).map(|it| it.progress.quiet_until);
        message.into_iter().chain(held).min()
    };
    settings.targets.iter().filter_map(of_target).chain(silent_at).min()
}

/// When the connector is silent, if somebody wants to hear of it and has not.
fn silent_at(object: &Object, settings: &Settings) -> Option<u64> {
    let seen = last_seen(object)?;
    let known = object.outbox.webhooks.progress.borrow();
    let waits = |target: &&Target| {
        let position = known.as_ref().and_then(|known| known.get(&target.name));
        target.minds_silence()
            && position
                .is_some_and(|it| it.progress.gone.is_none() && it.progress.silent != Some(seen))
    };
    settings.targets.iter().any(|target| waits(&target)).then(|| seen + settings.silent_after_ms)
}

/// What a heartbeat means for webhooks.
pub(super) enum Seen {
    /// Nothing: the alarm will look at it, or nobody asks.
    Nothing,
    /// The connector was silent.
    Again,
    /// No alarm is known to be set.
    Unwatched,
}

/// To be called after a heartbeat.
pub(super) fn seen(object: &Object) -> Seen {
    let webhooks = &object.outbox.webhooks;
    let settings = webhooks.settings(&object.env);
    if settings.targets.is_empty() {
        return Seen::Nothing;
    }
    let was_silent = webhooks.progress.borrow().as_ref().is_some_and(|known| {
        known.values().any(|it| it.progress.silent.is_some() && it.progress.gone.is_none())
    });
    match was_silent {
        true => Seen::Again,
        false if webhooks.is_watched.replace(true) => Seen::Nothing,
        false => Seen::Unwatched,
    }
}

/// Sees to it that the alarm comes when the connector is silent.
pub(super) async fn watch(object: &Rc<Object>) {
    let set = object.state.alarm().await;
    let needed = next_alarm(object);
    if set.ok().flatten().zip(needed).is_none_or(|(set, needed)| set > needed) {
        super::set_late_alarm(object).await;
    }
}

/// What was sent of a connector, as a response.
///
/// # Errors
/// 404 if there is no such connector, 500 if the database fails.
pub(in crate::edge) fn view(object: &Object, id: &str, size: usize) -> Result<Response, ApiError> {
    if object.with_record(|record| record.is_none_or(|record| record.alive().is_none())) {
        return Err(ApiError::not_found(id));
    }
    let settings = object.outbox.webhooks.settings(&object.env);
    let found = read_view(object, size.min(SHOWN_LIMIT)).map_err(|thrown| {
        failed("cannot be read", &thrown);
        ApiError::internal()
    })?;
    let (known, waiting, rows) = found;
    let mut targets = Vec::new();
    for target in &settings.targets {
        let gone = known.get(&target.name).and_then(|it| it.progress.gone.as_ref());
        targets.push(Entry {
            target,
            waiting: waiting.get(&target.name).and_then(Value::as_u64).unwrap_or_default(),
            is_ended: gone == Some(&target.fingerprint),
        });
    }
    Ok(Response::json(200, &webhook::show(id, &settings, &targets, &rows)))
}

type View = (BTreeMap<String, Position>, crate::connector::Fields, Vec<Value>);

fn read_view(object: &Object, size: usize) -> Result<View, JsError> {
    let Some(known) = object.store.webhook_targets()? else { return Ok(View::default()) };
    let waiting = text::parse_object(&object.store.waiting_webhooks()?)?;
    let rows = text::parse_array(&object.store.newest_webhooks(size)?)?;
    Ok((read_targets(&known), waiting, rows))
}

/// Sends every target something, side by side, and says what came of it.
///
/// # Errors
/// 500 if there is no chance to be had.
pub(in crate::edge) async fn test(env: &Env) -> Result<Response, ApiError> {
    let settings = settings(env);
    let nonce = new_id().ok_or_else(ApiError::internal)?;
    let sent: Vec<_> = settings
        .targets
        .iter()
        .enumerate()
        .map(|(n, target)| {
            let nonce = format!("{nonce}{n}");
            let message = webhook::test_message(target, &settings, &nonce, now());
            let reply = deliver(target, &message.id, &message.body, now_millis());
            (target, message, reply)
        })
        .collect();
    let mut results = Vec::new();
    for (target, message, reply) in sent {
        results.push(webhook::test_result(target, &message, &reply.await));
    }
    Ok(Response::json(200, &webhook::test_results(&settings, results)))
}

/// How long it is until then.
pub(super) fn until(at: u64) -> Duration {
    Duration::from_millis(at.saturating_sub(now_millis()))
}
