//! Live updates over WebSockets.
//!
//! Sockets stay open while the object hibernates, so an idle page costs nothing. Each socket's access is
//! attached to it. Sockets with equal attachments form a group, and each message is built once per group.
//!
//! The first change is sent at once, later ones in batches, at most four a second. Heartbeats and job
//! progress wait up to a second, or for the next change. Timers run only while messages are pending.
//!
//! A socket is closed when its key expires (by an alarm). Revoked or changed keys are noticed before the
//! first message that is sent ten minutes after the last check: an idle socket costs no check and sees
//! nothing.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use worker::{Env, console_error};

use super::Directory;
use crate::api::{ApiError, AuthError, Format, Request, Watch};
use crate::budget::{Budget, OverBudget, Purpose};
use crate::directory::{Entry, Slim, matches_any, send_delay_ms};
use crate::edge::runtime::{
    HttpResponse, JsError, JsResult, JsString, SocketGroup, Sockets, State, describe, now_millis,
    sleep,
};
use crate::edge::watch::Watcher;
use crate::edge::{auth, log};
use crate::limits::{SOCKETS, SOCKETS_EACH};
use crate::protocol::tickets::{Verdict, check};
use crate::values::json;
use crate::values::sorted::{SortedMap, sort};

/// A client that missed more changes than this reloads everything, which is cheaper than sending them.
const CHANGES: usize = 1_000;
/// The maximum length of a message, in bytes.
const MESSAGE_BYTES: usize = 512 << 10;
/// How many messages are sent before yielding to other requests: about half a millisecond's work.
const TURN: u32 = 16;
/// How long to yield. A write needs several such pauses.
const PAUSE: Duration = Duration::from_millis(1);
/// The setting for how long a key is trusted, in seconds, and its default.
const CHECK_SETTING: &str = "WATCH_CHECK_SECONDS";
const CHECK_SECONDS: u64 = 600;

/// An alarm that is overdue by more than this is set again.
const ALARM_LIMIT_MS: u64 = 5_000;

/// `normal closure`
const CLOSED: u16 = 1000;
/// Access has ended: `policy violation`.
const REFUSED: u16 = 1008;
/// The client may reconnect: `try again later`.
const AWAY: u16 = 1013;

/// The tag that counts the sockets of a key or person: a hash, because tags must be short.
fn tag(who: Option<&str>) -> String {
    let mut hasher = DefaultHasher::new();
    who.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// The access of a socket, stored as its attachment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Access {
    /// The connector to watch; absent: all.
    id: Option<String>,
    /// Patterns of the visible connectors; absent: all.
    patterns: Option<Vec<String>>,
    /// When it ends, in milliseconds since 1970.
    expires: Option<u64>,
    /// A key that may be revoked: its id, and what it allows.
    key: Option<(String, String)>,
    /// When the key is checked again.
    check_at: u64,
}

impl Access {
    /// Whether the socket receives changes of this connector.
    ///
    /// # Errors
    /// If matching the patterns takes too much work.
    fn covers(&self, id: &str, budget: &mut Budget) -> Result<bool, OverBudget> {
        match &self.patterns {
            _ if self.id.as_ref().is_some_and(|watched| watched != id) => Ok(false),
            Some(patterns) => matches_any(patterns, id, budget),
            None => Ok(true),
        }
    }

    fn is_over(&self, now: u64) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    fn is_due(&self, now: u64) -> bool {
        // A time further away was set before the clock was set back.
        let is_due = self.check_at <= now || self.check_at > now + CHECK_SECONDS * 1_000;
        self.key.is_some() && is_due
    }

    fn to_json(&self) -> Result<String, String> {
        json::to_text(self)
    }
}

/// A group of sockets with the same access.
struct View {
    access: Access,
    group: SocketGroup,
}

/// A pending change.
struct Change {
    seq: u64,
    id: String,
    json: Box<RawValue>,
    /// Only `last_seen` has changed.
    is_heartbeat: bool,
}

/// A change as it is sent.
#[derive(Serialize)]
struct ChangeMessage<'a> {
    seq: u64,
    version: u64,
    id: &'a str,
    /// `None`: it is deleted.
    connector: Option<ConnectorView<'a>>,
    #[serde(skip_serializing_if = "is_false")]
    heartbeat: bool,
}

