//! Webhooks as a consumer of the outbox: each target is told of what has happened, in order, at
//! least once.
//!
//! The alarm that every commit sets looks what has happened since, makes messages of it and sends
//! them: so a write does nothing for webhooks, and no crash keeps a message from its target. What is
//! waiting, and for how long a connector has been silent, the same alarm is set for.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use worker::{Env, console_error};

use super::Outbox;
use crate::api::{ApiError, Response};
use crate::connector::Connector;
use crate::edge::message::{self, FORMAT};
use crate::edge::objects::connector::webhooks::{self as store, Attempt, TargetRow, Waiting};
use crate::edge::runtime::{
    JsError, deliver, describe, join_all, notify_directory, now_millis, sleep, timeout,
    webhook_settings,
};
use crate::edge::{log, new_id, now};
use crate::protocol::outbox::{REPORT_AFTER_MS, Report};
use crate::status::Status;
use crate::values::Time;
use crate::values::sorted::SortedMap;
use crate::webhook::{
    self, Collected, Delivery, Entry, EventType, HELD_LIMIT, Next, Outcome, Progress, Reply,
    Settings, TIME_LIMIT_MS, Target,
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
/// How long to wait for the Directory to say whether a message is sent by itself.
const ASK_LIMIT: Duration = Duration::from_secs(1);
/// No more messages are shown.
const SHOWN_LIMIT: usize = 100;

/// What an object remembers of webhooks.
#[derive(Default)]
pub(in crate::edge) struct Webhooks {
    settings: OnceCell<Rc<Settings>>,
    progress: RefCell<Option<SortedMap<String, Position>>>,
    /// Attempts that the Directory has not been told of, by target.
    attempts: RefCell<SortedMap<String, Attempts>>,
    /// Since when a message is being sent, by target.
    sending: RefCell<SortedMap<String, u64>>,
    /// Will the alarm look whether the connector is silent?
    is_watched: Cell<bool>,
}

/// How far a target is, and whether changes are held back from it.
#[derive(Clone, Default)]
struct Position {
    progress: Progress,
    is_held: bool,
    /// How many messages were given up, and of how many the Directory is about to know.
    given_up: u64,
    reported: u64,
    /// May the Directory not know that the target has answered 410?
    is_end_unreported: bool,
}

/// Attempts to send something to a target, and how many of them have failed.
#[derive(Clone, Copy, Default)]
struct Attempts {
    all: u64,
    failed: u64,
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
    Settings::read(&webhook_settings(env))
}

/// How long a connector may be away before it counts as silent.
pub(in crate::edge) fn silent_after_seconds(outbox: &Outbox) -> u64 {
    outbox.webhooks.settings(&outbox.shared.env).silent_after_seconds()
}

/// To be called before a commit: who has not been told anything of this connector is told from here
/// on. `erases`: the history goes with the connector, so what is held back is told before.
pub(in crate::edge) fn prepare(outbox: &Outbox, erases: bool) {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return;
    }
    // The history is pruned: what is in it is told before.
    let prepared =
        open(outbox, &settings).and_then(|()| match erases || is_far_behind(outbox, &settings) {
            true => collect(outbox, &settings, false),
            false => Ok(()),
        });
    if let Err(thrown) = prepared {
        failed("cannot be prepared", &thrown);
    }
}

/// Has so much happened since a target was last told that the alarm must not be waited for?
fn is_far_behind(outbox: &Outbox, settings: &Settings) -> bool {
    let changed = outbox.shared.with_record(|record| record.map_or(0, |record| record.changed));
    let known = outbox.webhooks.progress.borrow();
    let seq_of = |target: &Target| {
        let position = known.as_ref()?.get(&target.name)?;
        position.progress.gone.is_none().then_some(position.progress.seq)
    };
    let slowest = settings.targets.iter().filter_map(seq_of).min();
    slowest.is_some_and(|seq| changed.saturating_sub(seq) >= HELD_LIMIT as u64)
}

