//! Sends summaries: webhook messages about many connectors. [`crate::protocol::summaries`] decides; this
//! module does the I/O.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use worker::console_error;

use super::Directory;
use crate::directory::cause::cause;
use crate::edge::log;
use crate::edge::message::Attempts;
use crate::edge::runtime::{Database, JsError, SqlValue, deliver, describe, from_row, now_millis};
use crate::protocol::summaries::{AttemptResult, PendingSummary, TargetState, next_alarm};
use crate::values::json;
use crate::values::sorted::{SortedMap, sort};
use crate::webhook::{
    EventType, Group, Message, Reply, Settings, Summary, Target, misconfigured, summarize,
    target_ended,
};

/// A summary lists at most this many connectors.
const CONNECTOR_LIMIT: u64 = 100;
/// The maximum number of distinct error texts that are grouped by cause.
const ERROR_LIMIT: usize = 1_000;
/// A summary lists at most this many causes.
const CAUSE_LIMIT: usize = 5;

/// `webhook_gathering`: a `TargetState` for each target, as JSON. `webhook_gathered`: the connectors for the
/// next summaries. `webhook_summary`: pending summaries. `webhook_given_up`: the number of messages given up,
/// as each connector's object reports it. `webhook_ended`: the connectors for which a target returned 410, and
/// the fingerprint of its URL at that time. In the last two, an empty id stands for summaries.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS webhook_gathering (target TEXT PRIMARY KEY, state TEXT NOT NULL)
    WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS webhook_gathered (
        target TEXT NOT NULL,
        event TEXT NOT NULL,
        id TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (target, event, id)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS webhook_summary (
        n INTEGER PRIMARY KEY,
        target TEXT NOT NULL,
        id TEXT NOT NULL,
        body TEXT NOT NULL,
        made INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        next_at INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS webhook_ended (
        target TEXT NOT NULL,
        id TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        PRIMARY KEY (target, id)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS webhook_given_up (
        target TEXT NOT NULL,
        id TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (target, id)
    ) WITHOUT ROWID;";

/// The Directory's webhook state, in memory.
#[derive(Default)]
pub(super) struct Gatherings {
    database: OnceCell<Database>,
    states: RefCell<Option<SortedMap<String, TargetState>>>,
    is_sending: Cell<bool>,
}

/// The name under which the state of the settings is stored.
const SETTINGS_STATE: &str = "";

from_row!(PendingSummary { n, id, body, made, attempts, next_at, missed_in_body });

impl Directory {
    fn webhook_database(&self) -> Result<&Database, JsError> {
        let this = &self.gatherings.database;
        if this.get().is_none() {
            let database = self.state.database();
            database.execute(TABLES, &[])?;
            this.get_or_init(|| database);
        }
        this.get().ok_or_else(|| "there is no database".into())
    }

    pub(super) fn target_state(&self, target: &str) -> Result<TargetState, JsError> {
        struct Row {
            target: String,
            state: String,
        }
        from_row!(Row { target, state });
        let mut states = self.gatherings.states.borrow_mut();
        if states.is_none() {
            let sql = "SELECT target, state FROM webhook_gathering";
            let rows: Vec<Row> = self.webhook_database()?.rows(sql, &[])?;
            // A state that cannot be read is reset.
            let read =
                |row: Row| (row.target, serde_json::from_str(&row.state).unwrap_or_default());
            *states = Some(rows.into_iter().map(read).collect());
        }
        let known = states.as_ref().and_then(|known| known.get(target));
        Ok(known.cloned().unwrap_or_default())
    }

    /// Stores a target's state if it has changed.
    fn store_state(&self, target: &str, state: TargetState) -> Result<(), JsError> {
        if self.target_state(target)? == state {
            return Ok(());
        }
        let text = json::to_text(&state)?;
        let sql = "INSERT OR REPLACE INTO webhook_gathering VALUES (?, ?)";
        self.webhook_database()?.execute(sql, &[target.into(), text.into()])?;
        if let Some(known) = &mut *self.gatherings.states.borrow_mut() {
            known.insert(target.to_owned(), state);
        }
        Ok(())
    }

    /// Counts a connector's attempts. If it is about to send a message, returns whether a summary replaces it.
    pub(super) fn is_gathered(&self, made: &Attempts<'_>) -> Result<bool, JsError> {
        self.open()?;
        let Attempts { id, target, event, attempts, failures } = made;
        let settings = self.settings();
        let target = settings.targets.iter().find(|it| it.name == *target);
        let Some(target) = target else { return Ok(false) };
        let (mut state, now) = (self.target_state(&target.name)?, now_millis());
        state.count(*attempts, *failures);
        let event = event.as_deref().and_then(EventType::parse);
        let gathered = event.filter(|event| state.gathers(target, *event, settings, now));
        if let Some(event) = gathered {
            self.webhook_database()?.execute(
                "INSERT OR REPLACE INTO webhook_gathered VALUES (?, ?, ?, ?)",
                &[(&target.name).into(), event.name().into(), id.as_ref().into(), now.into()],
            )?;
        }
        self.store_state(&target.name, state)?;
        self.live.want_alarm(self.next_summary()?);
        Ok(gathered.is_some())
    }

    /// How many connectors have an error with the same cause as the one of this connector, including it; 0 if the
    /// message that may be due is not about an error.
    pub(super) fn sharing(
        &self,
        Attempts { id, event, .. }: &Attempts<'_>,
    ) -> Result<u64, JsError> {
        if event.as_deref().and_then(EventType::parse) != Some(EventType::Error) {
            return Ok(0);
        }
        let sql = "SELECT error FROM entry WHERE id = ? AND status = 'error' AND error IS NOT NULL";
        let error: Option<String> = self.store.value(sql, &[id.as_ref().into()])?;
        error.map_or(Ok(0), |error| self.sharing_cause(&cause(&error)))
    }

    /// Records that a target returned 410, and notifies the other targets once for each URL.
    pub(super) fn note_ended(&self, name: &str, id: &str, gone: &str) -> Result<(), JsError> {
        let sql = "INSERT OR REPLACE INTO webhook_ended VALUES (?, ?, ?)";
        self.webhook_database()?.execute(sql, &[name.into(), id.into(), gone.into()])?;
        let settings = self.settings();
        let mut state = self.target_state(name)?;
        let target = settings.targets.iter().find(|it| it.name == name && it.fingerprint == gone);
        let Some(ended) = target.filter(|_| state.note_problem(Some(gone.to_owned()))) else {
            return Ok(());
        };
        let now = now_millis();
        for target in settings.targets.iter().filter(|target| target.name != name) {
            self.add_summary(target, &target_ended(target, ended, now), now)?;
        }
        self.store_state(name, state)?;
        self.live.want_alarm(self.next_summary()?);
        Ok(())
    }

    /// Call after the database is opened: notifies all targets of problems of the settings, once.
    pub(super) fn check_settings(&self) -> Result<(), JsError> {
        let settings = self.settings();
        if settings.targets.is_empty() {
            return Ok(());
        }
        let sentences: Vec<String> = settings.problems.iter().map(ToString::to_string).collect();
        let problem = Some(sentences.join("\n")).filter(|problem| !problem.is_empty());
        let mut state = self.target_state(SETTINGS_STATE)?;
        if state.note_problem(problem) {
            let now = now_millis();
            for target in &settings.targets {
                self.add_summary(target, &misconfigured(target, settings, now), now)?;
            }
        }
        self.store_state(SETTINGS_STATE, state)
    }

    /// Stores a message for the alarm to send.
    fn add_summary(&self, target: &Target, message: &Message, now: u64) -> Result<(), JsError> {
        self.webhook_database()?
            .execute(
                "INSERT INTO webhook_summary (target, id, body, made, next_at) VALUES (?, ?, ?, ?, ?)",
                &[
                    (&target.name).into(),
                    (&message.id).into(),
                    (&message.body).into(),
                    now.into(),
                    now.into(),
                ],
            )
            .map(drop)
    }

    /// Records how many messages about a connector were given up.
    pub(super) fn note_given_up(&self, target: &str, id: &str, count: u64) -> Result<(), JsError> {
        let sql = "INSERT OR REPLACE INTO webhook_given_up VALUES (?, ?, ?)";
        self.webhook_database()?.execute(sql, &[target.into(), id.into(), count.into()]).map(drop)
    }

    /// The number of messages given up for a target.
    pub(super) fn given_up(&self, target: &str) -> Result<u64, JsError> {
        let sql = "SELECT coalesce(sum(count), 0) AS count FROM webhook_given_up WHERE target = ?";
        self.webhook_count(sql, &[target.into()])
    }

    /// For how many connectors the target's current URL has returned 410.
    pub(super) fn ended(&self, target: &Target) -> Result<u64, JsError> {
        let sql =
            "SELECT count(*) AS count FROM webhook_ended WHERE target = ? AND fingerprint = ?";
        self.webhook_count(sql, &[(&target.name).into(), (&target.fingerprint).into()])
    }

    fn webhook_count(&self, sql: &str, values: &[SqlValue]) -> Result<u64, JsError> {
        Ok(self.webhook_database()?.value(sql, values)?.unwrap_or_default())
    }

    /// When a summary must be made or sent, in milliseconds since 1970. While summaries are being sent, this is
    /// the time to check whether a crash interrupted that.
    pub(super) fn next_summary(&self) -> Result<Option<u64>, JsError> {
        let (is_sending, now) = (self.gatherings.is_sending.get(), now_millis());
        let mut next = Vec::new();
        for target in &self.settings().targets {
            let due = self.target_state(&target.name)?.due();
            let summary = if is_sending { None } else { self.pending_summary(target)? };
            let next_at = summary.map(|summary| summary.next_at);
            next.extend(next_alarm(due, next_at, is_sending, now));
        }
        Ok(next.into_iter().min())
    }

    fn pending_summary(&self, target: &Target) -> Result<Option<PendingSummary>, JsError> {
        let sql = "SELECT *, coalesce(body ->> '$.data.missed', 0) AS missed_in_body
                   FROM webhook_summary WHERE target = ? ORDER BY n LIMIT 1";
        self.webhook_database()?.row(sql, &[(&target.name).into()])
    }

    /// Called by the alarm: makes summaries of the gathered connectors, and starts sending them.
    pub(super) fn send_summaries(self: &Rc<Self>) -> Result<(), JsError> {
        self.open()?;
        let settings = self.settings();
        if settings.targets.is_empty() {
            return Ok(());
        }
        for target in &settings.targets {
            self.make_summaries(target, settings)?;
        }
        let next = self.next_summary()?;
        let is_due = next.is_some_and(|at| at <= now_millis());
        if !is_due || self.gatherings.is_sending.replace(true) {
            self.live.want_alarm(next);
            return Ok(());
        }
        // In case a crash interrupts the sending.
        self.live.want_alarm(self.next_summary()?);
        let this = self.clone();
        self.state.wait_until(async move {
            for target in &this.settings().targets {
                if let Err(thrown) = this.send_pending(target).await {
                    console_error!("webhooks cannot be summarized: {}", describe(&thrown));
                }
            }
            this.gatherings.is_sending.set(false);
            match this.next_summary() {
                Ok(next) => this.live.want_alarm(next),
                Err(thrown) => console_error!("webhooks: {}", describe(&thrown)),
            }
        });
        Ok(())
    }

    fn make_summaries(&self, target: &Target, settings: &Settings) -> Result<(), JsError> {
        let (mut state, now) = (self.target_state(&target.name)?, now_millis());
        let (groups, missed) = state.take(settings, now);
        if groups.is_empty() {
            return Ok(());
        }
        let database = self.webhook_database()?;
        database
            .transaction(|| {
                for (n, group) in groups.iter().enumerate() {
                    let summary =
                        self.summary_of(target, group, if n == 0 { missed } else { 0 })?;
                    self.add_summary(target, &summarize(&summary, target, settings, now), now)?;
                    let sql = "DELETE FROM webhook_gathered WHERE target = ? AND event = ?";
                    database.execute(sql, &[(&target.name).into(), group.event.name().into()])?;
                }
                self.store_state(&target.name, state)
            })
            .inspect_err(|_| drop(self.gatherings.states.take()))
    }

    fn summary_of(&self, target: &Target, group: &Group, missed: u64) -> Result<Summary, JsError> {
        struct Named {
            id: String,
            name: Option<String>,
        }
        from_row!(Named { id, name });
        struct ErrorCount {
            error: String,
            count: u64,
        }
        from_row!(ErrorCount { error, count });
        let database = self.webhook_database()?;
        let of_group = [(&target.name).into(), group.event.name().into()];
        let [of_target, of_event] = of_group.clone();
        let sql = "SELECT count(*) AS count FROM webhook_gathered WHERE target = ? AND event = ?";
        let count = self.webhook_count(sql, &of_group)?;
        let sql = "SELECT id, name FROM webhook_gathered LEFT JOIN entry USING (id)
                   WHERE target = ? AND event = ? ORDER BY at, id LIMIT ?";
        let named: Vec<Named> =
            database.rows(sql, &[of_target.clone(), of_event.clone(), CONNECTOR_LIMIT.into()])?;
        let errors: Vec<ErrorCount> = match group.event {
            EventType::Error => database.rows(
                "SELECT error, count(*) AS count FROM webhook_gathered JOIN entry USING (id)
                 WHERE target = ? AND event = ? AND error IS NOT NULL
                 GROUP BY error ORDER BY count DESC, error LIMIT ?",
                &[of_target, of_event, ERROR_LIMIT.into()],
            )?,
            _ => Vec::new(),
        };
        let mut by_cause: SortedMap<String, u64> = SortedMap::default();
        for ErrorCount { error, count } in errors {
            *by_cause.get_or_insert_default(cause(&error)) += count;
        }
        let mut causes = by_cause.into_entries();
        sort(&mut causes, &mut |a, b| b.1.cmp(&a.1));
        causes.truncate(CAUSE_LIMIT);
        Ok(Summary {
            event: group.event,
            since: group.since,
            count,
            connectors: named.into_iter().map(|it| (it.id, it.name)).collect(),
            causes,
            missed,
        })
    }

    /// Sends a target the summaries that are due, in order, until one fails.
    async fn send_pending(&self, target: &Target) -> Result<(), JsError> {
        while let Some(summary) = self.pending_summary(target)? {
            let begun = now_millis();
            if summary.next_at > begun {
                return Ok(());
            }
            let reply = deliver(target, &summary.id, &summary.body, begun).await;
            if let AttemptResult::Retry { .. } = self.record_attempt(target, &summary, &reply)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Stores the result of an attempt to send a summary.
    fn record_attempt(
        &self,
        target: &Target,
        summary: &PendingSummary,
        reply: &Reply,
    ) -> Result<AttemptResult, JsError> {
        let mut state = self.target_state(&target.name)?;
        let result = state.record_attempt(target, summary, reply, self.settings(), now_millis());
        if let (Some(outcome), Some(problem)) = (result.outcome(), reply.problem()) {
            log::webhook("", &target.name, &summary.id, outcome, &problem);
        }
        let database = self.webhook_database()?;
        let written = database.transaction(|| {
            self.write_result(database, target, summary.n, result)?;
            self.store_state(&target.name, state)?;
            match result {
                AttemptResult::Ended => self.note_ended(&target.name, "", &target.fingerprint),
                _ => Ok(()),
            }
        });
        written.inspect_err(|_| drop(self.gatherings.states.take()))?;
        Ok(result)
    }

    fn write_result(
        &self,
        database: &Database,
        target: &Target,
        n: u64,
        result: AttemptResult,
    ) -> Result<(), JsError> {
        let delete = "DELETE FROM webhook_summary WHERE n = ?";
        match result {
            AttemptResult::Retry { attempts, next_at } => {
                let sql = "UPDATE webhook_summary SET attempts = ?, next_at = ? WHERE n = ?";
                database.execute(sql, &[attempts.into(), next_at.into(), n.into()])
            }
            AttemptResult::Delivered => database.execute(delete, &[n.into()]),
            AttemptResult::GivenUp => {
                database.execute(delete, &[n.into()])?;
                let sql = "INSERT INTO webhook_given_up VALUES (?, '', 1)
                           ON CONFLICT DO UPDATE SET count = count + 1";
                database.execute(sql, &[(&target.name).into()])
            }
            AttemptResult::Ended => {
                let sql = "DELETE FROM webhook_summary WHERE target = ?";
                database.execute(sql, &[(&target.name).into()])
            }
        }
        .map(drop)
    }
}