#[derive(Serialize)]
struct ConnectorView<'a> {
    id: &'a str,
    name: &'a Option<Slim<'a>>,
    index_name: &'a Option<Slim<'a>>,
    service_type: &'a Option<Slim<'a>>,
    description: &'a Option<Slim<'a>>,
    status: &'a Option<Slim<'a>>,
    since: &'a Option<Slim<'a>>,
    last_seen: &'a Option<Slim<'a>>,
    error: &'a Option<Slim<'a>>,
    last_synced: &'a Option<Slim<'a>>,
    last_sync_status: &'a Option<Slim<'a>>,
    last_indexed_document_count: Option<i64>,
}

/// A message to watching clients.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum WatchMessage<'a> {
    /// Changes, and connectors whose sync jobs have changed. `seq` is the last change that the receiver need not
    /// be sent again.
    Changes {
        seq: u64,
        changes: Vec<&'a RawValue>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        sync_jobs: &'a [&'a String],
    },
    /// The client has to reload everything.
    Reset { seq: u64 },
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(it: &bool) -> bool {
    !it
}

impl Change {
    fn new(entry: &Entry<'_>, seq: u64, is_heartbeat: bool) -> Result<Self, JsError> {
        let connector = (entry.deleted == 0).then(|| ConnectorView {
            id: &entry.id,
            name: &entry.name,
            index_name: &entry.index_name,
            service_type: &entry.service_type,
            description: &entry.description,
            status: &entry.status,
            since: &entry.since,
            last_seen: &entry.last_seen,
            error: &entry.error,
            last_synced: &entry.last_synced,
            last_sync_status: &entry.last_sync_status,
            last_indexed_document_count: entry.last_indexed_document_count,
        });
        let (id, version) = (&*entry.id, entry.version);
        Self::of(&ChangeMessage { seq, version, id, connector, heartbeat: is_heartbeat })
    }

    fn gone(id: &str, seq: u64) -> Result<Self, JsError> {
        Self::of(&ChangeMessage { seq, version: 0, id, connector: None, heartbeat: false })
    }

    fn of(change: &ChangeMessage<'_>) -> Result<Self, JsError> {
        Ok(Self {
            seq: change.seq,
            id: change.id.to_owned(),
            json: to_raw_value(change).map_err(|error| error.to_string())?,
            is_heartbeat: change.heartbeat,
        })
    }
}

/// Changes that have not been sent yet.
#[derive(Default)]
struct Pending {
    /// The newest change of each connector.
    changes: HashMap<String, Change>,
    /// Connectors whose sync jobs have changed.
    jobs: SortedMap<String, ()>,
    /// There were too many to keep.
    is_reset: bool,
    /// Whether there are changes other than heartbeats.
    is_urgent: bool,
    /// The last change.
    seq: u64,
    /// When the first change was added.
    since: u64,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.jobs.is_empty() && !self.is_reset
    }

    /// Whether nothing but heartbeats of that connector waits.
    fn has_only_heartbeats(&self, id: &str) -> bool {
        self.changes.get(id).is_none_or(|change| change.is_heartbeat)
    }

    fn add(&mut self, change: Result<Change, JsError>, seq: u64, is_urgent: bool, now: u64) {
        self.begin(seq, is_urgent, now);
        match change {
            Ok(change) => drop(self.changes.insert(change.id.clone(), change)),
            Err(thrown) => {
                console_error!("a change cannot be sent: {}", describe(&thrown));
                self.is_reset = true;
            }
        }
        self.limit();
    }

    fn add_jobs(&mut self, connector: String, seq: u64, is_urgent: bool, now: u64) {
        self.begin(seq, is_urgent, now);
        self.jobs.insert(connector, ());
        self.limit();
    }

    fn begin(&mut self, seq: u64, is_urgent: bool, now: u64) {
        if self.is_empty() {
            self.since = now;
        }
        self.seq = self.seq.max(seq);
        self.is_urgent |= is_urgent;
    }

    fn limit(&mut self) {
        self.is_reset |= self.changes.len() + self.jobs.len() > CHANGES;
        if self.is_reset {
            self.changes.clear();
            self.jobs.clear();
        }
    }

    /// The message for sockets with that access, if it contains anything for them. Where matching takes too
    /// much work, it is a reset.
    fn message(&self, in_order: &[&Change], access: &Access) -> Result<Option<String>, String> {
        let mut budget = Budget::new(Purpose::Patterns);
        let (mut changes, mut jobs) = (Vec::new(), Vec::new());
        let mut sort_out = || {
            for change in in_order.iter().copied() {
                if access.covers(&change.id, &mut budget)? {
                    changes.push(change);
                }
            }
            for id in self.jobs.keys() {
                if access.covers(id, &mut budget)? {
                    jobs.push(id);
                }
            }
            Ok::<_, OverBudget>(())
        };
        if self.is_reset || sort_out().is_err() {
            return reset(self.seq).map(Some);
        }
        (changes.len() + jobs.len() > 0).then(|| message(self.seq, &changes, &jobs)).transpose()
    }
}