fn failed(what: &str, thrown: &JsError) {
    console_error!("webhooks {what}: {}", describe(thrown));
}

/// Reads how far targets are, once, and begins with those that are new.
fn open(outbox: &Outbox, settings: &Settings) -> Result<(), JsError> {
    let mut known = outbox.webhooks.progress.borrow_mut();
    if known.is_none() {
        let rows = store::targets(&outbox.shared.database)?.unwrap_or_default();
        *known = Some(rows.into_iter().map(position).collect());
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
    begin(outbox, known, settings.targets.iter().filter(|target| !is_known(target)).collect())
}

/// Begins with targets from here on.
fn begin(
    outbox: &Outbox,
    known: &mut SortedMap<String, Position>,
    targets: Vec<&Target>,
) -> Result<(), JsError> {
    let (seq, is_failing) = outbox.shared.with_record(|record| {
        let status = record.and_then(|record| record.connector()).map(Connector::status);
        (record.map_or(0, |record| record.version), status == Some(Status::Error))
    });
    let begun: Vec<_> = targets
        .into_iter()
        .map(|target| {
            let progress = Progress { seq, is_failing, ..Progress::default() };
            let before = known.get(&target.name).cloned().unwrap_or_default();
            (target.name.clone(), Position { progress, is_held: false, ..before })
        })
        .collect();
    let rows: Vec<_> = begun.iter().map(|(name, it)| (name.as_str(), &it.progress)).collect();
    store::collect(&outbox.shared.database, &rows, &[], now_millis(), WAITING_LIMIT, |_| false)?;
    known.extend(begun);
    Ok(())
}

/// To be called right after the commit that puts a connector back: its past is no news.
pub(in crate::edge) fn restored(outbox: &Outbox) {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return;
    }
    let begun = open(outbox, &settings).and_then(|()| {
        let mut known = outbox.webhooks.progress.borrow_mut();
        let Some(known) = known.as_mut() else { return Ok(()) };
        let is_told = |target: &&Target| {
            known.get(&target.name).is_some_and(|position| position.progress.gone.is_none())
        };
        let told = settings.targets.iter().filter(is_told).collect();
        begin(outbox, known, told)
    });
    if let Err(thrown) = begun {
        failed("cannot begin anew", &thrown);
    }
}

fn position(row: TargetRow) -> (String, Position) {
    let TargetRow { name, progress, given_up } = row;
    let is_end_unreported = progress.gone.is_some();
    (name, Position { progress, is_held: false, given_up, reported: 0, is_end_unreported })
}

/// Looks what has happened, and makes messages of it. `holds`: changes may be held back.
fn collect(outbox: &Outbox, settings: &Settings, holds: bool) -> Result<(), JsError> {
    open(outbox, settings)?;
    let now = now_millis();
    let changed = outbox.shared.with_record(|record| record.map_or(0, |record| record.changed));
    let last_seen = last_seen(outbox);
    let mut known = outbox.webhooks.progress.borrow_mut();
    let Some(known) = known.as_mut() else { return Ok(()) };
    let (mut kept, mut messages, mut next) = (Vec::new(), Vec::new(), Vec::new());
    for target in &settings.targets {
        let Some(position) = known.get(&target.name) else { continue };
        if position.progress.gone.is_some() {
            continue;
        }
        let changes = match changed > position.progress.seq {
            true => store::changes_after(&outbox.shared.database, position.progress.seq)?,
            false => Vec::new(),
        };
        let collected =
            webhook::collect(target, settings, &position.progress, &changes, last_seen, now, holds);
        let Collected { mut progress, happenings, is_held, is_new } = collected;
        if !is_held {
            // What is no change of status need not be looked at again.
            progress.seq = progress.seq.max(changed);
        }
        outbox.shared.with_record(|record| {
            let Some(record) = record else { return };
            for happening in &happenings {
                let connector = record.connector();
                let message = webhook::compose(happening, &record.id, connector, target, settings);
                messages.push((target.name.as_str(), message));
            }
        });
        if is_new {
            kept.push((target.name.as_str(), progress.clone()));
        }
        next.push((target.name.clone(), Position { progress, is_held, ..position.clone() }));
    }
    let rows: Vec<_> = kept.iter().map(|(name, progress)| (*name, progress)).collect();
    let given_up = match rows.is_empty() {
        true => Vec::new(),
        false => {
            let sending = outbox.webhooks.sending.borrow();
            let is_sending = |target: &str| sending.contains_key(target);
            store::collect(
                &outbox.shared.database,
                &rows,
                &messages,
                now,
                WAITING_LIMIT,
                is_sending,
            )?
        }
    };
    known.extend(next);
    for (target, count) in given_up {
        let why = format!("{WAITING_LIMIT} messages wait already");
        outbox.shared.with_record(|record| {
            let id = record.map(|record| record.id.as_str()).unwrap_or_default();
            log::webhooks_given_up(id, &target, count, &why);
        });
        if let Some(position) = known.get_mut(&target) {
            position.given_up += count;
        }
    }
    Ok(())
}

