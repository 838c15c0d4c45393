//! What the Directory accepts, its rows, and when watchers are notified.

use connector_status::budget::{Budget, Purpose};
use connector_status::connector::Connector;
use connector_status::directory::{
    Entry, Slim, are_ranges, document_beside_entry, matches_any, ranges, send_delay_ms,
};
use connector_status::limits::ROW_TEXT_BYTES;
use connector_status::protocol::directory::{
    DocumentAction, ENTRY_COLUMNS, Facts, Field, JOB_COLUMNS, JobEntry, KnownEntry, KnownJob,
    Outcome, apply_entry, apply_job,
};
use proptest::prelude::*;

#[test]
fn a_text_in_a_row_is_whole_or_cut_between_characters() {
    let letters = |count| "x".repeat(count);
    let smiles = |count| "\u{1f600}".repeat(count);
    for (text, expected) in [
        (String::new(), String::new()),
        (letters(ROW_TEXT_BYTES), letters(ROW_TEXT_BYTES)),
        (letters(ROW_TEXT_BYTES + 1), letters(ROW_TEXT_BYTES) + "..."),
        (smiles(ROW_TEXT_BYTES / 4 + 1), smiles(ROW_TEXT_BYTES / 4) + "..."),
        // Cutting would only remove one character, which is no longer than the dots.
        (format!("x{}", smiles(ROW_TEXT_BYTES / 4)), format!("x{}", smiles(ROW_TEXT_BYTES / 4))),
    ] {
        assert_eq!(&*Slim::of(text), expected);
    }
}

proptest! {
    #[test]
    fn shortening_a_text_twice_changes_nothing(text in ".{0,400}") {
        let once = Slim::of(text.as_str());
        prop_assert!(once.len() <= ROW_TEXT_BYTES + 6);
        prop_assert_eq!(&Slim::of(&*once), &once);
        prop_assert!(text.starts_with(once.strip_suffix("...").unwrap_or(&once)));
    }

    #[test]
    fn every_id_that_matches_a_pattern_is_in_the_range_of_the_pattern(
        pattern in "[ab*?]{0,5}", id in "[ab\u{10fffe}]{0,6}"
    ) {
        let patterns = [pattern];
        let is_within = ranges(&patterns).iter().any(|(low, high)| (low..=high).contains(&&id));
        let mut budget = Budget::new(Purpose::Patterns);
        if matches_any(&patterns, &id, &mut budget).unwrap() {
            prop_assert!(is_within);
        } else if are_ranges(&patterns) {
            prop_assert!(!is_within);
        }
    }

    #[test]
    fn a_message_waits_a_second_at_most_even_if_the_clock_is_set_back(
        now: u32, came_at: u32, last_sent_at: u32, is_urgent: bool
    ) {
        let wait = send_delay_ms(now.into(), came_at.into(), last_sent_at.into(), is_urgent);
        let longest = if is_urgent { 250 } else { 1_000 };
        prop_assert!(wait <= longest);
    }
}

#[test]
fn messages_are_a_quarter_of_a_second_apart_and_heartbeats_are_merged_for_a_second() {
    for (now, came_at, last_sent_at, is_urgent, expected) in [
        (10_000, 10_000, 0, true, 0),
        (10_000, 10_000, 9_900, true, 150),
        (10_000, 10_000, 0, false, 1_000),
        (10_000, 9_600, 0, false, 600),
        (10_000, 9_000, 9_990, false, 240),
        // The clock was set back.
        (10_000, 10_000, 99_999, true, 250),
        (10_000, 99_999, 99_999, false, 1_000),
    ] {
        assert_eq!(send_delay_ms(now, came_at, last_sent_at, is_urgent), expected);
    }
}