fn reset(seq: u64) -> Result<String, String> {
    json::to_text(&WatchMessage::Reset { seq })
}

/// The message with these changes and connectors whose jobs have changed; a reset if it would be too long.
fn message(seq: u64, changes: &[&Change], jobs: &[&String]) -> Result<String, String> {
    let length: usize = changes.iter().map(|change| change.json.get().len()).sum();
    if length > MESSAGE_BYTES {
        return reset(seq);
    }
    let changes = changes.iter().map(|change| &*change.json).collect();
    json::to_text(&WatchMessage::Changes { seq, changes, sync_jobs: jobs })
}

/// The open sockets and the changes that are pending for them.
pub(super) struct Live {
    env: Env,
    state: State,
    sockets: Sockets,
    /// `None`: not counted yet.
    views: RefCell<Option<Rc<[View]>>>,
    pending: RefCell<Pending>,
    /// When the next message is due, and which timer waits for that.
    due: Cell<Option<u64>>,
    timer: Cell<u64>,
    is_sending: Cell<bool>,
    last_sent: Cell<u64>,
    /// When the alarm is set to; `None`: not known.
    alarm_at: Cell<Option<u64>>,
    /// When webhooks need the alarm.
    wanted_at: Cell<Option<u64>>,
}

impl Live {
    pub fn of(env: Env, state: State) -> Rc<Self> {
        Rc::new(Self {
            env,
            sockets: state.sockets(),
            state,
            views: RefCell::default(),
            pending: RefCell::default(),
            due: Cell::default(),
            timer: Cell::default(),
            is_sending: Cell::default(),
            last_sent: Cell::default(),
            alarm_at: Cell::default(),
            wanted_at: Cell::default(),
        })
    }

    fn views(&self) -> Rc<[View]> {
        let mut views = self.views.borrow_mut();
        let views = views.get_or_insert_with(|| {
            let view = |group: SocketGroup| match serde_json::from_str(&group.attachment) {
                Ok(access) => Some(View { access, group }),
                Err(_) => {
                    group.close(AWAY, "connect again");
                    None
                }
            };
            self.sockets.groups().into_iter().filter_map(view).collect()
        });
        views.clone()
    }

    /// How many sockets are open.
    pub fn count(&self) -> u32 {
        self.sockets.count(None)
    }

    /// How many sockets of a key or person are open; `None`: of anonymous clients.
    fn count_of(&self, who: Option<&str>) -> u32 {
        self.sockets.count(Some(&tag(who)))
    }

    /// Call when sockets have been opened, closed or changed.
    pub fn recount(&self) {
        self.views.take();
    }

    /// Queues a change if any socket is open. `is_more`: it is more than a heartbeat.
    pub fn notify(self: &Rc<Self>, entry: &Entry<'_>, seq: u64, is_more: bool) {
        if !self.views().is_empty() {
            let mut pending = self.pending.borrow_mut();
            let is_heartbeat = !is_more && pending.has_only_heartbeats(&entry.id);
            let change = Change::new(entry, seq, is_heartbeat);
            pending.add(change, seq, is_more, now_millis());
            drop(pending);
            self.schedule();
        }
    }

    /// Queues the deletion of a connector.
    pub fn notify_deleted(self: &Rc<Self>, id: &str, seq: u64) {
        if !self.views().is_empty() {
            self.pending.borrow_mut().add(Change::gone(id, seq), seq, true, now_millis());
            self.schedule();
        }
    }

