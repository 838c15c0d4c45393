//! Removing a guard from the protocols makes a model find a violation, and print the shortest history that
//! leads to it.
//!
//! A copy of the protocols and the models, a crate under `target/`, has a switch for each guard. So it is
//! compiled once, and removes one guard after another.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A guard that can be removed.
struct Guard {
    name: &'static str,
    /// In `src/protocol`; or in `tests/models`, for what the edge does.
    file: &'static str,
    /// An expression or a statement, and its replacement.
    with: &'static str,
    without: &'static str,
    /// The model that finds the violation.
    model: &'static str,
    /// The property that is violated.
    property: &'static str,
}

const CLAIMS: &str = "claims::Names";
const ENTRIES: &str = "entries::Entries";
const JOBS: &str = "jobs::SyncJobs";
const COPIES: &str = "copies::Copies";
const WEBHOOKS: &str = "webhooks::Targets";
const SEARCHES: &str = "refresh::Searches";
const IMPORTS: &str = "adoption::Imports";
const TICKETS: &str = "tickets::Tickets";

const ONE_INDEX: &str = "one index, one connector";
const EQUAL: &str = "once messages arrive, the Directory equals the object";
const ALARM_FOR_CHANGES: &str = "while a change is pending, an alarm is set";
const ALARM_FOR_MESSAGES: &str = "while a message is pending, an alarm is set";
const LOSSES_ARE_KNOWN: &str = "the Directory knows how many messages were given up";
const ALARM_FOR_SUMMARIES: &str = "while a summary is pending, an alarm is set";
const REFRESHED: &str = "searches after _refresh show what was acknowledged before";
const NOT_MISSING: &str = "a connector in Workers KV is never reported as missing";
const COPY_IS_CORRECT: &str = "a copy that is recorded as written is correct and stays correct";

