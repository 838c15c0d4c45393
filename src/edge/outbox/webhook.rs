//! Webhooks as a consumer of the outbox: messages are delivered to each target in order, at least once.
//!
//! Every commit sets an alarm, which makes messages of the changes and sends them. So writes never wait for
//! webhooks, and no message is lost in a crash. The same alarm retries pending messages and detects silent
//! connectors.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use worker::{Env, console_error};

use super::Outbox;
use crate::api::{ApiError, Response};
use crate::connector::Connector;
use crate::edge::message::{self, Attempts, Notice, NoticeReply, UnknownFormat};
use crate::edge::objects::connector::webhooks::{self as store, MessageState, TargetRow};
use crate::edge::runtime::{
    JsError, deliver, describe, join_all, notify_directory, now_millis, sleep, timeout,
    webhook_settings,
};
use crate::edge::{log, new_id, now};
use crate::protocol::outbox::Report;
pub(super) use crate::protocol::webhooks::Seen;
use crate::protocol::webhooks::{self, Batch, CollectContext, PendingMessage, Step};
use crate::status::Status;
use crate::values::Time;
use crate::webhook::{self, Delivery, Next, Outcome, Reply, Settings, Target, TargetStatus};

/// The maximum number of pending messages of one connector for a target.
const PENDING_LIMIT: u64 = 1_000;
/// How many messages of a connector are kept for display after they were sent or given up.
const KEPT_MESSAGES: u64 = 50;
/// How often, and at which interval, the alarm checks whether all messages have been sent. Usually they have,
/// which saves another alarm.
const IDLE_CHECKS: u32 = 10;
const IDLE_CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Timeout for asking the Directory whether a summary replaces a message.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum number of messages in a response.
const PAGE_LIMIT: usize = 100;

/// An object's webhook settings and state, in memory.
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

    /// Reads or changes the memory. The closure cannot await, so the borrow never spans an await.
    fn remember<T>(&self, change: impl FnOnce(&mut webhooks::Webhooks) -> T) -> T {
        change(&mut self.memory.borrow_mut())
    }
}

/// The settings of webhooks, and when a connector counts as silent.
pub(in crate::edge) fn settings(env: &Env) -> Settings {
    Settings::read(&webhook_settings(env))
}

pub(in crate::edge) fn silent_after_seconds(outbox: &Outbox) -> u64 {
    outbox.webhooks.settings(&outbox.shared.env).silent_after_seconds()
}

/// Call before a commit: new targets start with it. `erases`: the commit erases the history, so messages about
/// changes that are held back are made first.
pub(in crate::edge) fn prepare(outbox: &Outbox, erases: bool) {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return;
    }
    // The history is pruned: collect changes before that.
    let prepared = open(outbox, &settings).and_then(|()| {
        let changed = outbox.shared.versions().0.changed;
        let is_lagging = outbox.webhooks.remember(|memory| memory.is_lagging(&settings, changed));
        if erases || is_lagging { collect(outbox, &settings, false) } else { Ok(()) }
    });
    if let Err(thrown) = prepared {
        log_failure("cannot be prepared", &thrown);
    }
}

fn log_failure(what: &str, thrown: &JsError) {
    console_error!("webhooks {what}: {}", describe(thrown));
}

/// Reads the targets' progress once, and starts new targets.
fn open(outbox: &Outbox, settings: &Settings) -> Result<(), JsError> {
    if !outbox.webhooks.remember(|memory| memory.is_open()) {
        let rows = store::targets(&outbox.shared.database)?.unwrap_or_default();
        let rows = rows.into_iter().map(|row| (row.name, row.progress, row.given_up));
        outbox.webhooks.remember(|memory| memory.open(rows));
    }
    let targets = outbox.webhooks.remember(|memory| memory.new_targets(settings));
    begin(outbox, &targets)
}

/// Starts targets at the current version.
fn begin(outbox: &Outbox, targets: &[&Target]) -> Result<(), JsError> {
    if targets.is_empty() {
        return Ok(());
    }
    let (seq, is_failing) = outbox.shared.with_record(|record| {
        let status = record.and_then(|record| record.connector()).map(Connector::status);
        (record.map_or(0, |record| record.version), status == Some(Status::Error))
    });
    let batch = outbox.webhooks.remember(|memory| memory.begin(targets, seq, is_failing));
    store_batch(outbox, batch, now_millis()).map(drop)
}

