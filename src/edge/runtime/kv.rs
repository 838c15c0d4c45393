//! Workers KV.

use js_sys::{Array, Map, Promise, Reflect};
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen::prelude::*;
use worker::Env;

use super::promise::await_promise;
use super::{JsError, binding, from_json, to_text};

/// Workers KV returns at most this many values at once.
const BATCH: usize = 100;

#[wasm_bindgen]
extern "C" {
    // The `worker` crate writes the numbers in metadata as objects: docs/decisions/kv-by-hand.md.
    type Namespace;
    #[wasm_bindgen(method, catch)]
    fn get(this: &Namespace, key: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = get)]
    fn get_with(this: &Namespace, key: &str, options: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = get)]
    fn get_all(this: &Namespace, keys: &Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = getWithMetadata)]
    fn get_with_metadata(this: &Namespace, key: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn put(this: &Namespace, key: &str, value: &str, options: &JsValue)
    -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn list(this: &Namespace, options: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn delete(this: &Namespace, key: &str) -> Result<Promise, JsValue>;
}

/// A Workers KV namespace.
pub(crate) struct Kv(Namespace);

/// A value, and when it was written.
pub(crate) struct TimedValue {
    pub value: String,
    /// `at` in its metadata: milliseconds since 1970.
    pub written_at: Option<u64>,
}

/// A page of a namespace's keys.
#[derive(Default)]
pub(crate) struct KvKeys {
    pub names: Vec<String>,
    /// The expiration times in the keys' metadata, in milliseconds since 1970.
    pub expirations: Vec<u64>,
    /// The cursor of the next page; `None`: this is the last one.
    pub cursor: Option<String>,
}

impl Kv {
    pub fn of(env: &Env, name: &str) -> Result<Self, JsError> {
        binding(env, name).map(Self)
    }

    pub async fn get(&self, key: &str) -> Result<Option<String>, JsError> {
        Ok(await_promise(self.0.get(key)).await?.as_string())
    }

    /// The value of a key, at most this many seconds old.
    pub async fn get_cached(&self, key: &str, seconds: u32) -> Result<Option<String>, JsError> {
        let options = from_json(&json!({ "cacheTtl": seconds }))?;
        Ok(await_promise(self.0.get_with(key, &options)).await?.as_string())
    }

    pub async fn get_with_time(&self, key: &str) -> Result<Option<TimedValue>, JsError> {
        let found = await_promise(self.0.get_with_metadata(key)).await?;
        let Some(value) = Reflect::get(&found, &"value".into())?.as_string() else {
            return Ok(None);
        };
        let metadata = to_text(&Reflect::get(&found, &"metadata".into())?)?;
        let metadata = crate::values::json::parse(&metadata).unwrap_or_default();
        Ok(Some(TimedValue { value, written_at: metadata.get("at").and_then(Value::as_u64) }))
    }

    /// The keys that exist, each with its value.
    pub async fn get_all(&self, keys: &[String]) -> Result<Vec<(String, String)>, JsError> {
        let mut batches = Vec::new();
        for batch in keys.chunks(BATCH) {
            let names: Array = batch.iter().map(|key| JsValue::from(key.as_str())).collect();
            batches.push((batch, self.0.get_all(&names)?));
        }
        let mut values = Vec::new();
        for (batch, promise) in batches {
            let found: Map = await_promise(Ok(promise)).await?.unchecked_into();
            for key in batch {
                if let Some(value) = found.get(&key.as_str().into()).as_string() {
                    values.push((key.clone(), value));
                }
            }
        }
        Ok(values)
    }

    pub async fn put(&self, key: &str, value: &str, metadata: &Value) -> Result<(), JsError> {
        self.put_with(key, value, &json!({ "metadata": metadata })).await
    }

    /// Writes a value that expires after this many seconds.
    pub async fn put_with_ttl(
        &self,
        key: &str,
        value: &str,
        metadata: &Value,
        seconds: u64,
    ) -> Result<(), JsError> {
        let options = json!({ "metadata": metadata, "expirationTtl": seconds });
        self.put_with(key, value, &options).await
    }

    async fn put_with(&self, key: &str, value: &str, options: &Value) -> Result<(), JsError> {
        let options = from_json(options)?;
        await_promise(self.0.put(key, value, &options)).await.map(drop)
    }

    pub async fn delete(&self, key: &str) -> Result<(), JsError> {
        await_promise(self.0.delete(key)).await.map(drop)
    }

    /// A page of at most 1,000 keys with this prefix.
    pub async fn list(&self, prefix: &str, cursor: Option<&str>) -> Result<KvKeys, JsError> {
        #[derive(Deserialize)]
        struct Page {
            keys: Vec<Key>,
            list_complete: bool,
            cursor: Option<String>,
        }
        #[derive(Deserialize)]
        struct Key {
            name: String,
            #[serde(default)]
            metadata: Value,
        }
        let options = match cursor {
            Some(cursor) => json!({ "prefix": prefix, "cursor": cursor }),
            None => json!({ "prefix": prefix }),
        };
        let text = to_text(&await_promise(self.0.list(&from_json(&options)?)).await?)?;
        let page: Page = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let expiration = |key: &Key| key.metadata.get("expiration").and_then(Value::as_u64);
        Ok(KvKeys {
            expirations: page.keys.iter().filter_map(expiration).collect(),
            names: page.keys.into_iter().map(|key| key.name).collect(),
            cursor: page.cursor.filter(|_| !page.list_complete),
        })
    }
}