const GUARDS: &[Guard] = &[
    // Earlier versions lacked this guard and the next.
    Guard {
        name: "a late release ends no other claim of the same connector",
        file: "tests/models/claims.rs",
        with: "it.token != claim.token",
        without: "it.id != claim.id",
        model: CLAIMS,
        property: ONE_INDEX,
    },
    Guard {
        name: "the claimed index is that of the committed document",
        file: "src/protocol/claims.rs",
        with: "granted != Some(index)",
        without: "granted.is_none()",
        model: CLAIMS,
        property: ONE_INDEX,
    },
    Guard {
        name: "an answer ends only the claims that were known when the question was asked",
        file: "tests/models/claims.rs",
        with: "!tokens.contains(&it.token)",
        without: "it.id != id(from)",
        model: CLAIMS,
        property: ONE_INDEX,
    },
    Guard {
        name: "a connector that may be about to commit answers so",
        file: "tests/models/claims.rs",
        with: "it.claims.is_claiming(&index)",
        without: "false",
        model: CLAIMS,
        property: ONE_INDEX,
    },
    Guard {
        name: "a claim counts from when it is sent, not from when it is granted",
        file: "src/protocol/claims.rs",
        with: "open.claim.index == index",
        without: "open.is_granted && open.claim.index == index",
        model: CLAIMS,
        property: ONE_INDEX,
    },
    Guard {
        name: "a name that another connector has is not granted",
        file: "src/protocol/claims.rs",
        with: "rivals.first()",
        without: "None",
        model: CLAIMS,
        property: ONE_INDEX,
    },
    Guard {
        name: "an older entry does not replace a newer one",
        file: "src/protocol/directory.rs",
        with: "known.version > entry.version",
        without: "false",
        model: ENTRIES,
        property: "an entry never goes back",
    },
    Guard {
        name: "an older version of a job does not replace a newer one",
        file: "src/protocol/directory.rs",
        with: "known.version >= job.version",
        without: "known.version == job.version",
        model: JOBS,
        property: "a job never goes back",
    },
    Guard {
        name: "a cursor never goes back",
        file: "src/protocol/outbox.rs",
        with: "cursors.directory.max(update.version)",
        without: "update.version",
        model: ENTRIES,
        property: ALARM_FOR_CHANGES,
    },
    Guard {
        name: "an edited document is sent",
        file: "src/protocol/outbox.rs",
        with: "versions.edited > cursors.directory",
        without: "false",
        model: ENTRIES,
        property: EQUAL,
    },
    Guard {
        name: "a message that was sent before _reindex does not count as that of _reindex",
        file: "src/protocol/outbox.rs",
        with: "self.acknowledged.max(update.requested)",
        without: "self.requested",
        model: ENTRIES,
        property: "a row is correct after _reindex",
    },
    Guard {
        name: "_reindex is not done before its own message was acknowledged",
        file: "src/protocol/outbox.rs",
        with: "self.acknowledged == self.requested",
        without: "true",
        model: ENTRIES,
        property: "a row is correct after _reindex",
    },
    Guard {
        name: "an alarm is set with a commit",
        file: "src/protocol/outbox.rs",
        with: "!std::mem::replace(&mut self.is_set, true)",
        without: "std::mem::replace(&mut self.is_set, true)",
        model: ENTRIES,
        property: ALARM_FOR_CHANGES,
    },
    Guard {
        name: "an alarm that has run is no longer set",
        file: "src/protocol/outbox.rs",
        with: "self.is_set = false;",
        without: "",
        model: ENTRIES,
        property: ALARM_FOR_CHANGES,
    },
    Guard {
        name: "Workers KV gets one write at a time",
        file: "src/protocol/outbox.rs",
        with: "self.work == Work::None",
        without: "true",
        model: COPIES,
        property: "never two writes of a key at once",
    },
    Guard {
        name: "Workers KV gets at most one write a second",
        file: "src/protocol/outbox.rs",
        with: "gap_ms.saturating_sub(now.saturating_sub(self.last))",
        without: "0",
        model: COPIES,
        property: "never two writes of a key within a second",
    },
    Guard {
        name: "for some time after a failed write, no other write counts",
        file: "src/protocol/outbox.rs",
        with: "may_come_late(self.late_write)",
        without: "false",
        model: COPIES,
        property: COPY_IS_CORRECT,
    },
    Guard {
        name: "this time is as long as a write may be late",
        file: "src/protocol/outbox.rs",
        with: "copy.begun.saturating_sub(since) < LATE_WRITE_MS",
        without: "copy.begun.saturating_sub(since) < LATE_WRITE_MS / 2",
        model: COPIES,
        property: COPY_IS_CORRECT,
    },
    Guard {
        name: "an object that starts before a change is copied expects a late write",
        file: "src/protocol/outbox.rs",
        with: "self.fail(now);",
        without: "",
        model: COPIES,
        property: COPY_IS_CORRECT,
    },
    Guard {
        name: "an object that may have been copying a heartbeat when it stopped expects a late write",
        file: "src/protocol/outbox.rs",
        with: "self.late_heartbeat = now;",
        without: "",
        model: COPIES,
        property: COPY_IS_CORRECT,
    },
    Guard {
        name: "a job is pending until the Directory has its newest version",
        file: "src/protocol/jobs.rs",
        with: "pending.version <= version",
        without: "true",
        model: JOBS,
        property: EQUAL,
    },
    Guard {
        name: "pending jobs are recorded in storage",
        file: "src/protocol/jobs.rs",
        with: "is_stored && !is_known",
        without: "false",
        model: JOBS,
        property: EQUAL,
    },
    Guard {
        name: "an erased job is recorded as pending, with its last version",
        file: "src/protocol/jobs.rs",
        with: "!change.erases && known.is_some_and(|pending| pending.is_stored)",
        without: "known.is_some_and(|pending| pending.is_stored)",
        model: JOBS,
        property: EQUAL,
    },
    Guard {
        name: "the alarm checks on a message that was being sent",
        file: "src/protocol/webhooks.rs",
        with: "Some(since + SENDING_LIMIT_MS)",
        without: "None",
        model: WEBHOOKS,
        property: ALARM_FOR_MESSAGES,
    },
    Guard {
        name: "the number of messages given up is reported to the Directory",
        file: "src/protocol/webhooks.rs",
        with: "(it.given_up > it.reported).then_some(it.given_up)",
        without: "None",
        model: WEBHOOKS,
        property: LOSSES_ARE_KNOWN,
    },
    Guard {
        name: "a message that is given up is counted",
        file: "src/protocol/webhooks.rs",
        with: "position.given_up += 1",
        without: "()",
        model: WEBHOOKS,
        property: LOSSES_ARE_KNOWN,
    },
    Guard {
        name: "a message that reports missing ones is not summarized",
        file: "src/protocol/webhooks.rs",
        with: "is_summarized && self.missed_in_body == 0",
        without: "is_summarized",
        model: WEBHOOKS,
        property: "missing messages are reported to the target",
    },
    Guard {
        name: "a message that is given up leaves its report of missing ones to the next",
        file: "tests/models/webhooks.rs",
        with: "stored.missed += 1 + missed_in_body;",
        without: "stored.missed += 1;",
        model: WEBHOOKS,
        property: "missing messages are reported to the target",
    },
    Guard {
        name: "the alarm runs when summaries must be made",
        file: "src/protocol/summaries.rs",
        with: "due.into_iter().chain(next_at).min()",
        without: "next_at",
        model: WEBHOOKS,
        property: ALARM_FOR_SUMMARIES,
    },
    Guard {
        name: "the alarm checks on a summary that was being sent",
        file: "src/protocol/summaries.rs",
        with: "Some(now + SENDING_LIMIT_MS)",
        without: "None",
        model: WEBHOOKS,
        property: ALARM_FOR_SUMMARIES,
    },
    Guard {
        name: "a summary that is given up leaves its report of missing ones to the next",
        file: "src/protocol/summaries.rs",
        with: "self.gathering.missed += 1 + summary.missed_in_body;",
        without: "self.gathering.missed += 1;",
        model: WEBHOOKS,
        property: "missing summaries are reported to the target",
    },
    Guard {
        name: "a change without a lease waits for the Directory",
        file: "src/protocol/refresh.rs",
        with: "is_pending && !lease.holds(now)",
        without: "false",
        model: SEARCHES,
        property: REFRESHED,
    },
    Guard {
        name: "a lease ends",
        file: "src/protocol/refresh.rs",
        with: "age < LEASE_MS",
        without: "true",
        model: SEARCHES,
        property: REFRESHED,
    },
    Guard {
        name: "a refresh asks the objects that the Directory heard from recently",
        file: "src/protocol/refresh.rs",
        with: "self.heard.insert(id.to_owned(), now);",
        without: "",
        model: SEARCHES,
        property: REFRESHED,
    },
    Guard {
        name: "the time that counts as recent is longer than a lease",
        file: "src/protocol/refresh.rs",
        with: "now.saturating_sub(then) < WINDOW_MS",
        without: "now.saturating_sub(then) < WINDOW_MS / 8",
        model: SEARCHES,
        property: REFRESHED,
    },
    Guard {
        name: "a Directory that has restarted looks up the objects that it heard from recently",
        file: "src/protocol/refresh.rs",
        with: "is_recent(self.since, now).then(|| now.saturating_sub(WINDOW_MS))",
        without: "None",
        model: SEARCHES,
        property: REFRESHED,
    },
    Guard {
        name: "an import is adopted only if there is still no row",
        file: "src/protocol/adoption.rs",
        with: "return Next::Serve;",
        without: "",
        model: IMPORTS,
        property: "an import is adopted once",
    },
    Guard {
        name: "an erased connector keeps a row",
        file: "tests/models/adoption.rs",
        with: "self.row = Some(None)",
        without: "self.row = None",
        model: IMPORTS,
        property: "an import is adopted once",
    },
    Guard {
        name: "a request is refused if Workers KV does not answer",
        file: "src/protocol/adoption.rs",
        with: "Next::Refuse",
        without: "Next::Serve",
        model: IMPORTS,
        property: NOT_MISSING,
    },
    Guard {
        name: "a conditional creation waits for Workers KV",
        file: "src/protocol/adoption.rs",
        with: "replaces && !is_conditional",
        without: "replaces",
        model: IMPORTS,
        property: NOT_MISSING,
    },
    Guard {
        name: "an import is not ignored because the Directory does not answer",
        file: "src/protocol/adoption.rs",
        with: "claim == NotGranted::InUse",
        without: "true",
        model: IMPORTS,
        property: NOT_MISSING,
    },
    Guard {
        name: "a ticket is stored as used",
        file: "src/protocol/tickets.rs",
        with: "if is_stored { Verdict::UsedBefore } else { Verdict::Admitted }",
        without: "Verdict::Admitted",
        model: TICKETS,
        property: "a ticket opens one socket",
    },
    Guard {
        name: "expiry is checked again when a ticket arrives",
        file: "src/protocol/tickets.rs",
        with: "return Verdict::Expired;",
        without: "",
        model: TICKETS,
        property: "a ticket opens one socket",
    },
];