    /// Queues that sync jobs of a connector have changed; `seq` is the last change before. `is_more`: it is
    /// more than progress.
    pub fn notify_jobs(self: &Rc<Self>, connector: &str, seq: u64, is_more: bool) {
        if !self.views().is_empty() {
            let connector = connector.to_owned();
            self.pending.borrow_mut().add_jobs(connector, seq, is_more, now_millis());
            self.schedule();
        }
    }

    /// Starts a timer that sends pending changes when they are due.
    fn schedule(self: &Rc<Self>) {
        let due = {
            let pending = self.pending.borrow();
            if pending.is_empty() || self.is_sending.get() {
                return;
            }
            let now = now_millis();
            now + send_delay_ms(now, pending.since, self.last_sent.get(), pending.is_urgent)
        };
        if self.due.get().is_some_and(|earlier| earlier <= due) {
            return;
        }
        self.due.set(Some(due));
        let timer = self.timer.get() + 1;
        self.timer.set(timer);
        let this = self.clone();
        self.state.wait_until(async move {
            let wait = due.saturating_sub(now_millis());
            if wait > 0 {
                sleep(Duration::from_millis(wait)).await;
            }
            // Another timer may have been set meanwhile, to an earlier time.
            if this.timer.get() == timer {
                this.due.set(None);
                this.is_sending.set(true);
                this.send().await;
                this.is_sending.set(false);
                this.schedule();
            }
        });
    }

    /// Sends pending changes.
    async fn send(&self) {
        self.last_sent.set(now_millis());
        let pending = self.pending.take();
        let mut changes: Vec<&Change> = pending.changes.values().collect();
        sort(&mut changes, &mut |a, b| a.seq.cmp(&b.seq));
        let mut sent = 0;
        for view in &*self.views() {
            let message = match pending.message(&changes, &view.access) {
                Ok(Some(message)) => message,
                Ok(None) => continue,
                Err(why) => {
                    console_error!("changes cannot be sent: {why}");
                    view.group.close(AWAY, "connect again");
                    continue;
                }
            };
            if !self.may_see(view).await {
                continue;
            }
            let message = JsString::from(message);
            let count = view.group.len();
            let mut from = 0;
            while from < count {
                if sent >= TURN {
                    sleep(PAUSE).await;
                    sent = 0;
                }
                let to = count.min(from + TURN - sent);
                view.group.send(from, to, &message);
                sent += to - from;
                from = to;
            }
        }
    }

    /// Checks that the group's key is still valid and unchanged. If not, closes its sockets.
    async fn may_see(&self, view: &View) -> bool {
        let View { access, group } = view;
        let now = now_millis();
        if access.is_over(now) {
            group.close(REFUSED, "the key has expired");
            self.recount();
            return false;
        }
        let Some((id, fingerprint)) = access.key.as_ref().filter(|_| access.is_due(now)) else {
            return true;
        };
        let (code, why) = match auth::key(&self.env, id).await {
            Ok(Some(key)) if key.fingerprint() == *fingerprint => {
                let access = Access { check_at: self.next_check(), ..access.clone() };
                match access.to_json() {
                    Ok(attachment) => {
                        group.attach(&attachment);
                        self.recount();
                        return true;
                    }
                    Err(why) => {
                        console_error!("what sockets may see cannot be stored: {why}");
                        (AWAY, "connect again")
                    }
                }
            }
            Ok(_) => (REFUSED, "the key has been changed or revoked"),
            Err(why) => {
                console_error!("{} cannot be read: {why}", auth::KEYS);
                (AWAY, "the key cannot be checked at the moment")
            }
        };
        group.close(code, why);
        self.recount();
        false
    }

    /// When a key that has just been checked is checked again. Rounded, so that sockets opened in short
    /// succession share a group.
    fn next_check(&self) -> u64 {
        let setting =
            self.env.var(CHECK_SETTING).ok().and_then(|text| text.to_string().parse().ok());
        let period = setting.unwrap_or(CHECK_SECONDS).clamp(1, CHECK_SECONDS) * 1_000;
        let step = period / 10;
        (now_millis() + period) / step * step
    }

