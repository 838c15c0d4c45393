//! Webhooks as a consumer of the outbox: each target is told of what has happened, in order, at
//! least once.
//!
//! The alarm that every commit sets looks what has happened since, makes messages of it and sends
//! them: so a write does nothing for webhooks, and no crash keeps a message from its target. What is
//! waiting, and for how long a connector has been silent, the same alarm is set for.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use worker::{Env, console_error};

use super::Outbox;
use crate::api::{ApiError, Response};
use crate::connector::Connector;
use crate::edge::message::{self, Notice};
use crate::edge::objects::connector::webhooks::{self as store, Attempt, TargetRow};
use crate::edge::runtime::{
    JsError, deliver, describe, join_all, notify_directory, now_millis, sleep, timeout,
    webhook_settings,
};
use crate::edge::{log, new_id, now};
use crate::protocol::outbox::Report;
pub(super) use crate::protocol::webhooks::Seen;
use crate::protocol::webhooks::{self, Batch, CollectContext, Step, Waiting};
use crate::status::Status;
use crate::values::Time;
use crate::webhook::{self, Delivery, Entry, Next, Outcome, Reply, Settings, Target};

/// No more messages of one connector wait for a target.
const WAITING_LIMIT: u64 = 1_000;
/// So many messages of a connector that wait no longer are kept, to be shown.
const KEPT: u64 = 50;
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
    memory: RefCell<webhooks::Webhooks>,
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

    /// Looks at what is remembered, or changes it. Nothing is awaited meanwhile.
    fn remember<T>(&self, look: impl FnOnce(&mut webhooks::Webhooks) -> T) -> T {
        look(&mut self.memory.borrow_mut())
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
    let prepared = open(outbox, &settings).and_then(|()| {
        let changed = outbox.shared.versions().0.changed;
        let is_far = outbox.webhooks.remember(|memory| memory.is_lagging(&settings, changed));
        if erases || is_far { collect(outbox, &settings, false) } else { Ok(()) }
    });
    if let Err(thrown) = prepared {
        failed("cannot be prepared", &thrown);
    }
}

fn failed(what: &str, thrown: &JsError) {
    console_error!("webhooks {what}: {}", describe(thrown));
}

/// Reads how far targets are, once, and begins with those that are new.
fn open(outbox: &Outbox, settings: &Settings) -> Result<(), JsError> {
    if !outbox.webhooks.remember(|memory| memory.is_open()) {
        let rows = store::targets(&outbox.shared.database)?.unwrap_or_default();
        let rows = rows.into_iter().map(|row| (row.name, row.progress, row.given_up));
        outbox.webhooks.remember(|memory| memory.open(rows));
    }
    let targets = outbox.webhooks.remember(|memory| memory.new_targets(settings));
    begin(outbox, &targets)
}

/// Begins with targets from here on.
fn begin(outbox: &Outbox, targets: &[&Target]) -> Result<(), JsError> {
    if targets.is_empty() {
        return Ok(());
    }
    let (seq, is_failing) = outbox.shared.with_record(|record| {
        let status = record.and_then(|record| record.connector()).map(Connector::status);
        (record.map_or(0, |record| record.version), status == Some(Status::Error))
    });
    let batch = outbox.webhooks.remember(|memory| memory.begin(targets, seq, is_failing));
    keep(outbox, batch, now_millis()).map(drop)
}

/// Stores news with their messages; gives how many messages were given up for which targets.
fn keep(outbox: &Outbox, batch: Batch, now: u64) -> Result<Vec<(String, u64)>, JsError> {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    let given_up = match batch.is_empty() {
        true => Vec::new(),
        false => {
            let messages = compose(outbox, &settings, &batch);
            let memory = outbox.webhooks.memory.borrow();
            let is_sending = |target: &str| memory.is_sending(target);
            let (database, rows) = (&outbox.shared.database, &batch.rows);
            store::collect(database, rows, &messages, now, WAITING_LIMIT, is_sending)?
        }
    };
    outbox.webhooks.remember(|memory| memory.stored(batch, &given_up));
    Ok(given_up)
}

fn compose<'a>(
    outbox: &Outbox,
    settings: &'a Settings,
    batch: &Batch,
) -> Vec<(&'a str, webhook::Message)> {
    let message = |(name, notification): &(String, webhook::Notification)| {
        let target = settings.targets.iter().find(|target| target.name == *name)?;
        outbox.shared.with_record(|record| {
            let (record, name) = (record?, target.name.as_str());
            let connector = record.connector();
            let message = webhook::compose(notification, &record.id, connector, target, settings);
            Some((name, message))
        })
    };
    batch.notifications.iter().filter_map(message).collect()
}