/// When the connector was last seen, in milliseconds since 1970. One that is hidden is not looked for.
fn last_seen(outbox: &Outbox) -> Option<u64> {
    outbox
        .shared
        .with_record(|record| Time::parse(record?.alive()?.text("last_seen")?)?.unix_millis())
}

/// To be called by the alarm: makes messages and begins to send them. Nobody waits for that.
pub(super) fn run(outbox: &Rc<Outbox>) {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return;
    }
    if let Err(thrown) = collect(outbox, &settings, true) {
        failed("cannot be collected", &thrown);
    }
    report_losses(outbox, &settings);
    let now = now_millis();
    for n in 0..settings.targets.len() {
        let Some(target) = settings.targets.get(n) else { continue };
        let is_due = waiting(outbox, target).is_some_and(|message| message.next_at <= now);
        if !is_due || outbox.webhooks.sending.borrow().contains_key(&target.name) {
            continue;
        }
        outbox.webhooks.sending.borrow_mut().insert(target.name.clone(), now);
        let (this, settings) = (outbox.clone(), settings.clone());
        outbox.shared.state.wait_until(async move {
            let Some(target) = settings.targets.get(n) else { return };
            let was_late = late_since(&this, target).is_some();
            send_all(&this, &settings, target).await;
            this.webhooks.sending.borrow_mut().remove(&target.name);
            if waiting(&this, target).is_some() {
                super::set_late_alarm(&this).await;
            }
            let since = late_since(&this, target);
            if was_late || since.is_some() {
                let report = Report { since, ..Report::default() };
                this.remember(|memory| memory.reports.add(&target.name, report));
            }
            report_losses(&this, &settings);
            let has_failed =
                this.webhooks.attempts.borrow().get(&target.name).is_some_and(|it| it.failed > 0);
            if has_failed {
                notify(&this, target, None).await;
            }
            if !this.remember(|memory| memory.reports.is_empty()) {
                super::report::send(&this).await;
            }
        });
    }
}

/// Waits a little for what is being sent.
pub(super) async fn wait(outbox: &Outbox) {
    let (parts, part) = PATIENCE;
    for _ in 0..parts {
        if outbox.webhooks.sending.borrow().is_empty() {
            return;
        }
        sleep(part).await;
    }
}

/// Has the Directory told how many messages were given up, and who has answered 410, if it may not know.
fn report_losses(outbox: &Outbox, settings: &Settings) {
    for target in &settings.targets {
        let (given_up, gone) = {
            let mut known = outbox.webhooks.progress.borrow_mut();
            let position = known.as_mut().and_then(|known| known.get_mut(&target.name));
            let Some(it) = position else { continue };
            let given_up = (it.given_up > it.reported).then_some(it.given_up);
            it.reported = it.given_up;
            let is_end_unreported = std::mem::take(&mut it.is_end_unreported);
            (given_up, it.progress.gone.clone().filter(|_| is_end_unreported))
        };
        if given_up.is_some() || gone.is_some() {
            let report = Report { since: late_since(outbox, target), given_up, gone };
            outbox.remember(|memory| memory.reports.add(&target.name, report));
        }
    }
}

