//! Watching: sockets that hear of every change.
//!
//! They are open while the object sleeps, so an open page costs nothing while nothing happens. What is
//! to be known of a socket is attached to it, and those that may see the same and began at about the
//! same time have the same attached: they are one group, and each message is made once for it.
//!
//! The first change goes out at once, then what has gathered, four times a second at most; heartbeats
//! and how far sync jobs are wait for a second, or for a change. Timers run only while something waits
//! to be sent.
//!
//! A socket ends with its key: at its expiry by an alarm, and when the key is revoked or changed at
//! the latest before the first message that is sent ten minutes after it was last looked at. That
//! costs nothing while nothing is sent, and then nobody sees anything either.

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
use crate::protocol::tickets::{Verdict, judge};
use crate::values::json;
use crate::values::sorted::{SortedMap, sort};

/// Who has missed more changes than this starts over, which costs less than to be told.
const CHANGES: usize = 1_000;
/// A message is no longer than this, in bytes.
const MESSAGE_BYTES: usize = 512 << 10;
/// After so many sends others have their turn: this takes about half a millisecond.
const TURN: u32 = 16;
/// How long that turn is: a write needs several.
const PAUSE: Duration = Duration::from_millis(1);
/// The setting that says how long a key is trusted, in seconds, and what holds without it.
const CHECK_SETTING: &str = "WATCH_CHECK_SECONDS";
const CHECK_SECONDS: u64 = 600;

/// An alarm that is later than this is set anew.
const ALARM_LIMIT_MS: u64 = 5_000;

/// All is well: `normal closure`.
const CLOSED: u16 = 1000;
/// Somebody may not go on: `policy violation`.
const REFUSED: u16 = 1008;
/// They may try again: `try again later`.
const AWAY: u16 = 1013;

/// What sockets of a key or person are counted by: tags are short, and names need not be.
fn tag(who: Option<&str>) -> String {
    let mut hasher = DefaultHasher::new();
    who.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// What is attached to a socket.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Access {
    /// The connector that is watched; absent: all.
    id: Option<String>,
    /// Patterns of the connectors that may be seen; absent: all.
    patterns: Option<Vec<String>>,
    /// When it ends, in milliseconds since 1970.
    expires: Option<u64>,
    /// A key that may be revoked: its id, and what it allows.
    key: Option<(String, String)>,
    /// When that is to be looked at anew.
    check_at: u64,
}

impl Access {
    /// Whether changes of that connector are to be told.
    ///
    /// # Errors
    /// If that takes too much work.
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
        // A time that is further away was set before the clock was set back.
        let is_due = self.check_at <= now || self.check_at > now + CHECK_SECONDS * 1_000;
        self.key.is_some() && is_due
    }

    fn to_json(&self) -> Result<String, String> {
        json::to_text(self)
    }
}

/// Sockets that may see the same.
struct View {
    access: Access,
    group: SocketGroup,
}

/// A change that waits to be sent.
struct Change {
    seq: u64,
    id: String,
    json: Box<RawValue>,
    /// Nothing but `last_seen` is new.
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

/// What is sent to those who watch.
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
    /// The receiver has to read everything again.
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

/// What waits to be sent.
#[derive(Default)]
struct Pending {
    /// The newest change of each connector.
    changes: HashMap<String, Change>,
    /// Connectors whose sync jobs have changed.
    jobs: SortedMap<String, ()>,
    /// There were too many.
    is_reset: bool,
    /// There is more than heartbeats.
    is_urgent: bool,
    /// The last change.
    seq: u64,
    /// When the first came.
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

    /// The message for those with that access, if any of it is for them. Where it takes too much work to
    /// tell what is, they start over.
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

/// The message about these changes, and connectors whose jobs have changed; a reset if it would be too long.
fn message(seq: u64, changes: &[&Change], jobs: &[&String]) -> Result<String, String> {
    let length: usize = changes.iter().map(|change| change.json.get().len()).sum();
    if length > MESSAGE_BYTES {
        return reset(seq);
    }
    let changes = changes.iter().map(|change| &*change.json).collect();
    json::to_text(&WatchMessage::Changes { seq, changes, sync_jobs: jobs })
}

/// Who watches, and what they have not been told yet.
pub(super) struct Live {
    env: Env,
    state: State,
    sockets: Sockets,
    /// `None`: to be looked up.
    views: RefCell<Option<Rc<[View]>>>,
    pending: RefCell<Pending>,
    /// When the next message is due, and which timer waits for that.
    due: Cell<Option<u64>>,
    timer: Cell<u64>,
    is_sending: Cell<bool>,
    last_sent: Cell<u64>,
    /// When the alarm is set to; `None`: not known.
    alarm_at: Cell<Option<u64>>,
    /// When webhooks need it.
    wanted_at: Cell<Option<u64>>,
}

impl Live {
    /// From what the runtime gives an object.
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

