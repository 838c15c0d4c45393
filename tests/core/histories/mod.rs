//! Random lifecycles of connectors and sync jobs: whatever the requests, a status only makes moves that
//! the table or the endpoint allows, and no caller overwrites a version it has not seen.
//!
//! `HISTORIES_CASES=20000 cargo test histories::` runs more cases.

mod connectors;
mod sync_jobs;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;

use crate::common::World;
use connector_status::api::{Request, Response, etag};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// The version that a caller claims to have seen.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Nothing,
    /// `If-Match`, with the version that many changes ago.
    Version(u64),
    /// `if_seq_no`, with the version that many changes ago; only `_update` has this parameter.
    SeqNo(u64),
    /// `If-Match: *`
    Any,
    /// `If-None-Match: *`
    Absence,
}

impl Seen {
    /// Adds the precondition to a request, and returns whether it holds. `version`: of what the request
    /// is about; `None`: it does not exist.
    fn add_to(self, request: &mut Request, version: Option<u64>, newest: u64) -> bool {
        let before = |ago| newest.saturating_sub(ago);
        match self {
            Self::Nothing => true,
            Self::Version(ago) => {
                request.if_match = Some(etag(before(ago)));
                version == Some(before(ago))
            }
            Self::SeqNo(ago) => {
                let seq_no = before(ago).saturating_sub(1);
                request.target.push_str(&format!("?if_primary_term=1&if_seq_no={seq_no}"));
                version == Some(seq_no + 1)
            }
            Self::Any => {
                request.if_match = Some("*".to_owned());
                version.is_some()
            }
            Self::Absence => {
                request.if_none_match = Some("*".to_owned());
                version.is_none()
            }
        }
    }
}

/// Sends a request, and checks what holds for all of them. `holds`: whether its precondition does.
fn send(
    world: &mut World,
    id: &str,
    request: &Request,
    holds: bool,
    now: u64,
) -> Result<(Response, String), TestCaseError> {
    let before = world.clone();
    let response = world.send(id, request, now);
    let World { connector, job, .. } = &before;
    let what = format!("{connector:?} {job:?} {request:?} {}", response.body);
    let is_changed = world.connector != before.connector || world.job != before.job;
    let versions = (before.version + before.job_version, world.version + world.job_version);
    if response.status >= 400 || response.body.contains("noop") {
        prop_assert!(!is_changed && versions.0 == versions.1, "{}", what);
    } else {
        prop_assert_eq!(versions.0 + 1, versions.1, "{}", what);
    }
    match response.status {
        409 | 412 => prop_assert!(!holds, "{}", what),
        // Invalid bodies and missing jobs are reported before the precondition is checked.
        400 | 404 => {}
        _ => prop_assert!(holds, "{}", what),
    }
    Ok((response, what))
}

/// Runs random histories of `steps`. `step` carries one out at a time, in milliseconds since 1970, and
/// returns the status of the response; 0 if no request was sent. Each of the statuses `expected` must
/// occur, more often than `least` times, and no other.
fn run<S: Clone + Debug, W>(
    cases: u32,
    steps: BoxedStrategy<S>,
    start: impl Fn() -> W,
    step: impl Fn(&mut W, &S, u64) -> Result<u16, TestCaseError>,
    expected: &[u16],
    least: usize,
) {
    let wanted = std::env::var("HISTORIES_CASES").ok().and_then(|text| text.parse().ok());
    let config =
        Config { cases: wanted.unwrap_or(cases), failure_persistence: None, ..Config::default() };
    let mut runner = match wanted {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRunner::deterministic().new_rng()),
    };
    let statuses = RefCell::new(BTreeMap::<u16, usize>::new());
    let result = runner.run(&prop::collection::vec(steps, 1..40), |steps| {
        let mut state = start();
        for (now, one) in (1..).zip(&steps) {
            let status = step(&mut state, one, now)?;
            prop_assert!(status == 0 || expected.contains(&status), "{} to {:?}", status, one);
            *statuses.borrow_mut().entry(status).or_default() += 1;
        }
        Ok(())
    });
    result.unwrap_or_else(|problem| panic!("{problem}"));
    let statuses = statuses.into_inner();
    for status in expected {
        assert!(statuses.get(status).is_some_and(|seen| *seen > least), "{statuses:?}");
    }
}