    /// Accepts a socket; returns the upgrade response.
    fn accept(self: &Rc<Self>, watcher: Watcher, message: &str) -> JsResult {
        let Watcher {
            watch: Watch { id, connectors, .. }, expires, fingerprint, requester, ..
        } = watcher;
        let tag = tag(requester.by.as_deref());
        let key = requester.by.zip(fingerprint);
        let check_at = if key.is_some() { self.next_check() } else { 0 };
        let access = Access { id, patterns: connectors, expires, key, check_at };
        let response = self.sockets.accept(&access.to_json()?, message, &tag)?;
        self.recount();
        self.set_alarm(expires);
        Ok(response)
    }

    /// Clients send no messages but pings. The runtime answers those, except the ones that arrive before the
    /// automatic response is set.
    pub fn hear(&self, socket: &JsError, message: Option<&str>) {
        let socket = SocketGroup::one(socket);
        match message {
            Some("ping") => socket.send(0, 1, &JsString::from("pong")),
            _ => {
                socket.close(REFUSED, "nothing is expected here but [ping]");
                self.recount();
            }
        }
    }

    /// Completes the close handshake that the client has started.
    pub fn close_socket(&self, socket: &JsError, code: u16) {
        // Codes that stand for an absent code cannot be sent.
        let code = if matches!(code, 1005 | 1006 | 1015) { CLOSED } else { code };
        SocketGroup::one(socket).close(code, "");
        self.recount();
    }

    /// Closes expired sockets and sets the alarm for the next expiry.
    pub fn end_expired(self: &Rc<Self>) {
        self.alarm_at.set(None);
        let now = now_millis();
        let views = self.views();
        for view in views.iter().filter(|view| view.access.is_over(now)) {
            view.group.close(REFUSED, "the key has expired");
            self.recount();
        }
        let later = views.iter().filter_map(|view| view.access.expires).filter(|end| *end > now);
        self.wanted_at.set(None);
        self.set_alarm(later.min());
    }

    /// Waits until the alarm is set, so that the alarm handler does not return before that.
    pub async fn await_alarm(&self) {
        if let Some(at) = self.alarm_at.get() {
            let after = Duration::from_millis(at.saturating_sub(now_millis()));
            if let Err(why) = self.state.set_alarm(after).await {
                self.alarm_at.set(None);
                console_error!("the Directory's alarm cannot be set: {why}");
            }
        }
    }

    /// Sets the alarm for webhooks.
    pub fn want_alarm(self: &Rc<Self>, at: Option<u64>) {
        self.wanted_at.set(at);
        self.set_alarm(at);
    }

    /// Sets the alarm unless an earlier one is set.
    fn set_alarm(self: &Rc<Self>, by: Option<u64>) {
        let Some(by) = by else { return };
        // An alarm that is long overdue will not fire.
        let is_to_come = |at: &u64| now_millis() < at + ALARM_LIMIT_MS;
        let at = match self.alarm_at.get().filter(is_to_come) {
            Some(at) if at <= by => return,
            Some(_) => by,
            // The alarm set before the object hibernated may be earlier.
            None => {
                let views = self.views();
                let ends = views.iter().filter_map(|view| view.access.expires);
                ends.chain(self.wanted_at.get()).fold(by, u64::min)
            }
        };
        self.alarm_at.set(Some(at));
        let this = self.clone();
        self.state.wait_until(async move {
            let after = Duration::from_millis(at.saturating_sub(now_millis()));
            if let Err(why) = this.state.set_alarm(after).await {
                this.alarm_at.set(None);
                console_error!("the Directory's alarm cannot be set: {why}");
            }
        });
    }
}

impl Directory {
    /// Handles a request to watch.
    pub(super) fn watch(&self, watcher: Watcher) -> JsResult {
        let refuse = |error: &ApiError| {
            let format = Format::default();
            HttpResponse::new(format.failure(error), &format).send()
        };
        let welcome = self.open().and_then(|()| {
            Ok(match self.use_ticket(watcher.ticket.as_ref())? {
                Verdict::Admitted => Ok(self.news(&watcher.watch)?),
                Verdict::UsedBefore => Err("ticket used before"),
                Verdict::Expired => Err("ticket out of date"),
            })
        });
        match welcome {
            Ok(Ok(_)) if self.live.count() >= SOCKETS => {
                refuse(&ApiError::too_many_watchers(SOCKETS))
            }
            Ok(Ok(_)) if self.live.count_of(watcher.requester.by.as_deref()) >= SOCKETS_EACH => {
                let who = watcher.requester.by.as_deref().unwrap_or("anonymous");
                refuse(&ApiError::too_many_watchers_of(who, SOCKETS_EACH))
            }
            Ok(Ok(news)) => self.live.accept(watcher, &news),
            Ok(Err(why)) => {
                let denied = AuthError::rejected(why, watcher.requester.by.as_deref());
                let request = Request {
                    method: "GET".to_owned(),
                    target: "/_connector/_watch".to_owned(),
                    ..Request::default()
                };
                log::refusal(&denied, &request, watcher.requester.request_id.as_deref());
                refuse(&denied.failure)
            }
            Err(thrown) => {
                console_error!("the Directory cannot be watched: {}", describe(&thrown));
                refuse(&ApiError::internal())
            }
        }
    }