    /// How many sockets of a key or person are open; `None`: of nobody in particular.
    fn count_of(&self, who: Option<&str>) -> u32 {
        self.sockets.count(Some(&tag(who)))
    }

    /// To be called when sockets have come, gone or changed.
    pub fn look_anew(&self) {
        self.views.take();
    }

    /// Tells a change, if anybody watches. `is_more`: than a heartbeat.
    pub fn tell(self: &Rc<Self>, entry: &Entry<'_>, seq: u64, is_more: bool) {
        if !self.views().is_empty() {
            let mut pending = self.pending.borrow_mut();
            let is_heartbeat = !is_more && pending.has_only_heartbeats(&entry.id);
            let change = Change::new(entry, seq, is_heartbeat);
            pending.add(change, seq, is_more, now_millis());
            drop(pending);
            self.schedule();
        }
    }

    /// Tells that a connector is gone.
    pub fn tell_gone(self: &Rc<Self>, id: &str, seq: u64) {
        if !self.views().is_empty() {
            self.pending.borrow_mut().add(Change::gone(id, seq), seq, true, now_millis());
            self.schedule();
        }
    }

    /// Tells that sync jobs of a connector have changed; `seq` is the last change before. `is_more`:
    /// than how far they are.
    pub fn tell_jobs(self: &Rc<Self>, connector: &str, seq: u64, is_more: bool) {
        if !self.views().is_empty() {
            let connector = connector.to_owned();
            self.pending.borrow_mut().add_jobs(connector, seq, is_more, now_millis());
            self.schedule();
        }
    }

