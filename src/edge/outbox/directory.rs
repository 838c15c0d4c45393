//! The Directory as a consumer of the outbox.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use super::consumer::Consumer;
use super::settle::{InFlight, InFlightGuard, Searched};
use super::{Memory, Outbox};
use crate::directory::{Entry, Event, document_beside_entry};
use crate::edge::message::{self, EntryReply, Notice};
use crate::edge::objects::connector::Record;
use crate::edge::runtime::{apply_entry, describe, notify_directory, now_millis, timeout};
use crate::protocol::outbox::{Answered, DIRECTORY_GAP_MS, EntryUpdate, Pace};
use crate::protocol::refresh::Lease;

/// How long to wait for the Directory.
const TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct Directory;

impl Consumer for Directory {
    const GAP_MS: u64 = DIRECTORY_GAP_MS;

    fn pace(memory: &mut Memory) -> &mut Pace {
        &mut memory.directory
    }

    fn has_pending(outbox: &Outbox) -> bool {
        let (versions, cursors) = outbox.shared.versions();
        cursors.is_directory_pending(versions)
    }

    async fn deliver(outbox: &Rc<Outbox>) -> Result<bool, String> {
        let failed = |why: String| format!("the Directory cannot be notified: {why}");
        deliver_once(outbox).await.map(|()| true).map_err(failed)
    }
}

async fn deliver_once(outbox: &Outbox) -> Result<(), String> {
    let Some((mut update, events, entry)) = begin(outbox) else { return Ok(()) };
    let entry = entry?;
    let sent_at = now_millis();
    let _guard = InFlightGuard::begin(&outbox.directory_in_flight);
    loop {
        let document = if update.with_document {
            outbox.shared.with_record(|record| record.map_or(Ok(None), document))?
        } else {
            None
        };
        let answer = send(outbox, &entry, document.as_deref()).await?;
        if let Answered::Acknowledged { is_new } = update.answered(&answer)? {
            record_delivery(outbox, &update, &events, is_new.then_some(sent_at));
            return Ok(());
        }
    }
}

impl Searched for Directory {
    const SENDS_IN_PARTS: bool = false;

    fn lease(memory: &mut Memory) -> &mut Lease {
        &mut memory.directory_lease
    }

    fn in_flight(outbox: &Outbox) -> &Rc<InFlight> {
        &outbox.directory_in_flight
    }
}

/// The delivery of the newest version, its audit events, and its entry as JSON.
fn begin(outbox: &Outbox) -> Option<(EntryUpdate, Vec<Event>, Result<String, String>)> {
    let committed = outbox.shared.claims.borrow().committed().to_vec();
    outbox.shared.with_record(|record| {
        let it = record?;
        let update =
            outbox.remember(|memory| memory.forced.begin(it.versions(), it.cursors, &committed));
        let (committed_claims, is_forced) = (update.committed_claims.clone(), update.is_forced);
        let events = it.pending_events.events().to_vec();
        let audit = events.clone();
        let entry = message::write(&Entry { committed_claims, is_forced, audit, ..entry(it) });
        Some((update, events, entry))
    })
}

async fn send(outbox: &Outbox, entry: &str, document: Option<&str>) -> Result<String, String> {
    let reply = match timeout(TIMEOUT, apply_entry(&outbox.shared.env, entry, document)).await {
        Some(Ok(reply)) => reply,
        Some(Err(thrown)) => return Err(describe(&thrown)),
        None => return Err(format!("no answer within {} ms", TIMEOUT.as_millis())),
    };
    let EntryReply { result } = message::read(&reply).map_err(|_| "it is being updated")?;
    Ok(result.into_owned())
}

/// Records that the Directory has a version. `leased_at`: when the message was sent, if the reply grants a lease.
fn record_delivery(
    outbox: &Outbox,
    update: &EntryUpdate,
    events: &[Event],
    leased_at: Option<u64>,
) {
    if let Some(sent_at) = leased_at {
        outbox.remember(|memory| memory.directory_lease.renew(sent_at));
    }
    outbox.shared.claims.borrow_mut().acknowledge(&update.committed_claims);
    outbox.shared.move_cursors(|cursors| {
        outbox.remember(|memory| memory.forced.acknowledge(update, cursors));
    });
    outbox.shared.change_record(|record| record.pending_events.remove(events));
}

/// Records an event in the Directory's audit before it happens.
pub(in crate::edge) async fn audit(outbox: &Outbox, event: &Event) -> Result<(), String> {
    let notice = Notice::Audit(Cow::Borrowed(event)).into_json()?;
    match timeout(TIMEOUT, notify_directory(&outbox.shared.env, &notice)).await {
        Some(Ok(_)) => Ok(()),
        Some(Err(thrown)) => Err(describe(&thrown)),
        None => Err(format!("no answer within {} ms", TIMEOUT.as_millis())),
    }
}

/// The fields that lists filter and sort by, and the version.
pub(in crate::edge) fn entry(record: &Record) -> Entry<'_> {
    match record.connector() {
        Some(it) => Entry::of(&record.id, record.version, record.since.as_deref(), it),
        None => Entry::erased(&record.id, record.version),
    }
}

/// The document as the Directory keeps it.
pub(in crate::edge) fn document(record: &Record) -> Result<Option<String>, String> {
    record.connector().map(document_beside_entry).transpose()
}