fn connector(more: &str) -> Connector {
    Connector::from_json(&format!(r#"{{"status":"connected","name":"Db 2"{more}}}"#)).unwrap()
}

#[test]
fn last_seen_is_in_the_row_if_it_is_a_short_text_and_otherwise_in_the_document() {
    let long = format!(r#","last_seen":"{}""#, "x".repeat(ROW_TEXT_BYTES + 1));
    for (more, row, document) in [
        ("", None, r#"{"name":"Db 2"}"#.to_owned()),
        (r#","last_seen":"now""#, Some("now"), r#"{"name":"Db 2"}"#.to_owned()),
        (r#","last_seen":7"#, None, r#"{"name":"Db 2","last_seen":7}"#.to_owned()),
        (&long, None, format!(r#"{{"name":"Db 2"{long}}}"#)),
    ] {
        let connector = connector(more);
        let entry = Entry::of("a", 1, None, &connector);
        assert_eq!(entry.last_seen.as_deref(), row);
        assert_eq!(document_beside_entry(&connector).unwrap(), document);
    }
}

/// The row that results from an entry without a previous row.
fn known(entry: &Entry<'_>) -> KnownEntry {
    let text = |text: &Option<Slim<'_>>| text.as_deref().map(str::to_owned);
    KnownEntry {
        key: 1,
        version: entry.version,
        deleted: entry.deleted,
        index_name: text(&entry.index_name),
        name: text(&entry.name),
        service_type: text(&entry.service_type),
        description: text(&entry.description),
        status: text(&entry.status),
        since: text(&entry.since),
        error: text(&entry.error),
        last_seen: text(&entry.last_seen),
        last_synced: text(&entry.last_synced),
        last_sync_status: text(&entry.last_sync_status),
        last_indexed_document_count: entry.last_indexed_document_count,
        title: Some(entry.title()),
    }
}

#[test]
fn an_entry_is_accepted_if_it_is_newer_and_complete() {
    let plain = connector(r#","index_name":"one""#);
    let seen = connector(r#","index_name":"one","last_seen":"now""#);
    let at = |version| Entry::of("a", version, None, &plain);
    let heartbeat = Entry::of("a", 3, None, &seen);
    let row = known(&at(2));
    let told = Facts { has_document: true, ..Facts::default() };
    let facts = Facts::default();
    let document_has = Facts { document_has_last_seen: true, ..facts };
    let in_use = Facts { index_is_in_use: true, ..told };
    let erased = known(&Entry::erased("a", 2));
    let forced = Entry { is_forced: true, ..at(2) };
    for (name, known, entry, facts, expected) in [
        ("new", None, at(1), told, Ok(Outcome::Taken)),
        ("new, without its document", None, at(1), facts, Err(Outcome::DocumentNeeded)),
        ("an import", None, at(0), told, Ok(Outcome::Taken)),
        ("an import with a taken index", None, at(0), in_use, Err(Outcome::IndexInUse)),
        ("claimed before", None, at(1), in_use, Ok(Outcome::Taken)),
        ("older", Some(&row), at(1), told, Err(Outcome::Older)),
        ("the same", Some(&row), at(2), told, Err(Outcome::Older)),
        ("the same, forced", Some(&row), forced, told, Ok(Outcome::Taken)),
        ("newer and as it was", Some(&row), at(3), facts, Ok(Outcome::Seen)),
        ("newer, with a document", Some(&row), at(3), told, Ok(Outcome::Taken)),
        ("a heartbeat", Some(&row), heartbeat.clone(), facts, Ok(Outcome::Seen)),
        (
            "a first heartbeat over what was imported",
            Some(&row),
            heartbeat,
            document_has,
            Err(Outcome::DocumentNeeded),
        ),
        ("erased", Some(&row), Entry::erased("a", 3), facts, Ok(Outcome::Taken)),
        (
            "erased, of which nothing is known",
            None,
            Entry::erased("a", 3),
            facts,
            Ok(Outcome::Taken),
        ),
        ("after it was erased", Some(&erased), at(3), facts, Err(Outcome::DocumentNeeded)),
        ("before it was erased", Some(&erased), at(1), told, Err(Outcome::Older)),
    ] {
        let title = entry.title();
        let verdict = apply_entry(known, &entry, &title, facts);
        assert_eq!(verdict.map(|write| write.outcome), expected, "{name}");
    }
}

#[test]
fn only_columns_that_differ_are_written() {
    let before = known(&Entry::of("a", 2, None, &connector("")));
    let after = connector(r#","last_seen":"now""#);
    let entry = Entry::of("a", 3, None, &after);
    let title = entry.title();
    let write = apply_entry(Some(&before), &entry, &title, Facts::default()).unwrap();
    assert_eq!(write.columns, [("last_seen", Field::Text(Some("now")))]);
    assert_eq!((write.key, write.document), (Some(1), DocumentAction::Keep));
    let write = apply_entry(None, &entry, &title, Facts { has_document: true, ..Facts::default() });
    let write = write.unwrap();
    assert_eq!((write.key, write.columns.len(), write.document), (None, 13, DocumentAction::Write));
}

#[test]
fn rows_are_read_in_the_order_of_their_columns() {
    let values = r#"[7,2,0,"index","name","type","description","status","since","error","seen","synced","completed",5,"title"]"#;
    let row: KnownEntry = serde_json::from_str(values).unwrap();
    let again = format!(
        "{row:?}",
        row = (row.key, row.version, row.deleted, row.index_name, row.name, row.service_type)
    );
    assert_eq!(again, r#"(7, 2, 0, Some("index"), Some("name"), Some("type"))"#);
    assert_eq!(row.title.as_deref(), Some("title"));
    assert_eq!(ENTRY_COLUMNS.split(", ").count(), 15);
    let row: KnownJob =
        serde_json::from_str(r#"[7,2,"connector","pending","full",-5,"seen",9]"#).unwrap();
    assert_eq!((row.created_at, row.seen), (Some(-5), Some(9)));
    assert_eq!(JOB_COLUMNS.split(", ").count(), 8);
}

fn job(version: u64, more: &str) -> JobEntry {
    let text = format!(
        r#"{{"id":"j","version":{version},"edited":1,"connector_id":"c","status":"pending","job_type":"full",
            "created_at":5,"last_seen":null,"seen":null{more}}}"#
    );
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_job_entry_is_accepted_if_it_is_newer_and_complete() {
    let row: KnownJob = serde_json::from_str(r#"[7,2,"c","pending","full",5,null,null]"#).unwrap();
    let erased: KnownJob = serde_json::from_str("[7,2,null,null,null,null,null,null]").unwrap();
    let document = r#","document":"{}""#;
    let seen = JobEntry { last_seen: Some("now".to_owned()), seen: Some(1), ..job(3, "") };
    let edited = JobEntry { edited: 3, ..job(3, "") };
    let moved = JobEntry { status: Some("in_progress".to_owned()), ..job(3, "") };
    let gone = JobEntry { status: None, ..job(3, "") };
    for (name, known, job, expected) in [
        ("new", None, job(1, document), Ok(Outcome::Taken)),
        ("new, without its document", None, job(1, ""), Err(Outcome::DocumentNeeded)),
        ("older", Some(&row), job(2, document), Err(Outcome::Older)),
        ("moved", Some(&row), moved, Ok(Outcome::Taken)),
        ("seen", Some(&row), seen, Ok(Outcome::Seen)),
        ("edited, without its document", Some(&row), edited, Err(Outcome::DocumentNeeded)),
        ("erased", Some(&row), gone, Ok(Outcome::Taken)),
        ("after it was erased", Some(&erased), job(3, ""), Err(Outcome::DocumentNeeded)),
    ] {
        assert_eq!(apply_job(known, &job).map(|write| write.outcome), expected, "{name}");
    }
}