    /// Marks a ticket as used.
    fn use_ticket(&self, ticket: Option<&(String, u64)>) -> Result<Verdict, JsError> {
        let Some((nonce, until)) = ticket else { return Ok(Verdict::Admitted) };
        let values = [nonce.as_str().into(), (*until).into()];
        let is_new = self.store.any(
            "INSERT INTO ticket VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1 AS new",
            &values,
        )?;
        let now = now_millis();
        let verdict = check(*until, !is_new, now);
        self.store.execute("DELETE FROM ticket WHERE until < ?", &[now.into()])?;
        Ok(verdict)
    }

    /// The first message to a client: the changes since it was last connected, or a reset.
    fn news(&self, watch: &Watch) -> Result<String, JsError> {
        let seq = self.seq.get();
        let known = self.forgotten.get()..=seq;
        let Some(since) = watch.since.filter(|since| known.contains(since)) else {
            return Ok(reset(seq)?);
        };
        let access = Access { patterns: watch.connectors.clone(), ..Access::default() };
        let mut missed = Missed::nothing();
        let (condition, values) = match &watch.id {
            Some(id) => ("id = ? AND changed > ?", vec![id.as_str().into(), since.into()]),
            None => ("changed > ?", vec![since.into()]),
        };
        let sql = format!("SELECT {ROW} FROM entry WHERE {condition} ORDER BY changed");
        let mut problem = None;
        self.store.texts(&sql, &values, &mut |row| {
            match serde_json::from_str::<Entry<'_>>(&row) {
                Ok(entry) => problem = missed.add(&entry, &access).err(),
                Err(error) => problem = Some(error.to_string().into()),
            }
            problem.is_none() && !missed.exceeds_limit()
        })?;
        match problem {
            Some(problem) => Err(problem),
            None if missed.exceeds_limit() => Ok(reset(seq)?),
            None => Ok(message(seq, &missed.changes.iter().collect::<Vec<_>>(), &[])?),
        }
    }
}

/// An expression for a row as an [`Entry`].
const ROW: &str = "json_object('id', id, 'version', version, 'deleted', deleted, 'changed', changed, \
                   'name', name, 'index_name', index_name, 'service_type', service_type, \
                   'description', description, 'status', status, 'since', since, \
                   'last_seen', last_seen, 'error', error, 'last_synced', last_synced, \
                   'last_sync_status', last_sync_status, \
                   'last_indexed_document_count', last_indexed_document_count)";

/// The changes that a reconnecting client has missed, collected row by row up to a limit.
struct Missed {
    rows: usize,
    bytes: usize,
    budget: Budget,
    is_over: bool,
    changes: Vec<Change>,
}

impl Missed {
    fn nothing() -> Self {
        let budget = Budget::new(Purpose::Patterns);
        Self { rows: 0, bytes: 0, budget, is_over: false, changes: Vec::new() }
    }

    /// Adds a row if it is visible to the client.
    fn add(&mut self, entry: &Entry<'_>, access: &Access) -> Result<(), JsError> {
        self.rows += 1;
        match access.covers(&entry.id, &mut self.budget) {
            Ok(true) => {
                let change = Change::new(entry, entry.changed, false)?;
                self.bytes += change.json.get().len();
                self.changes.push(change);
            }
            Ok(false) => {}
            Err(_) => self.is_over = true,
        }
        Ok(())
    }

    fn exceeds_limit(&self) -> bool {
        self.is_over || self.rows > CHANGES || self.bytes > MESSAGE_BYTES
    }
}