/// The message that a target is to be sent next.
fn waiting(outbox: &Outbox, target: &Target) -> Option<Waiting> {
    let row = store::next(&outbox.shared.database, &target.name);
    row.inspect_err(|thrown| failed("cannot be read", thrown)).ok()?
}

/// Since when the oldest message has waited for a target, if it has for a while or will have when it
/// is sent next.
fn late_since(outbox: &Outbox, target: &Target) -> Option<u64> {
    let Waiting { made, next_at, .. } = waiting(outbox, target)?;
    let waits_ms = now_millis().max(next_at).saturating_sub(made);
    (waits_ms >= REPORT_AFTER_MS).then_some(made)
}

/// Sends what is due, in order, until something fails.
async fn send_all(outbox: &Rc<Outbox>, settings: &Settings, target: &Target) {
    while let Some(message) = waiting(outbox, target) {
        let begun = now_millis();
        if message.next_at > begun {
            return;
        }
        outbox.webhooks.sending.borrow_mut().insert(target.name.clone(), begun);
        let is_first = message.attempts == 0;
        let verdict = match is_first {
            true => ask_directory(outbox, target, &message.kind).await,
            false => Verdict::Single { sharing: 0 },
        };
        let Verdict::Single { sharing } = verdict else {
            match settle(outbox, target, &message, None) {
                Ok(_) => continue,
                Err(thrown) => return failed("cannot be noted", &thrown),
            }
        };
        let body = match is_first && message.missed > 0 {
            true => store::say_missed(&outbox.shared.database, &target.name, &message),
            false => Ok(message.body.clone()),
        };
        let body = match body {
            Ok(body) => body,
            Err(thrown) => return failed("cannot be read", &thrown),
        };
        let more = webhook::with_sharing(&body, sharing).filter(|_| sharing > 0);
        let reply = deliver(target, &message.id, more.as_ref().unwrap_or(&body), begun).await;
        match settle(outbox, target, &message, Some((begun, &reply, settings))) {
            Ok(Next::Again(_)) => {
                // It says the same whenever it is repeated.
                if let Some(body) = &more {
                    let kept = store::keep_body(&outbox.shared.database, message.n, body);
                    drop(kept.inspect_err(|thrown| failed("cannot be noted", thrown)));
                }
                return;
            }
            Ok(Next::Done(_)) => {}
            // It is sent again, by the alarm.
            Err(thrown) => return failed("cannot be noted", &thrown),
        }
    }
}

/// What the Directory says of a message about this connector.
enum Verdict {
    /// It is named by a message about many.
    Gathered,
    /// It is sent. So many connectors in an error share its cause; 0: that is not known.
    Single { sharing: u64 },
}

/// Does the Directory summarize what has happened to many connectors, this one among them? If it does
/// not answer, the message is sent: rather too many than none.
async fn ask_directory(outbox: &Outbox, target: &Target, kind: &str) -> Verdict {
    if !EventType::parse(kind).is_some_and(EventType::is_summarized) {
        return Verdict::Single { sharing: 0 };
    }
    notify(outbox, target, Some(kind)).await
}

/// Tells the Directory of attempts, and asks about a message of that type, if there is one.
async fn notify(outbox: &Outbox, target: &Target, kind: Option<&str>) -> Verdict {
    let id = outbox.shared.with_record(|record| record.map(|record| record.id.clone()));
    let attempts = &outbox.webhooks.attempts;
    let told = attempts.borrow().get(&target.name).copied().unwrap_or_default();
    let notice = json!({
        "format": FORMAT,
        "id": id,
        "target": target.name,
        "event": kind,
        "attempts": told.all,
        "failures": told.failed,
    });
    let notice = notice.to_string();
    let Some(Ok(reply)) = timeout(ASK_LIMIT, notify_directory(&outbox.shared.env, &notice)).await
    else {
        return Verdict::Single { sharing: 0 };
    };
    if let Some(attempts) = attempts.borrow_mut().get_mut(&target.name) {
        attempts.all = attempts.all.saturating_sub(told.all);
        attempts.failed = attempts.failed.saturating_sub(told.failed);
    }
    let reply = message::parse(&reply).unwrap_or_default();
    match reply.get("gathered") {
        Some(Value::Bool(true)) => Verdict::Gathered,
        _ => Verdict::Single {
            sharing: reply.get("sharing").and_then(Value::as_u64).unwrap_or_default(),
        },
    }
}