const MANIFEST: &str = r#"[package]
name = "guards"
version = "0.0.0"
edition = "2024"

# As in the project, so nothing is compiled twice.
[dependencies]
connector-status = { path = "../.." }
croner = { version = "4.0.3", default-features = false }
proptest = { version = "1.12.0", default-features = false, features = ["std"] }
serde = { version = "1.0.229", features = ["derive"] }
serde_json = { version = "1.0.154", features = ["arbitrary_precision", "raw_value", "preserve_order"] }
stateright = "0.31.0"

[workspace]

[profile.dev]
debug = "line-tables-only"

[profile.dev.package.connector-status]
opt-level = 1

# Below 2, rustc takes generic functions from unoptimized dependencies.
[profile.dev.package.guards]
opt-level = 2
debug = false
"#;

const MAIN: &str = "#![allow(warnings)]
mod adoption;
mod claims;
mod copies;
mod entries;
mod jobs;
mod network;
mod protocol;
mod refresh;
mod story;
mod tickets;
mod webhooks;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

static OUT: AtomicUsize = AtomicUsize::new(usize::MAX);

fn is_out(guard: usize) -> bool {
    OUT.load(SeqCst) == guard
}

fn main() {
";

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Writes a file if it has changed: cargo recompiles newer files.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
    fs::write(path, text).expect("the file can be written");
}

