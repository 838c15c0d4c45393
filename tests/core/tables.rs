//! The tables in tests/tables: the response to each request, and its effect on the connector.

use std::fs;
use std::path::Path;

use crate::common::{World, job_id, request};
use connector_status::connector::{Connector, Creation, Fields};
use connector_status::sync_job::{self, SyncJob};
use connector_status::values::{Time, json};
use serde_json::{Value, json};

/// The times of every request, and of its repetition.
const NOW: u64 = 1_772_000_000_123;
const LATER: u64 = 1_772_000_001_000;
const ID: &str = "c1";

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tables"))
}

/// A table, with `id` as the id in its requests.
fn read(path: &Path, id: &str, now: u64) -> Value {
    let text = fs::read_to_string(path).unwrap();
    let text = text
        .replace("{id}", id)
        .replace("{connector}", ID)
        .replace("<now>", &Time::from_millis(now).to_string());
    json::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fields(value: &Value) -> Fields {
    value.as_object().unwrap().clone()
}

fn document(base: &Value, changes: &Value) -> Value {
    let mut document = fields(base);
    document.extend(fields(changes));
    document.retain(|_, value| value != "<absent>");
    document.into()
}

/// The types and reasons of an error, from the outermost to the innermost.
fn chain(response: &Value) -> Value {
    let mut chain = Vec::new();
    let mut error = &response["error"];
    if error.is_string() {
        return error.clone();
    }
    while error.is_object() {
        chain.push(json!([error["type"], error["reason"]]));
        error = &error["caused_by"];
    }
    let root = &response["error"]["root_cause"][0];
    assert!(chain.contains(&json!([root["type"], root["reason"]])), "{response}");
    chain.into()
}

/// What a table is about.
#[derive(Clone, Copy)]
enum Subject {
    Connector,
    SyncJob,
}

impl Subject {
    fn id(self) -> String {
        match self {
            Self::Connector => ID.to_owned(),
            Self::SyncJob => job_id(ID).to_string(),
        }
    }

    /// The subject's document.
    fn shown(self, world: &World) -> Value {
        let fields = match self {
            Self::Connector => world.connector.as_ref().map(|it| it.fields().clone()),
            Self::SyncJob => world.job.as_ref().map(|it| it.fields().clone()),
        };
        fields.map_or(Value::Null, Value::Object)
    }

    /// Its status and its document after being stored and read again.
    fn read_again(self, document: &Value) -> Result<(&'static str, Value), String> {
        let text = document.to_string();
        Ok(match self {
            Self::Connector => {
                let connector = Connector::from_json(&text)?;
                (connector.status().name(), connector.fields().clone().into())
            }
            Self::SyncJob => {
                let job = SyncJob::from_json(&text)?;
                (job.status().name(), job.fields().clone().into())
            }
        })
    }
}

/// The documents that cases start from.
struct Bases {
    connector: Value,
    job: Value,
}

impl Bases {
    fn read() -> Self {
        Self {
            connector: read(&folder().join("document.json"), ID, NOW),
            job: read(&folder().join("sync_jobs/document.json"), ID, NOW),
        }
    }
}

/// The expected response, with `<before>` replaced by the document before the request.
fn with_before(answer: &Value, before: &Value) -> Value {
    match answer {
        Value::String(text) if text == "<before>" => before.clone(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, it)| (name.clone(), with_before(it, before)));
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

/// The problem with one case, if any. `later`: the same case with the time of the repetition.
fn check(
    subject: Subject,
    bases: &Bases,
    table: &Value,
    case: &Value,
    later: &Value,
) -> Result<(), String> {
    let line = case.get("request").unwrap_or(&table["request"]).as_str().unwrap();
    let (method, target) = line.split_once(' ').unwrap();
    let body = match (case.get("text"), case.get("body")) {
        (Some(text), _) => text.as_str().unwrap().to_owned(),
        (None, Some(body)) => body.to_string(),
        (None, None) => String::new(),
    };
    let header = |name| case["headers"].get(name).map(|value| value.as_str().unwrap().to_owned());
    let mut request = request(method, target, &body);
    request.content_type = header("content-type").or(request.content_type);
    request.accept = header("accept");
    request.if_match = header("if-match");
    request.if_none_match = header("if-none-match");
    let start = |base: &Value, changes: Option<&Value>| match changes {
        Some(Value::Null) => Value::Null,
        Some(changes) => document(base, changes),
        None => base.clone(),
    };
    let (base, before, connector) = match subject {
        Subject::Connector => {
            let connector = start(&bases.connector, case.get("before"));
            (&bases.connector, connector.clone(), connector)
        }
        Subject::SyncJob => {
            let connector = case.get("connector").or(table.get("connector"));
            let connector = start(&bases.connector, connector);
            (&bases.job, start(&bases.job, case.get("before")), connector)
        }
    };
    let connector = connector.as_object().map(|it| Connector::from_fields(it.clone()).unwrap());
    let mut world = World::of(connector);
    if let Subject::SyncJob = subject {
        let job = before.as_object().map(|it| SyncJob::from_fields(it.clone()).unwrap());
        world = world.with_job(job);
    }
    let response = world.send(ID, &request, NOW);
    let body: Value = json::parse(&response.body).unwrap();
    let same = |what: &str, expected: &Value, found: &Value| match expected == found {
        true => Ok(()),
        false => Err(format!("{what}: expected {expected}, found {found}")),
    };
    let status = case.get("status").cloned().unwrap_or(json!(200));
    same("status", &status, &response.status.into())?;
    let expected = |case: &Value| match case.get("after") {
        Some(Value::Null) => Value::Null,
        Some(changes) if before.is_null() => document(base, changes),
        Some(changes) => document(&before, changes),
        None => before.clone(),
    };
    let after = expected(case);
    let found = subject.shown(&world);
    same("document", &after, &found)?;
    let off_protocol = case.get("off_protocol").cloned().unwrap_or_default();
    same("off the protocol", &off_protocol, &world.off_protocol.as_deref().into())?;
    if !found.is_null() {
        let (status, again) = subject.read_again(&found)?;
        same("status field", &after["status"], &status.into())?;
        same("document read again", &after, &again)?;
    }
    let answer = case.get("answer").map(|answer| with_before(answer, &before));
    if answer.is_none() && response.status >= 300 {
        let allow = response.allow.map(|allow| format!("allowed: [{allow}]"));
        assert!(allow.is_none_or(|allow| response.body.contains(&allow)), "{}", response.body);
        return same("error", &case["error"], &chain(&body));
    }
    same("answer", &answer.unwrap_or(json!({ "result": "updated" })), &body)?;

    let response = world.send(ID, &request, LATER);
    let again: Value = json::parse(&response.body).unwrap();
    if method == "GET" {
        return same("the second time", &body, &again);
    }
    let result = match response.status {
        200 => again.get("result").cloned().unwrap_or(json!(200)),
        201 if again.get("result").is_some_and(|result| result == "updated") => json!("updated"),
        status => status.into(),
    };
    same("the second time", case.get("again").unwrap_or(&json!("noop")), &result)?;
    let after = if response.status < 300 && result != "noop" { expected(later) } else { after };
    same("document after the second time", &after, &subject.shown(&world))
}

/// The number of a folder's cases, and their problems.
fn check_all(folder: &Path, subject: Subject) -> (usize, Vec<String>) {
    let bases = Bases::read();
    let mut problems = Vec::new();
    let mut cases = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_table = path.extension().is_some_and(|extension| extension == "json");
        if !is_table || matches!(name.as_str(), "document" | "searches" | "types") {
            continue;
        }
        let [table, later] = [NOW, LATER].map(|now| read(&path, &subject.id(), now));
        let again = later["cases"].as_array().unwrap();
        for (case, later) in table["cases"].as_array().unwrap().iter().zip(again) {
            cases += 1;
            if let Err(problem) = check(subject, &bases, &table, case, later) {
                problems.push(format!("{name}: {}: {problem}", case["name"]));
            }
        }
    }
    (cases, problems)
}

#[test]
fn every_case_in_the_tables_gives_its_response_and_document() {
    let tables = [
        (folder().to_owned(), Subject::Connector, 200),
        (folder().join("documents"), Subject::Connector, 80),
        (folder().join("sync_jobs"), Subject::SyncJob, 200),
    ];
    for (folder, subject, least) in tables {
        let (cases, problems) = check_all(&folder, subject);
        assert!(problems.is_empty(), "{} of {cases}:\n{}", problems.len(), problems.join("\n"));
        assert!(cases > least, "only {cases} cases");
    }
}

#[test]
fn the_tables_start_from_newly_created_documents() {
    let created = Time::from_millis(1_767_225_600_000);
    let bases = Bases::read();
    let connector = Creation::default().connector(created);
    assert_eq!(Value::Object(connector.fields().clone()), bases.connector);
    let connector = Creation {
        index_name: Some("search-a".to_owned()),
        service_type: Some("google_drive".to_owned()),
        ..Creation::default()
    };
    let job = sync_job::Creation::default().job(ID, &connector.connector(created), created);
    assert_eq!(Value::Object(job.unwrap().fields().clone()), bases.job);
}