    /// Sees to it that what waits is sent when it is due.
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
            // Another may have been set meanwhile, to an earlier time.
            if this.timer.get() == timer {
                this.due.set(None);
                this.is_sending.set(true);
                this.send().await;
                this.is_sending.set(false);
                this.schedule();
            }
        });
    }

    /// Sends what waits.
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

    /// Whether those may still see what they could see when they came. If not, that is their end.
    async fn may_see(&self, view: &View) -> bool {
        let View { access, group } = view;
        let now = now_millis();
        if access.is_over(now) {
            group.close(REFUSED, "the key has expired");
            self.look_anew();
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
                        self.look_anew();
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
        self.look_anew();
        false
    }

    /// When a key that has just been looked at is to be looked at again. In coarse steps, so that
    /// sockets that come one after the other are one group.
    fn next_check(&self) -> u64 {
        let setting =
            self.env.var(CHECK_SETTING).ok().and_then(|text| text.to_string().parse().ok());
        let period = setting.unwrap_or(CHECK_SECONDS).clamp(1, CHECK_SECONDS) * 1_000;
        let step = period / 10;
        (now_millis() + period) / step * step
    }

    /// Takes a socket; gives the response.
    fn accept(self: &Rc<Self>, watcher: Watcher, message: &str) -> JsResult {
        let Watcher { watch: Watch { id, connectors, .. }, expires, fingerprint, origin, .. } =
            watcher;
        let tag = tag(origin.by.as_deref());
        let key = origin.by.zip(fingerprint);
        let check_at = if key.is_some() { self.next_check() } else { 0 };
        let access = Access { id, patterns: connectors, expires, key, check_at };
        let response = self.sockets.accept(&access.to_json()?, message, &tag)?;
        self.look_anew();
        self.set_alarm(expires);
        Ok(response)
    }

    /// Nobody has anything to say here. Pings are answered by the runtime, or those that came before
    /// it knew how by us.
    pub fn hear(&self, socket: &JsError, message: Option<&str>) {
        let socket = SocketGroup::one(socket);
        match message {
            Some("ping") => socket.send(0, 1, &JsString::from("pong")),
            _ => {
                socket.close(REFUSED, "nothing is expected here but [ping]");
                self.look_anew();
            }
        }
    }

    /// Closes a socket that the other end has closed.
    pub fn say_goodbye(&self, socket: &JsError, code: u16) {
        // Codes that say that there was none cannot be sent.
        let code = if matches!(code, 1005 | 1006 | 1015) { CLOSED } else { code };
        SocketGroup::one(socket).close(code, "");
        self.look_anew();
    }

    /// Closes the sockets whose time is over, and sets the alarm for the next.
    pub fn end_expired(self: &Rc<Self>) {
        self.alarm_at.set(None);
        let now = now_millis();
        let views = self.views();
        for view in views.iter().filter(|view| view.access.is_over(now)) {
            view.group.close(REFUSED, "the key has expired");
            self.look_anew();
        }
        let later = views.iter().filter_map(|view| view.access.expires).filter(|end| *end > now);
        self.wanted_at.set(None);
        self.set_alarm(later.min());
    }

    /// Waits until the alarm is set, so that one that is being handled is not the last.
    pub async fn await_alarm(&self) {
        if let Some(at) = self.alarm_at.get() {
            let after = Duration::from_millis(at.saturating_sub(now_millis()));
            if let Err(why) = self.state.set_alarm(after).await {
                self.alarm_at.set(None);
                console_error!("the Directory's alarm cannot be set: {why}");
            }
        }
    }

    /// Has the alarm come when webhooks need it.
    pub fn want_alarm(self: &Rc<Self>, at: Option<u64>) {
        self.wanted_at.set(at);
        self.set_alarm(at);
    }

    /// Sees to it that there is an alarm by then.
    fn set_alarm(self: &Rc<Self>, by: Option<u64>) {
        let Some(by) = by else { return };
        // One that should have come long ago will not come.
        let is_to_come = |at: &u64| now_millis() < at + ALARM_LIMIT_MS;
        let at = match self.alarm_at.get().filter(is_to_come) {
            Some(at) if at <= by => return,
            Some(_) => by,
            // The one that was set before the object slept may be for an earlier time.
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
    /// The response to somebody who wants to watch.
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
            Ok(Ok(_)) if self.live.count_of(watcher.origin.by.as_deref()) >= SOCKETS_EACH => {
                let who = watcher.origin.by.as_deref().unwrap_or("anonymous");
                refuse(&ApiError::too_many_watchers_of(who, SOCKETS_EACH))
            }
            Ok(Ok(news)) => self.live.accept(watcher, &news),
            Ok(Err(why)) => {
                let denied = AuthError::rejected(why, watcher.origin.by.as_deref());
                let request = Request {
                    method: "GET".to_owned(),
                    target: "/_connector/_watch".to_owned(),
                    ..Request::default()
                };
                log::refusal(&denied, &request, watcher.origin.request_id.as_deref());
                refuse(&denied.failure)
            }
            Err(thrown) => {
                console_error!("the Directory cannot be watched: {}", describe(&thrown));
                refuse(&ApiError::internal())
            }
        }
    }

    /// Uses a ticket.
    fn use_ticket(&self, ticket: Option<&(String, u64)>) -> Result<Verdict, JsError> {
        let Some((nonce, until)) = ticket else { return Ok(Verdict::Admitted) };
        let values = [nonce.as_str().into(), (*until).into()];
        let is_new = self.store.any(
            "INSERT INTO ticket VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING 1 AS new",
            &values,
        )?;
        let now = now_millis();
        let verdict = judge(*until, !is_new, now);
        self.store.execute("DELETE FROM ticket WHERE until < ?", &[now.into()])?;
        Ok(verdict)
    }

    /// What somebody is told first: what has changed since they last heard, or to start over.
    fn news(&self, watch: &Watch) -> Result<String, JsError> {
        let seq = self.seq.get();
        let known = self.forgotten.get()..=seq;
        let Some(since) = watch.since.filter(|since| known.contains(since)) else {
            return Ok(reset(seq)?);
        };
        let access = Access { patterns: watch.connectors.clone(), ..Access::default() };
        let mut told = Told::nothing();
        let (condition, values) = match &watch.id {
            Some(id) => ("id = ? AND changed > ?", vec![id.as_str().into(), since.into()]),
            None => ("changed > ?", vec![since.into()]),
        };
        let sql = format!("SELECT {ROW} FROM entry WHERE {condition} ORDER BY changed");
        let mut problem = None;
        self.store.texts(&sql, &values, &mut |row| {
            match serde_json::from_str::<Entry<'_>>(&row) {
                Ok(entry) => problem = told.add(&entry, &access).err(),
                Err(error) => problem = Some(error.to_string().into()),
            }
            problem.is_none() && !told.is_too_much()
        })?;
        match problem {
            Some(problem) => Err(problem),
            None if told.is_too_much() => Ok(reset(seq)?),
            None => Ok(message(seq, &told.changes.iter().collect::<Vec<_>>(), &[])?),
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

/// What somebody is told who was away. It is gathered row by row, until it is too much.
struct Told {
    rows: usize,
    bytes: usize,
    budget: Budget,
    is_over: bool,
    changes: Vec<Change>,
}

impl Told {
    fn nothing() -> Self {
        let budget = Budget::new(Purpose::Patterns);
        Self { rows: 0, bytes: 0, budget, is_over: false, changes: Vec::new() }
    }

    /// Adds a row, if they may see it.
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

    fn is_too_much(&self) -> bool {
        self.is_over || self.rows > CHANGES || self.bytes > MESSAGE_BYTES
    }
}