/// To be called right after the commit that puts a connector back: its past is no news.
pub(in crate::edge) fn restored(outbox: &Outbox) {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return;
    }
    let begun = open(outbox, &settings).and_then(|()| {
        let told = outbox.webhooks.remember(|memory| memory.active_targets(&settings));
        begin(outbox, &told)
    });
    if let Err(thrown) = begun {
        failed("cannot begin anew", &thrown);
    }
}

/// Looks what has happened, and makes messages of it. `holds`: changes may be held back.
fn collect(outbox: &Outbox, settings: &Settings, holds: bool) -> Result<(), JsError> {
    open(outbox, settings)?;
    let (changed, last_seen) = (outbox.shared.versions().0.changed, last_seen(outbox));
    let context = CollectContext { settings, changed, last_seen, now: now_millis(), holds };
    let changes_after = |seq| store::changes_after(&outbox.shared.database, seq);
    let batch = outbox.webhooks.remember(|memory| memory.collect(context, changes_after))?;
    for (target, count) in keep(outbox, batch, context.now)? {
        let why = format!("{WAITING_LIMIT} messages wait already");
        outbox.shared.with_record(|record| {
            let id = record.map(|record| record.id.as_str()).unwrap_or_default();
            log::webhooks_given_up(id, &target, count, &why);
        });
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
    for n in 0..settings.targets.len() {
        let Some(target) = settings.targets.get(n) else { continue };
        let (waiting, now) = (waiting(outbox, target), now_millis());
        let begin =
            |memory: &mut webhooks::Webhooks| memory.begin_sending(target, waiting.as_ref(), now);
        if !outbox.webhooks.remember(begin) {
            continue;
        }
        let (this, settings) = (outbox.clone(), settings.clone());
        outbox.shared.state.wait_until(async move {
            let Some(target) = settings.targets.get(n) else { return };
            let was_late = late_since(&this, target).is_some();
            send_all(&this, &settings, target).await;
            after_sending(&this, &settings, target, was_late).await;
        });
    }
}

/// Sets the alarm for what waits, and tells the Directory how the target is doing.
async fn after_sending(outbox: &Rc<Outbox>, settings: &Settings, target: &Target, was_late: bool) {
    let has_failed = outbox.webhooks.remember(|memory| memory.end_sending(target));
    if waiting(outbox, target).is_some() {
        super::set_late_alarm(outbox).await;
    }
    let since = late_since(outbox, target);
    if was_late || since.is_some() {
        let report = Report { since, ..Report::default() };
        outbox.remember(|memory| memory.reports.add(&target.name, report));
    }
    report_losses(outbox, settings);
    if has_failed {
        notify(outbox, target, None).await;
    }
    if !outbox.remember(|memory| memory.reports.is_empty()) {
        super::report::send(outbox).await;
    }
}

/// Waits a little for what is being sent.
pub(super) async fn wait(outbox: &Outbox) {
    let (parts, part) = PATIENCE;
    for _ in 0..parts {
        if outbox.webhooks.remember(|memory| memory.is_idle()) {
            return;
        }
        sleep(part).await;
    }
}

/// Has the Directory told how many messages were given up, and who has answered 410, if it may not know.
fn report_losses(outbox: &Outbox, settings: &Settings) {
    for target in &settings.targets {
        let losses = outbox.webhooks.remember(|memory| memory.take_losses(target));
        let Some((given_up, gone)) = losses else { continue };
        let report = Report { since: late_since(outbox, target), given_up, gone };
        outbox.remember(|memory| memory.reports.add(&target.name, report));
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
    waiting(outbox, target)?.late_since(now_millis())
}

/// Sends what is due, in order, until something fails.
async fn send_all(outbox: &Rc<Outbox>, settings: &Settings, target: &Target) {
    while let Some(message) = waiting(outbox, target) {
        let begun = now_millis();
        let step = message.step(begun);
        if step == Step::Rest {
            return;
        }
        outbox.webhooks.remember(|memory| memory.note_sending(target, begun));
        let verdict = match step {
            Step::Ask => notify(outbox, target, Some(&message.kind)).await,
            Step::Rest | Step::Send => Verdict::Single { sharing: 0 },
        };
        let settled = match verdict {
            Verdict::Gathered => settle(outbox, settings, target, &message, None),
            Verdict::Single { sharing } => {
                attempt(outbox, settings, target, &message, sharing, begun).await
            }
        };
        match settled {
            Ok(Next::Again(_)) => return,
            Ok(Next::Done(_)) => {}
            // It is sent again, by the alarm.
            Err(thrown) => return failed("cannot be noted", &thrown),
        }
    }
}

/// What the Directory says of a message about this connector. If it does not answer, the message is sent:
/// better too many than none.
enum Verdict {
    /// It is named by a message about many.
    Gathered,
    /// It is sent. So many connectors in an error share its cause; 0: that is not known.
    Single { sharing: u64 },
}

/// Sends a message once, and notes what came of it.
async fn attempt(
    outbox: &Outbox,
    settings: &Settings,
    target: &Target,
    message: &Waiting,
    sharing: u64,
    begun: u64,
) -> Result<Next, JsError> {
    let body = match message.says_missed() {
        true => store::say_missed(&outbox.shared.database, &target.name, message)?,
        false => message.body.clone(),
    };
    let more = webhook::with_sharing(&body, sharing).filter(|_| sharing > 0);
    let reply = deliver(target, &message.id, more.as_ref().unwrap_or(&body), begun).await;
    let next = settle(outbox, settings, target, message, Some((begun, &reply)))?;
    if let (Next::Again(_), Some(body)) = (next, &more) {
        // It says the same whenever it is repeated.
        store::keep_body(&outbox.shared.database, message.n, body)?;
    }
    Ok(next)
}

/// Tells the Directory of attempts, and asks about a message of that type, if there is one.
async fn notify(outbox: &Outbox, target: &Target, kind: Option<&str>) -> Verdict {
    let id = outbox.shared.with_record(|record| record.map(|record| record.id.clone()));
    let told = outbox.webhooks.remember(|memory| memory.attempts(target));
    let sent = async {
        let notice = message::write(&Notice::Attempts {
            id: id.as_deref(),
            target: &target.name,
            event: kind,
            attempts: told.all,
            failures: told.failed,
        })?;
        notify_directory(&outbox.shared.env, &notice).await
    };
    let Some(Ok(reply)) = timeout(ASK_LIMIT, sent).await else {
        return Verdict::Single { sharing: 0 };
    };
    outbox.webhooks.remember(|memory| memory.attempts_reported(target, told));
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
    settings: &Settings,
    target: &Target,
    message: &Waiting,
    attempt: Option<(u64, &Reply)>,
) -> Result<Next, JsError> {
    let reply = attempt.map(|(_, reply)| reply);
    let settled = message.settle(settings, reply, now_millis());
    let (id, is_there) = outbox.shared.with_record(|record| {
        let id = record.map(|record| record.id.clone()).unwrap_or_default();
        (id, record.is_some_and(|record| record.connector().is_some()))
    });
    let problem = reply.and_then(Reply::problem);
    if let (Some(outcome), Some(problem)) = (settled.outcome, &problem) {
        log::webhook(&id, &target.name, &message.id, outcome, problem);
    }
    let noted = Attempt {
        n: message.n,
        target: &target.name,
        attempts: settled.attempts,
        next_at: settled.next.at(),
        tried_at: attempt.map(|(begun, _)| begun),
        status: reply.and_then(|reply| reply.status),
        error: problem.as_deref(),
        outcome: settled.outcome,
    };
    // Of a connector that was erased nothing is kept.
    store::settle(&outbox.shared.database, &noted, if is_there { KEPT } else { 0 })?;
    if settled.next == Next::Done(Outcome::Gone) {
        store::end(&outbox.shared.database, &target.name, &target.fingerprint)?;
    }
    outbox.webhooks.remember(|memory| memory.settled(target, &settled));
    Ok(settled.next)
}

/// When the alarm is needed next, in milliseconds since 1970.
pub(super) fn next_alarm(outbox: &Outbox) -> Option<u64> {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return None;
    }
    let (last_seen, next_at) =
        (last_seen(outbox), |target: &Target| Some(waiting(outbox, target)?.next_at));
    outbox.webhooks.remember(|memory| memory.next_alarm(&settings, last_seen, next_at))
}

/// To be called after a heartbeat.
pub(super) fn seen(outbox: &Outbox) -> Seen {
    let webhooks = &outbox.webhooks;
    let settings = webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return Seen::Nothing;
    }
    webhooks.remember(|memory| memory.seen())
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