/// Notes what became of a message. `attempt`: when it was tried and what came of it; `None`: a summary
/// says it.
fn settle(
    outbox: &Outbox,
    target: &Target,
    message: &Waiting,
    attempt: Option<(u64, &Reply, &Settings)>,
) -> Result<Next, JsError> {
    let attempts = message.attempts + usize::from(attempt.is_some());
    let next = attempt.map_or(Next::Done(Outcome::Delivered), |(_, reply, settings)| {
        Next::after(settings, &message.id, attempts, message.made, reply, now_millis())
    });
    let outcome = if attempt.is_some() { next.state() } else { Some("summarized") };
    let (id, is_there) = outbox.shared.with_record(|record| {
        let id = record.map(|record| record.id.clone()).unwrap_or_default();
        (id, record.is_some_and(|record| record.connector().is_some()))
    });
    let problem = attempt.and_then(|(_, reply, _)| reply.problem());
    if let (Some(outcome), Some(problem)) = (outcome, &problem) {
        log::webhook(&id, &target.name, &message.id, outcome, problem);
    }
    let noted = Attempt {
        n: message.n,
        target: &target.name,
        attempts,
        next_at: next.at(),
        tried_at: attempt.map(|(begun, _, _)| begun),
        status: attempt.and_then(|(_, reply, _)| reply.status),
        error: problem.as_deref(),
        outcome,
    };
    if attempt.is_some() {
        let mut attempts = outbox.webhooks.attempts.borrow_mut();
        let attempts = attempts.at(target.name.clone());
        attempts.all += 1;
        attempts.failed += u64::from(next != Next::Done(Outcome::Delivered));
    }
    // Of a connector that was erased nothing is kept.
    store::settle(&outbox.shared.database, &noted, if is_there { KEPT } else { 0 })?;
    match next {
        Next::Done(Outcome::Gone) => end(outbox, target)?,
        Next::Done(Outcome::Failed) => {
            let mut known = outbox.webhooks.progress.borrow_mut();
            if let Some(it) = known.as_mut().and_then(|known| known.get_mut(&target.name)) {
                it.given_up += 1;
            }
        }
        Next::Done(Outcome::Delivered) | Next::Again(_) => {}
    }
    Ok(next)
}

/// The target wants nothing more of this connector, as long as it has that URL.
fn end(outbox: &Outbox, target: &Target) -> Result<(), JsError> {
    store::end(&outbox.shared.database, &target.name, &target.fingerprint)?;
    let mut known = outbox.webhooks.progress.borrow_mut();
    if let Some(position) = known.as_mut().and_then(|known| known.get_mut(&target.name)) {
        position.progress.gone = Some(target.fingerprint.clone());
        position.is_end_unreported = true;
    }
    Ok(())
}

/// When the alarm is needed next, in milliseconds since 1970.
pub(super) fn next_alarm(outbox: &Outbox) -> Option<u64> {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return None;
    }
    let silent_at = silent_at(outbox, &settings);
    outbox.webhooks.is_watched.set(silent_at.is_some());
    let sending = outbox.webhooks.sending.borrow();
    let known = outbox.webhooks.progress.borrow();
    let of_target = |target: &Target| {
        let message = match sending.get(&target.name) {
            Some(since) => Some(since + SENDING_LIMIT_MS),
            None => waiting(outbox, target).map(|message| message.next_at),
        };
        let position = known.as_ref().and_then(|known| known.get(&target.name));
        let held = position.filter(|it| it.is_held).map(|it| it.progress.quiet_until);
        message.into_iter().chain(held).min()
    };
    settings.targets.iter().filter_map(of_target).chain(silent_at).min()
}