/// The text of a file with a switch for each of its guards.
fn with_switches(file: &str) -> String {
    let text = read(file);
    let mut places = Vec::new();
    for (n, guard) in GUARDS.iter().enumerate().filter(|(_, guard)| guard.file == file) {
        let Guard { name, with, without, .. } = guard;
        assert_eq!(
            text.matches(with).count(),
            1,
            "{name}: `{with}` does not occur exactly once in {file}"
        );
        let choice = format!("if crate::is_out({n}) {{ {without} }} else {{ {with} }}");
        let is_statement = with.ends_with(';');
        let choice = if is_statement { choice } else { format!("({choice})") };
        places.push((text.find(with).expect("it is there"), with.len(), choice));
    }
    places.sort();
    let mut patched = text;
    for (place, length, choice) in places.into_iter().rev() {
        patched.replace_range(place..place + length, &choice);
    }
    patched
        .replace("connector_status::protocol", "crate::protocol")
        .replace("crate::directory", "connector_status::directory")
        .replace("crate::values", "connector_status::values")
        .replace("crate::webhook", "connector_status::webhook")
}

/// Writes the crate that removes one guard after another.
fn write_crate(folder: &Path) {
    let protocols = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/protocol");
    for entry in fs::read_dir(protocols).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let file = format!("src/protocol/{}", name.to_str().expect("a name"));
        write(&folder.join(&file), &with_switches(&file));
    }
    let modules = [
        "adoption", "claims", "copies", "entries", "jobs", "network", "refresh", "story",
        "tickets", "webhooks",
    ];
    for module in modules {
        let text = with_switches(&format!("tests/models/{module}.rs"));
        write(&folder.join(format!("src/{module}.rs")), &text);
    }
    let mut main = MAIN.to_owned();
    for (n, Guard { model, property, .. }) in GUARDS.iter().enumerate() {
        writeln!(main, "    OUT.store({n}, SeqCst);").expect("a string");
        writeln!(main, "    story::miss({n}, {property:?}, {model}::walks(false));")
            .expect("a string");
    }
    main.push_str("}\n");
    write(&folder.join("src/main.rs"), &main);
    write(&folder.join("Cargo.toml"), MANIFEST);
    write(&folder.join("Cargo.lock"), &read("Cargo.lock"));
}

/// The history that the crate prints for each guard whose removal causes a violation.
fn run(folder: &Path, target: &Path) -> BTreeMap<usize, String> {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--offline", "--quiet"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let mut found = BTreeMap::new();
    for block in said.split("@@@ ").skip(1) {
        let (head, story) = block.split_once('\n').expect("a line");
        found.insert(head.parse().expect("a number"), story.trim().to_owned());
    }
    found
}

#[test]
fn removing_a_guard_from_the_protocols_violates_a_property() {
    let target: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target").into();
    let folder = target.join("guards");
    write_crate(&folder);
    let found = run(&folder, &target);
    let mut wrong = Vec::new();
    for (n, Guard { name, property, .. }) in GUARDS.iter().enumerate() {
        match found.get(&n) {
            Some(story) => println!("Without the guard \"{name}\": {story}\n"),
            None => wrong.push(format!("{name}: no history violates [{property}]")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
