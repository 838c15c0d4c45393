//! The page of ids that a backup goes by.

use serde::Deserialize;

use super::{Directory, failed};
use crate::api::{ApiError, Response, show_ids};

impl Directory {
    /// A page of the ids of all connectors, deleted and erased ones too, in their order.
    ///
    /// # Errors
    /// 500 if the database fails.
    pub(super) fn ids(&self, after: &str, size: usize) -> Result<Response, ApiError> {
        #[derive(Deserialize)]
        struct Row {
            id: String,
        }
        let sql = "SELECT id FROM entry WHERE id > ? ORDER BY id LIMIT ?";
        let rows = self.store.rows::<Row>(sql, &[after.into(), (size as u64).into()]);
        let rows = rows.map_err(failed("the ids cannot be read"))?;
        let ids: Vec<String> = rows.into_iter().map(|row| row.id).collect();
        Ok(show_ids(&ids, size))
    }
}