/// When the connector is silent, if somebody wants to hear of it and has not.
fn silent_at(outbox: &Outbox, settings: &Settings) -> Option<u64> {
    let seen = last_seen(outbox)?;
    let known = outbox.webhooks.progress.borrow();
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
pub(super) fn seen(outbox: &Outbox) -> Seen {
    let webhooks = &outbox.webhooks;
    let settings = webhooks.settings(&outbox.shared.env);
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
pub(super) async fn watch(outbox: &Rc<Outbox>) {
    let set = outbox.shared.state.alarm().await;
    let needed = next_alarm(outbox);
    if set.ok().flatten().zip(needed).is_none_or(|(set, needed)| set > needed) {
        super::set_late_alarm(outbox).await;
    }
}

/// What was sent of a connector, as a response.
///
/// # Errors
/// 404 if there is no such connector, 500 if the database fails.
pub(in crate::edge) fn view(outbox: &Outbox, id: &str, size: usize) -> Result<Response, ApiError> {
    if outbox.shared.with_record(|record| record.is_none_or(|record| record.alive().is_none())) {
        return Err(ApiError::not_found(id));
    }
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    let found = read_view(outbox, size.min(SHOWN_LIMIT)).map_err(|thrown| {
        failed("cannot be read", &thrown);
        ApiError::internal()
    })?;
    let (known, waiting, rows) = found;
    let entry = |target| {
        let Target { name, fingerprint, .. }: &Target = target;
        let row = known.iter().find(|row| row.name == *name);
        Entry {
            target,
            waiting: waiting.iter().find(|(it, _)| it == name).map_or(0, |(_, count)| *count),
            is_ended: row.and_then(|row| row.progress.gone.as_ref()) == Some(fingerprint),
            given_up: row.map_or(0, |row| row.given_up),
        }
    };
    let targets: Vec<_> = settings.targets.iter().map(entry).collect();
    Ok(Response::json(200, &webhook::show(id, &settings, &targets, &rows)))
}

type View = (Vec<TargetRow>, Vec<(String, u64)>, Vec<Delivery>);

fn read_view(outbox: &Outbox, size: usize) -> Result<View, JsError> {
    let database = &outbox.shared.database;
    let Some(known) = store::targets(database)? else { return Ok(View::default()) };
    Ok((known, store::waiting(database)?, store::newest(database, size)?))
}

/// Sends every target something, side by side, and says what came of it.
///
/// # Errors
/// 500 if there is no chance to be had.
pub(in crate::edge) async fn test(env: &Env) -> Result<Response, ApiError> {
    let settings = settings(env);
    let nonce = new_id().ok_or_else(ApiError::internal)?;
    let begun = now_millis();
    // An endpoint gets one message after another, so that one that hangs keeps no connection from the others.
    let targets = settings.targets.iter().enumerate().map(|(n, target)| {
        let nonce = format!("{nonce}{n}");
        let mut messages = webhook::test_messages(target, &settings, &nonce, now());
        messages.extend(webhook::test_summary(target, &settings, &nonce, begun));
        async move {
            let mut results = Vec::new();
            for message in messages {
                let reply = deliver(target, &message.id, &message.body, now_millis()).await;
                results.push(webhook::test_result(target, &message, &reply));
                let took = now_millis().saturating_sub(begun);
                if reply.status.is_none() || took >= webhook::TIME_LIMIT_MS {
                    break;
                }
            }
            results
        }
    });
    let results = join_all(targets).await.into_iter().flatten().collect();
    Ok(Response::json(200, &webhook::test_results(&settings, results)))
}

/// How long it is until then.
pub(super) fn until(at: u64) -> Duration {
    Duration::from_millis(at.saturating_sub(now_millis()))
}
