//! Index names: each belongs to one connector, even when two ask in the same instant.
//!
//! A name is taken by the entry of a connector that has it, or by a claim for a write that is not
//! committed yet. Either may be out of date: the connector may have given the name up, or never have
//! committed. So whoever is in the way is asked, and what it says is taken up. A claim has a token: it
//! is only given to somebody else if it is still the very claim that was asked about. Where the one in
//! the way does not answer, nobody gets the name.

use std::rc::Rc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::Directory;
use crate::connector::Fields;
use crate::edge::message;
use crate::edge::runtime::{JsError, current_entry, timeout};

/// How long to wait for the one who is in the way.
const LIMIT: Duration = Duration::from_secs(1);
/// How often a name may change hands while it is asked about.
const TRIES: usize = 8;

/// A claim of an index name.
pub(super) struct Claim {
    index: String,
    id: String,
    token: String,
}

impl From<Fields> for Claim {
    fn from(mut fields: Fields) -> Self {
        let mut given = |name| message::text(&mut fields, name).unwrap_or_default();
        Self { index: given("index"), id: given("id"), token: given("token") }
    }
}

/// Somebody else who has the name, or has claimed it.
#[derive(Deserialize)]
struct Holder {
    id: String,
    /// Of a claim.
    token: Option<String>,
}

impl Directory {
    /// Grants a name, or not.
    ///
    /// # Errors
    /// If that cannot be said.
    pub(super) async fn claim(self: &Rc<Self>, claim: Claim) -> Result<bool, JsError> {
        self.open()?;
        self.take_up().await?;
        for _ in 0..TRIES {
            let Some(holder) = self.holder(&claim)? else {
                self.grant(&claim)?;
                return Ok(true);
            };
            let asked = timeout(LIMIT, current_entry(&self.env, &holder.id, &claim.index)).await;
            let current = asked.ok_or("the connector that has the index does not answer")??;
            if self.still_holds(&holder, &claim.index, &current)? {
                return Ok(false);
            }
        }
        Err("the index changes hands too fast".into())
    }

    /// Takes a claim back.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn release(&self, claim: &Claim) -> Result<(), JsError> {
        self.open()?;
        self.forget_claim(&claim.index, &claim.token)
    }

    fn holder(&self, Claim { index, id, .. }: &Claim) -> Result<Option<Holder>, JsError> {
        let sql = "SELECT id, token FROM claim WHERE index_name = ? AND id <> ? UNION ALL \
                   SELECT id, NULL FROM entry WHERE deleted = 0 AND (index_name IS NULL) = 0 \
                   AND index_name = ? AND id <> ? LIMIT 1";
        let [index, id] = [index, id].map(|text| Value::from(text.as_str()));
        let rows = self.store.rows(sql, &[index.clone(), id.clone(), index, id])?;
        Ok(rows.into_iter().next())
    }

    fn grant(&self, Claim { index, id, token }: &Claim) -> Result<(), JsError> {
        let values = [index, id, token].map(|text| Value::from(text.as_str()));
        self.store
            .rows::<IgnoredAny>("INSERT OR REPLACE INTO claim VALUES (?, ?, ?)", &values)
            .map(drop)
    }

    /// Takes up what the holder has said; tells whether it has the name, or is about to.
    fn still_holds(&self, holder: &Holder, index: &str, current: &str) -> Result<bool, JsError> {
        let mut current = message::parse(current).map_err(|_| "a connector is being updated")?;
        let is_claiming = current.get("is_claiming").and_then(Value::as_bool) == Some(true);
        let document = message::text(&mut current, "document");
        let entry = current.get("entry").filter(|entry| entry.is_object());
        match entry {
            Some(entry) => {
                let document = document.map(|document| document.as_str().into());
                self.apply(&entry.to_string(), document.as_ref())?;
            }
            // It came from Workers KV, and is gone from there.
            None => self.forget_entry(&holder.id)?,
        }
        if is_claiming {
            return Ok(true);
        }
        let holds = entry.is_some_and(|entry| {
            entry.get("index_name").and_then(Value::as_str) == Some(index)
                && entry.get("deleted").and_then(Value::as_u64) == Some(0)
        });
        if let Some(token) = holder.token.as_deref().filter(|_| !holds) {
            self.forget_claim(index, token)?;
        }
        Ok(holds)
    }

    fn forget_claim(&self, index: &str, token: &str) -> Result<(), JsError> {
        let sql = "DELETE FROM claim WHERE index_name = ? AND token = ?";
        self.store.rows::<IgnoredAny>(sql, &[index.into(), token.into()]).map(drop)
    }

    fn forget_entry(&self, id: &str) -> Result<(), JsError> {
        let seq = self.next_seq()?;
        self.set("forgotten", seq)?;
        self.forgotten.set(seq);
        self.live.tell_gone(id, seq);
        self.counts.forget();
        let documents = "DELETE FROM document WHERE key = (SELECT key FROM entry WHERE id = ?)";
        self.store.rows::<IgnoredAny>(documents, &[id.into()])?;
        self.store.rows::<IgnoredAny>("DELETE FROM entry WHERE id = ?", &[id.into()]).map(drop)
    }
}