/// Stores a batch and its messages. Returns how many messages were given up, by target.
fn store_batch(outbox: &Outbox, batch: Batch, now: u64) -> Result<Vec<(String, u64)>, JsError> {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    let given_up = if batch.is_empty() {
        Vec::new()
    } else {
        let messages = compose(outbox, &settings, &batch);
        let memory = outbox.webhooks.memory.borrow();
        let is_sending = |target: &str| memory.is_sending(target);
        let (database, rows) = (&outbox.shared.database, &batch.rows);
        store::collect(database, rows, &messages, now, PENDING_LIMIT, is_sending)?
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

/// Call right after the commit of a restore: targets get no messages about the restored history.
pub(in crate::edge) fn restored(outbox: &Outbox) {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return;
    }
    let started = open(outbox, &settings).and_then(|()| {
        let active = outbox.webhooks.remember(|memory| memory.active_targets(&settings));
        begin(outbox, &active)
    });
    if let Err(thrown) = started {
        log_failure("cannot start after a restore", &thrown);
    }
}

/// Makes messages of new changes. `holds`: changes may be held back.
fn collect(outbox: &Outbox, settings: &Settings, holds: bool) -> Result<(), JsError> {
    open(outbox, settings)?;
    let (changed, last_seen) = (outbox.shared.versions().0.changed, last_seen(outbox));
    let context = CollectContext { settings, changed, last_seen, now: now_millis(), holds };
    let changes_after = |seq| store::changes_after(&outbox.shared.database, seq);
    let batch = outbox.webhooks.remember(|memory| memory.collect(context, changes_after))?;
    for (target, count) in store_batch(outbox, batch, context.now)? {
        let why = format!("{PENDING_LIMIT} messages wait already");
        outbox.shared.with_record(|record| {
            let id = record.map(|record| record.id.as_str()).unwrap_or_default();
            log::webhooks_given_up(id, &target, count, &why);
        });
    }
    Ok(())
}

/// When the connector was last seen, in milliseconds since 1970. A deleted connector cannot be silent.
fn last_seen(outbox: &Outbox) -> Option<u64> {
    outbox
        .shared
        .with_record(|record| Time::parse(record?.alive()?.text("last_seen")?)?.unix_millis())
}

/// Called by the alarm: makes messages, and sends them without waiting.
pub(super) fn run(outbox: &Rc<Outbox>) {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return;
    }
    if let Err(thrown) = collect(outbox, &settings, true) {
        log_failure("cannot be collected", &thrown);
    }
    report_losses(outbox, &settings);
    for n in 0..settings.targets.len() {
        let Some(target) = settings.targets.get(n) else { continue };
        let (waiting, now) = (next_message(outbox, target), now_millis());
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

/// Sets the alarm if messages are pending, and reports the target's state to the Directory.
async fn after_sending(outbox: &Rc<Outbox>, settings: &Settings, target: &Target, was_late: bool) {
    let has_failed = outbox.webhooks.remember(|memory| memory.end_sending(target));
    if next_message(outbox, target).is_some() {
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

/// Waits a short time for messages that are being sent.
pub(super) async fn wait_until_idle(outbox: &Outbox) {
    for _ in 0..IDLE_CHECKS {
        if outbox.webhooks.remember(|memory| memory.is_idle()) {
            return;
        }
        sleep(IDLE_CHECK_INTERVAL).await;
    }
}

/// Reports to the Directory how many messages were given up and which targets returned 410, unless it was
/// reported before.
fn report_losses(outbox: &Outbox, settings: &Settings) {
    for target in &settings.targets {
        let losses = outbox.webhooks.remember(|memory| memory.take_losses(target));
        let Some((given_up, gone)) = losses else { continue };
        let report = Report { since: late_since(outbox, target), given_up, gone };
        outbox.remember(|memory| memory.reports.add(&target.name, report));
    }
}

/// The next message to send to a target.
fn next_message(outbox: &Outbox, target: &Target) -> Option<PendingMessage> {
    let row = store::next(&outbox.shared.database, &target.name);
    row.inspect_err(|thrown| log_failure("cannot be read", thrown)).ok()?
}

/// Since when the oldest message has been pending, if the target lags or will lag before the next attempt.
fn late_since(outbox: &Outbox, target: &Target) -> Option<u64> {
    next_message(outbox, target)?.late_since(now_millis())
}

/// Sends the messages that are due, in order, until one fails.
async fn send_all(outbox: &Rc<Outbox>, settings: &Settings, target: &Target) {
    while let Some(message) = next_message(outbox, target) {
        let begun = now_millis();
        let step = message.step(begun);
        if step == Step::Wait {
            return;
        }
        outbox.webhooks.remember(|memory| memory.mark_sending(target, begun));
        let verdict = match step {
            Step::Ask => notify(outbox, target, Some(&message.kind)).await,
            Step::Wait | Step::Send => Verdict::Single { sharing: 0 },
        };
        let next = match verdict {
            Verdict::Gathered => store_state(outbox, settings, target, &message, None),
            Verdict::Single { sharing } => {
                attempt(outbox, settings, target, &message, sharing, begun).await
            }
        };
        match next {
            Ok(Next::Retry(_)) => return,
            Ok(Next::Done(_)) => {}
            // The alarm sends it again.
            Err(thrown) => return log_failure("cannot store the result of an attempt", &thrown),
        }
    }
}

/// The Directory's decision about a message. If it does not answer, the message is sent: too many messages are
/// better than none.
enum Verdict {
    /// A summary replaces the message.
    Gathered,
    /// The message is sent. `sharing`: how many connectors have an error with the same cause; 0: unknown.
    Single { sharing: u64 },
}

/// Tries to send a message once, and stores the result.
async fn attempt(
    outbox: &Outbox,
    settings: &Settings,
    target: &Target,
    message: &PendingMessage,
    sharing: u64,
    begun: u64,
) -> Result<Next, JsError> {
    let body = if message.must_report_missed() {
        store::report_missed(&outbox.shared.database, &target.name, message)?
    } else {
        message.body.clone()
    };
    let more = webhook::with_sharing(&body, sharing).filter(|_| sharing > 0);
    let reply = deliver(target, &message.id, more.as_ref().unwrap_or(&body), begun).await;
    let next = store_state(outbox, settings, target, message, Some((begun, &reply)))?;
    if let (Next::Retry(_), Some(body)) = (next, &more) {
        // A retry sends the same body.
        store::store_body(&outbox.shared.database, message.n, body)?;
    }
    Ok(next)
}

/// Reports attempts to the Directory. With an event type, also asks whether a summary replaces the message.
async fn notify(outbox: &Outbox, target: &Target, kind: Option<&str>) -> Verdict {
    let id = outbox.shared.with_record(|record| record.map(|record| record.id.clone()));
    let Some(id) = id else { return Verdict::Single { sharing: 0 } };
    let attempts = outbox.webhooks.remember(|memory| memory.attempts(target));
    let sent = async {
        let made = Attempts {
            id: id.into(),
            target: target.name.as_str().into(),
            event: kind.map(Into::into),
            attempts: attempts.all,
            failures: attempts.failed,
        };
        let notice = Notice::Attempts(made).into_json()?;
        notify_directory(&outbox.shared.env, &notice).await
    };
    let Some(Ok(reply)) = timeout(NOTIFY_TIMEOUT, sent).await else {
        return Verdict::Single { sharing: 0 };
    };
    outbox.webhooks.remember(|memory| memory.attempts_reported(target, attempts));
    match message::read(&reply) {
        Ok(NoticeReply { gathered: true, .. }) => Verdict::Gathered,
        Ok(NoticeReply { sharing, .. }) => Verdict::Single { sharing },
        Err(UnknownFormat) => Verdict::Single { sharing: 0 },
    }
}

/// Stores the new state of a message. `attempt`: when it was sent, and the reply; `None`: a summary replaces it.
fn store_state(
    outbox: &Outbox,
    settings: &Settings,
    target: &Target,
    message: &PendingMessage,
    attempt: Option<(u64, &Reply)>,
) -> Result<Next, JsError> {
    let reply = attempt.map(|(_, reply)| reply);
    let new_state = message.next_state(settings, reply, now_millis());
    let (id, exists) = outbox.shared.with_record(|record| {
        let id = record.map(|record| record.id.clone()).unwrap_or_default();
        (id, record.is_some_and(|record| record.connector().is_some()))
    });
    let problem = reply.and_then(Reply::problem);
    if let (Some(outcome), Some(problem)) = (new_state.outcome, &problem) {
        log::webhook(&id, &target.name, &message.id, outcome, problem);
    }
    let row = MessageState {
        n: message.n,
        target: &target.name,
        attempts: new_state.attempts,
        next_at: new_state.next.at(),
        tried_at: attempt.map(|(begun, _)| begun),
        status: reply.and_then(|reply| reply.status),
        error: problem.as_deref(),
        outcome: new_state.outcome,
    };
    // Nothing is kept of an erased connector.
    store::store_state(&outbox.shared.database, &row, if exists { KEPT_MESSAGES } else { 0 })?;
    if new_state.next == Next::Done(Outcome::Gone) {
        store::end_target(&outbox.shared.database, &target.name, &target.fingerprint)?;
    }
    outbox.webhooks.remember(|memory| memory.state_stored(target, &new_state));
    Ok(new_state.next)
}

/// When the alarm must run next, in milliseconds since 1970.
pub(super) fn next_alarm(outbox: &Outbox) -> Option<u64> {
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return None;
    }
    let (last_seen, next_at) =
        (last_seen(outbox), |target: &Target| Some(next_message(outbox, target)?.next_at));
    outbox.webhooks.remember(|memory| memory.next_alarm(&settings, last_seen, next_at))
}

/// Call after a heartbeat.
pub(super) fn seen(outbox: &Outbox) -> Seen {
    let webhooks = &outbox.webhooks;
    let settings = webhooks.settings(&outbox.shared.env);
    if settings.targets.is_empty() {
        return Seen::Nothing;
    }
    webhooks.remember(|memory| memory.seen())
}

/// Makes sure that the alarm is set to check for silence.
pub(super) async fn watch(outbox: &Rc<Outbox>) {
    let set = outbox.shared.state.alarm().await;
    let needed = next_alarm(outbox);
    if set.ok().flatten().zip(needed).is_none_or(|(set, needed)| set > needed) {
        super::set_late_alarm(outbox).await;
    }
}

/// The response that shows a connector's targets and messages.
///
/// # Errors
/// 404 if there is no such connector.
pub(in crate::edge) fn view(outbox: &Outbox, id: &str, size: usize) -> Result<Response, ApiError> {
    if outbox.shared.with_record(|record| record.is_none_or(|record| record.alive().is_none())) {
        return Err(ApiError::not_found(id));
    }
    let settings = outbox.webhooks.settings(&outbox.shared.env);
    let found = read_view(outbox, size.min(PAGE_LIMIT)).map_err(|thrown| {
        log_failure("cannot be read", &thrown);
        ApiError::internal()
    })?;
    let (known, pending, rows) = found;
    let status = |target| {
        let Target { name, fingerprint, .. }: &Target = target;
        let row = known.iter().find(|row| row.name == *name);
        TargetStatus {
            target,
            waiting: pending.iter().find(|(it, _)| it == name).map_or(0, |(_, count)| *count),
            is_ended: row.and_then(|row| row.progress.gone.as_ref()) == Some(fingerprint),
            given_up: row.map_or(0, |row| row.given_up),
        }
    };
    let targets: Vec<_> = settings.targets.iter().map(status).collect();
    Ok(Response::json(200, &webhook::show(id, &settings, &targets, &rows)))
}

type View = (Vec<TargetRow>, Vec<(String, u64)>, Vec<Delivery>);

fn read_view(outbox: &Outbox, size: usize) -> Result<View, JsError> {
    let database = &outbox.shared.database;
    let Some(known) = store::targets(database)? else { return Ok(View::default()) };
    Ok((known, store::pending_counts(database)?, store::newest(database, size)?))
}

/// Sends test messages to all targets concurrently, and returns the results.
///
/// # Errors
/// 500 if no randomness is available.
pub(in crate::edge) async fn send_test_messages(env: &Env) -> Result<Response, ApiError> {
    let settings = settings(env);
    let nonce = new_id().ok_or_else(ApiError::internal)?;
    let begun = now_millis();
    // Sequential for each target: one that hangs uses a single connection.
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

/// The duration from now to `at`.
pub(super) fn until(at: u64) -> Duration {
    Duration::from_millis(at.saturating_sub(now_millis()))
}
