//! The document of a new connector.

use serde_json::{Value, json};

use super::{Connector, Fields};
use crate::status::Status;
use crate::values::Time;

/// The default schedule, which is disabled: every day at midnight.
pub const DEFAULT_SCHEDULE: &str = "0 0 0 * * ?";

/// The fields that a create request may set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Creation {
    pub description: Option<String>,
    /// The index to sync into. `None`: the connector is detached.
    pub index_name: Option<String>,
    /// Whether it is Elastic-managed.
    pub is_native: bool,
    pub language: Option<String>,
    pub name: Option<String>,
    pub service_type: Option<String>,
}

impl Creation {
    /// From the fields of a validated request body.
    pub fn from_fields(fields: &Fields) -> Self {
        let text = |name| fields.get(name).and_then(Value::as_str).map(str::to_owned);
        Self {
            description: text("description"),
            index_name: text("index_name"),
            is_native: fields.get("is_native").and_then(Value::as_bool).unwrap_or(false),
            language: text("language"),
            name: text("name"),
            service_type: text("service_type"),
        }
    }

    /// The new document. Creating over an existing connector replaces all of it.
    pub fn connector(self, now: Time) -> Connector {
        let status = if self.is_native { Status::NeedsConfiguration } else { Status::Created };
        let mut fields = Fields::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        set("configuration", Some(json!({})));
        set("custom_scheduling", Some(json!({})));
        set("description", self.description.map(Value::from));
        set("filtering", Some(default_filtering(now)));
        set("index_name", self.index_name.map(Value::from));
        set("is_native", Some(self.is_native.into()));
        set("language", self.language.map(Value::from));
        set("name", Some(self.name.unwrap_or_default().into()));
        set("scheduling", Some(default_scheduling()));
        set("service_type", self.service_type.map(Value::from));
        set("status", Some(status.name().into()));
        set("sync_now", Some(false.into()));
        set("deleted", Some(false.into()));
        Connector { status, fields }
    }
}

fn default_scheduling() -> Value {
    let disabled = json!({ "enabled": false, "interval": DEFAULT_SCHEDULE });
    json!({ "access_control": disabled, "full": disabled, "incremental": disabled })
}

/// Includes everything.
pub(super) fn default_filtering(now: Time) -> Value {
    let now = now.to_string().into();
    let all = json!({
        "advanced_snippet": { "created_at": now, "updated_at": now, "value": {} },
        "rules": [default_rule(&now, 0)],
        "validation": { "errors": [], "state": "valid" },
    });
    json!([{ "active": all, "domain": "DEFAULT", "draft": all }])
}

/// The rule that includes everything. Every list of rules ends with it.
pub(super) fn default_rule(created_at: &Value, order: i64) -> Value {
    json!({
        "created_at": created_at,
        "field": "_",
        "id": "DEFAULT",
        "order": order,
        "policy": "include",
        "rule": "regex",
        "updated_at": created_at,
        "value": ".*",
    })
}
