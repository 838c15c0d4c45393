//! Every limit on what a caller may send, store or request, with its reason. Where Elasticsearch has a
//! limit, ours is the same.

/// Bytes of a request body: as much as a document, since an object has 128 MB of memory in total.
pub const BODY_BYTES: usize = 1 << 20;
/// Bytes of a backup's body: a document, its history, and a batch of sync jobs.
pub const BACKUP_BODY_BYTES: usize = 8 << 20;
/// Bytes of a connector's or a sync job's JSON: SQLite in Durable Objects limits rows to 2 MB.
pub const DOCUMENT_BYTES: usize = 1 << 20;
/// Nesting depth of a request body, less than [`DOCUMENT_DEPTH`] because the body becomes part of a
/// document.
pub const BODY_DEPTH: usize = 100;
/// Nesting depth of a stored document: the JSON reader is recursive.
pub const DOCUMENT_DEPTH: usize = 128;
/// Nesting depth of a response: lists nest documents.
pub const RESPONSE_DEPTH: usize = 150;

/// Bytes of a connector's id: it is part of a Workers KV key, and those are limited to 512 bytes.
pub const ID_BYTES: usize = 500;
/// Bytes of an index name. Elasticsearch's limit.
pub const INDEX_NAME_BYTES: usize = 255;

/// Bytes of a text in a row of the Directory. Longer texts are cut there, because every list reads these rows. Every
/// index name fits.
pub const ROW_TEXT_BYTES: usize = 300;

/// The sum of `from` and `size`. Elasticsearch's `index.max_result_window`.
pub const RESULT_WINDOW: usize = 10_000;
/// Bytes of a page: an object has 128 MB of memory in total.
pub const PAGE_BYTES: usize = 16 << 20;
/// Bytes of a page whose documents are processed individually, to show only a part of each or its sort values. Each
/// document is in memory up to three times: as read, as shown, and in the page.
pub const EDITED_PAGE_BYTES: usize = PAGE_BYTES / 2;
/// Characters of `query`: longer than any name that people search for.
pub const QUERY_CHARACTERS: usize = 256;

/// Words in the `query` of `_summary`: each is searched for in every slim row.
pub const QUERY_WORDS: usize = 10;
/// Sort fields of a search: their values are kept for every hit up to the end of the page.
pub const SORT_FIELDS: usize = 16;
/// Bytes of a value that is sorted by; a document whose value is longer comes last. Lucene's longest term.
pub const SORT_VALUE_BYTES: usize = 32_766;
/// Clauses of a search query, including `bool` clauses. The lowest value of Elasticsearch's
/// `indices.query.bool.max_clause_count`.
pub const QUERY_CLAUSES: usize = 1_024;
/// Nesting depth of `bool` and `dis_max` queries. Elasticsearch's `indices.query.bool.max_nested_depth`.
pub const QUERY_DEPTH: usize = 30;
/// Values in a search query. Elasticsearch's `index.max_terms_count`.
pub const QUERY_TERMS: usize = 65_536;
/// Conditions of a search that become SQL; the rest are evaluated document by document. Durable
/// Objects limit a statement to 100 parameters.
pub const SQL_CONDITIONS: usize = 8;

/// Bytes of a scrolling search: the scroll id contains all of it, and clients may send the id in a path.
pub const SCROLL_BYTES: usize = 4 << 10;

/// Steps of all `filter_path` patterns together: one bit of a machine word each.
pub const FILTER_PATH_STEPS: usize = 64;

/// Units of work per [budget](crate::budget). A request has at most two budgets: one to find results
/// and one to format the response.
pub const WORK: usize = 40_000_000;
/// Bytes that evaluating an expression may hold in memory: as many as a page. With the runtime's copies, this adds at
/// most 32 MiB to what the page takes without the expression.
pub const HELD_BYTES: usize = PAGE_BYTES;

/// Bytes of a token in an `Authorization` header. Ours have about a hundred.
pub const TOKEN_BYTES: usize = 1_024;
/// Bytes of an API key's id: it is a Workers KV key.
pub const KEY_ID_BYTES: usize = 128;

/// Connector id patterns of a key: a list matches every connector's id against all of them.
pub const KEY_PATTERNS: usize = 100;

/// Bytes of field names that the audit keeps per write: callers can choose names.
pub const AUDIT_NAMES_BYTES: usize = 1_000;
/// Edits that are kept per connector, and the maximum on a page of an audit.
pub const AUDIT_PAGE: usize = 1_000;

/// Open WebSockets: sending one change to all of them takes a tenth of a second.
pub const SOCKETS: u32 = 4_000;
/// Open WebSockets of one key or user, so that one caller can't use up the limit for everyone.
pub const SOCKETS_EACH: u32 = 1_000;
