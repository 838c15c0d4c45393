//! How many connectors had each status over the last days.
//!
//! Triggers insert the marks (see [`crate::directory::timeline`]), so no status change is missed.

use serde::Serialize;

use super::{Directory, failed};
use crate::api::{ApiError, Response};
use crate::directory::timeline::{ALL_HOURS, Counts, DAYS, MARK_SECONDS, Mark, Step, steps};
use crate::edge::runtime::{JsError, from_row, now_millis};
use crate::values::{Time, json};

/// The table of marks and its triggers. The first mark of an hour deletes marks that are no longer needed.
pub(super) fn tables() -> String {
    let now = format!("unixepoch() / {MARK_SECONDS}");
    let is_first = format!("NOT EXISTS (SELECT 1 FROM timeline WHERE at = {now})");
    // `total` does not include the change yet.
    let mark = format!(
        "BEGIN INSERT INTO timeline SELECT {now}, json_group_object(status, count) FROM \
         (SELECT status, sum(count) AS count FROM total WHERE deleted = 0 GROUP BY status HAVING sum(count) > 0); END"
    );
    let an_hour = 3_600 / MARK_SECONDS;
    let (all, kept) = (ALL_HOURS * an_hour, DAYS * 24 * an_hour);
    let has_earlier = |mark: &str| {
        format!(
            "EXISTS (SELECT 1 FROM timeline AS earlier \
             WHERE earlier.at >= {mark}.at / {an_hour} * {an_hour} AND earlier.at < {mark}.at)"
        )
    };
    format!(
        "CREATE TABLE timeline (at INTEGER PRIMARY KEY, before TEXT NOT NULL);
         CREATE TRIGGER timeline_comes BEFORE INSERT ON entry WHEN NEW.deleted = 0 AND {is_first} {mark};
         CREATE TRIGGER timeline_goes BEFORE DELETE ON entry WHEN OLD.deleted = 0 AND {is_first} {mark};
         CREATE TRIGGER timeline_moves BEFORE UPDATE OF deleted, status ON entry
         WHEN (OLD.deleted, OLD.status) IS NOT (NEW.deleted, NEW.status) AND {is_first} {mark};
         CREATE TRIGGER timeline_thins AFTER INSERT ON timeline WHEN NOT {} BEGIN
           DELETE FROM timeline WHERE at < NEW.at - {kept};
           DELETE FROM timeline WHERE at < NEW.at - {all} AND {};
         END;",
        has_earlier("NEW"),
        has_earlier("timeline"),
    )
}

impl Directory {
    pub(super) fn timeline(&self, hours: u64) -> Result<Response, ApiError> {
        #[derive(Serialize)]
        struct Timeline {
            from: String,
            to: String,
            steps: Vec<Step>,
        }
        let now = now_millis();
        let from = now.saturating_sub(hours * 3_600_000);
        let steps = self.steps(from).map_err(failed("the timeline cannot be made"))?;
        let time = |millis| Time::from_millis(millis).to_string();
        let timeline = Timeline { from: time(from), to: time(now), steps };
        let text = json::to_text(&timeline).map_err(|_| ApiError::internal())?;
        Ok(Response::text(200, text))
    }

    fn steps(&self, from: u64) -> Result<Vec<Step>, JsError> {
        struct Row {
            at: u64,
            before: String,
        }
        from_row!(Row { at, before });
        struct Total {
            status: String,
            count: u64,
        }
        from_row!(Total { status, count });
        let sql = "SELECT at, before FROM timeline WHERE at >= ? ORDER BY at";
        let first = from / 1_000 / MARK_SECONDS;
        let rows: Vec<Row> = self.store.rows(sql, &[first.into()])?;
        let marks = rows
            .into_iter()
            .map(|Row { at, before }| Ok(Mark { at, before: counts(&before)? }))
            .collect::<Result<_, JsError>>()?;
        let sql = "SELECT status, sum(count) AS count FROM total WHERE deleted = 0 \
                   GROUP BY status HAVING sum(count) > 0";
        let totals: Vec<Total> = self.store.rows(sql, &[])?;
        let now = totals.into_iter().map(|Total { status, count }| (status, count)).collect();
        Ok(steps(marks, now, from))
    }
}

/// Parses the counts of a stored mark.
fn counts(stored: &str) -> Result<Counts, JsError> {
    let stored = json::parse_object(stored)?;
    let numbers = stored.into_iter().map(|(status, count)| Some((status, count.as_u64()?)));
    numbers
        .collect::<Option<Counts>>()
        .ok_or_else(|| "a mark of the timeline has no numbers".into())
}
