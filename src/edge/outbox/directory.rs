//! The Directory as a consumer of the outbox.

use std::rc::Rc;
use std::time::Duration;

use super::consumer::Consumer;
use super::settle::{Searched, Tellings, UnderWay};
use super::{Memory, Outbox};
use crate::directory::{Entry, Event, document_beside_entry};
use crate::edge::message::{self, Notice};
use crate::edge::objects::connector::Record;
use crate::edge::runtime::{apply_entry, describe, notify_directory, now_millis, timeout};
use crate::protocol::outbox::{Answered, DIRECTORY_GAP_MS, Pace, Telling};
use crate::protocol::refresh::Lease;

/// How long to wait for the Directory.
const LIMIT: Duration = Duration::from_secs(1);

/// Lists show these changes at once, as in Elasticsearch: their callers wait for the Directory.
const AWAITED: [&str; 10] = [
    "_create",
    "_delete",
    "_restore",
    "_configuration",
    "_native",
    "_index_name",
    "_name",
    "_service_type",
    "_update",
    "_doc",
];

/// Whether callers of that endpoint wait for the Directory.
pub(super) fn is_awaited(via: &str) -> bool {
    AWAITED.contains(&via)
}

/// The Directory.
pub(super) struct Directory;

impl Consumer for Directory {
    const GAP_MS: u64 = DIRECTORY_GAP_MS;

    fn pace(memory: &mut Memory) -> &mut Pace {
        &mut memory.directory
    }

    fn is_behind(outbox: &Outbox) -> bool {
        let (versions, cursors) = outbox.shared.versions();
        cursors.is_directory_behind(versions)
    }

    async fn tell(outbox: &Rc<Outbox>) -> Result<bool, String> {
        let failed = |why: String| format!("the Directory cannot be told: {why}");
        tell_once(outbox).await.map(|()| true).map_err(failed)
    }
}

async fn tell_once(outbox: &Outbox) -> Result<(), String> {
    let Some((mut telling, events, entry)) = begin(outbox) else { return Ok(()) };
    let entry = entry?;
    let sent_at = now_millis();
    let _under_way = UnderWay::begin(&outbox.directory_tellings);
    loop {
        let document = match telling.with_document {
            true => outbox.shared.with_record(|record| record.and_then(document)),
            false => None,
        };
        let answer = ask(outbox, &entry, document.as_deref()).await?;
        if let Answered::Told { is_news } = telling.answered(&answer)? {
            told(outbox, &telling, &events, is_news.then_some(sent_at));
            return Ok(());
        }
    }
}

impl Searched for Directory {
    const TAKES_PARTS: bool = false;

    fn lease(memory: &mut Memory) -> &mut Lease {
        &mut memory.directory_lease
    }

    fn tellings(outbox: &Outbox) -> &Rc<Tellings> {
        &outbox.directory_tellings
    }
}

/// A telling of the newest version, the events that go with it, and its entry.
fn begin(outbox: &Outbox) -> Option<(Telling, Vec<Event>, Result<String, String>)> {
    let settled = outbox.shared.claims.borrow().settled().to_vec();
    outbox.shared.with_record(|record| {
        let it = record?;
        let telling =
            outbox.remember(|memory| memory.forced.begin(it.versions(), it.cursors, &settled));
        let (committed_claims, is_forced) = (telling.settled.clone(), telling.is_forced);
        let events = it.untold.events().to_vec();
        let audit = events.clone();
        let entry = message::write(&Entry { committed_claims, is_forced, audit, ..entry(it) });
        Some((telling, events, entry))
    })
}

async fn ask(outbox: &Outbox, entry: &str, document: Option<&str>) -> Result<String, String> {
    let reply = match timeout(LIMIT, apply_entry(&outbox.shared.env, entry, document)).await {
        Some(Ok(reply)) => reply,
        Some(Err(thrown)) => return Err(describe(&thrown)),
        None => return Err(format!("no answer within {} ms", LIMIT.as_millis())),
    };
    let mut result = String::new();
    let read = message::read(&reply, &mut |_, value| result = value.into_text());
    read.map_err(|_| "it is being updated")?;
    Ok(result)
}

/// Notes that the Directory has a version. `leased_at`: when the message was sent, if it gives a lease.
fn told(outbox: &Outbox, telling: &Telling, events: &[Event], leased_at: Option<u64>) {
    if let Some(sent_at) = leased_at {
        outbox.remember(|memory| memory.directory_lease.renew(sent_at));
    }
    outbox.shared.claims.borrow_mut().told(&telling.settled);
    outbox.shared.move_cursors(|cursors| {
        outbox.remember(|memory| memory.forced.told(telling, cursors));
    });
    outbox.shared.change_record(|record| record.untold.forget(events));
}

/// Has the audit of all connectors know of an event before it happens.
///
/// # Errors
/// Why it does not.
pub(in crate::edge) async fn audit(outbox: &Outbox, event: &Event) -> Result<(), String> {
    let notice = message::write(&Notice::Audit { audit: event })?;
    match timeout(LIMIT, notify_directory(&outbox.shared.env, &notice)).await {
        Some(Ok(_)) => Ok(()),
        Some(Err(thrown)) => Err(describe(&thrown)),
        None => Err(format!("no answer within {} ms", LIMIT.as_millis())),
    }
}

/// What lists filter and sort by, and the version.
pub(in crate::edge) fn entry(record: &Record) -> Entry<'_> {
    match record.connector() {
        Some(it) => Entry::of(&record.id, record.version, record.since.as_deref(), it),
        None => Entry::erased(&record.id, record.version),
    }
}

/// The document as the Directory keeps it.
pub(in crate::edge) fn document(record: &Record) -> Option<String> {
    record.connector().map(document_beside_entry)
}
