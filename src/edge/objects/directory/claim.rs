//! Index names: drives the Directory's side of `protocol::claims`.

use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::Directory;
use crate::edge::message::{self, CurrentConnector};
use crate::edge::runtime::{JsError, JsString, current_entry, from_row, timeout};
use crate::protocol::claims::{Answer, Claim, Inquiry, Next, Rival, Verdict};

/// How long to wait for the connector that holds the name.
const TIMEOUT: Duration = Duration::from_secs(1);

from_row!(Rival { id, token });

impl Directory {
    /// Grants an index name unless another connector holds it.
    pub(super) async fn claim(self: &Rc<Self>, claim: Claim) -> Result<bool, JsError> {
        self.open()?;
        self.ensure_imported().await?;
        let mut inquiry = Inquiry::new(claim);
        loop {
            match inquiry.next(&self.rivals(inquiry.claim())?) {
                Next::Grant(claim) => return self.grant(&claim).map(|()| true),
                Next::GiveUp => return Err("the index is being claimed by other connectors".into()),
                Next::Ask(question) => {
                    let asked = current_entry(&self.env, &question.id, &question.index);
                    let current = timeout(TIMEOUT, asked).await;
                    let current =
                        current.ok_or("the connector that has the index does not answer")??;
                    let answer = self.apply_answer(&question.id, &question.index, &current)?;
                    let index = question.index.clone();
                    match question.answered(answer) {
                        Verdict::Refuse => return Ok(false),
                        Verdict::Forget(tokens) => {
                            for token in tokens {
                                self.forget_claim(&index, &token)?;
                            }
                        }
                    }
                }
            }
        }
    }

    /// Releases a claim.
    pub(super) fn release(&self, claim: &Claim) -> Result<(), JsError> {
        self.open()?;
        self.forget_claim(&claim.index, &claim.token)
    }

    fn rivals(&self, Claim { index, id, .. }: &Claim) -> Result<Vec<Rival>, JsError> {
        let sql = "SELECT id, token FROM claim WHERE index_name = ? AND id <> ? UNION ALL \
                   SELECT id, NULL FROM entry WHERE deleted = 0 AND (index_name IS NULL) = 0 \
                   AND index_name = ? AND id <> ?";
        let [index, id] = [index, id].map(|text| Value::from(text.as_str()));
        self.store.rows(sql, &[index.clone(), id.clone(), index, id])
    }

    fn grant(&self, Claim { index, id, token }: &Claim) -> Result<(), JsError> {
        let values = [index, id, token].map(|text| Value::from(text.as_str()));
        let sql = "INSERT INTO claim (index_name, id, token) VALUES (?, ?, ?)";
        self.store.execute(sql, &values).map(drop)
    }

    /// Applies a connector's current entry. Returns whether it holds or claims the index.
    fn apply_answer(&self, id: &str, index: &str, current: &str) -> Result<Answer, JsError> {
        let CurrentConnector { entry, document, is_claiming } =
            message::read(current).map_err(|_| "a connector is being updated")?;
        match &entry {
            Some(entry) => {
                let document = document.as_deref().map(JsString::from);
                self.apply_entry(entry, document.as_ref())?;
            }
            None => self.forget_import(id)?,
        }
        let holds = entry
            .is_some_and(|entry| entry.index_name.as_deref() == Some(index) && entry.deleted == 0);
        Ok(match (holds, is_claiming) {
            (true, _) => Answer::Holds,
            (false, true) => Answer::Claims,
            (false, false) => Answer::Neither,
        })
    }

    fn forget_claim(&self, index: &str, token: &str) -> Result<(), JsError> {
        let sql = "DELETE FROM claim WHERE index_name = ? AND token = ?";
        self.store.execute(sql, &[index.into(), token.into()]).map(drop)
    }

    /// Deletes the entry of an import that is gone from Workers KV. An entry with a version came from the
    /// connector's object and stays: the answer may be older than it.
    fn forget_import(&self, id: &str) -> Result<(), JsError> {
        let documents = "DELETE FROM document WHERE key = \
                         (SELECT key FROM entry WHERE id = ? AND version = 0)";
        self.store.execute(documents, &[id.into()])?;
        let entries = "DELETE FROM entry WHERE id = ? AND version = 0 RETURNING id";
        if !self.store.any(entries, &[id.into()])? {
            return Ok(());
        }
        let seq = self.next_seq()?;
        self.set("forgotten", seq)?;
        self.forgotten.set(seq);
        self.live.notify_deleted(id, seq);
        self.count_cache.clear();
        Ok(())
    }
}
