//! Every limit on what a caller may send, store or ask for, with its reason. Where Elasticsearch has
//! a limit of its own, it is the same one.

/// Bytes of a request's body. A document fits, and an object has 128 MB of memory for everything.
pub const BODY_BYTES: usize = 1 << 20;
/// Bytes of a backup's body: a document, a history, and a part of the sync jobs.
pub const BACKUP_BODY_BYTES: usize = 8 << 20;
/// Bytes of a connector's or a sync job's JSON: SQLite in Durable Objects takes rows of 2 MB.
pub const DOCUMENT_BYTES: usize = 1 << 20;
/// Levels of a body. The document that it goes into is a little deeper: see [`DOCUMENT_DEPTH`].
pub const BODY_DEPTH: usize = 100;
/// Levels of a stored document, as much as the reader of JSON goes down by calling itself.
pub const DOCUMENT_DEPTH: usize = 128;
/// Levels of a response: a document in a list is deeper than one by itself.
pub const RESPONSE_DEPTH: usize = 150;

/// Bytes of a connector's id: it is part of a key of Workers KV, which takes 512 bytes.
pub const ID_BYTES: usize = 500;
/// Bytes of an index name. Elasticsearch's own.
pub const INDEX_NAME_BYTES: usize = 255;

/// Bytes of a text in a row of the Directory, which everybody's lists read; what is longer is cut there. Every
/// index name fits.
pub const ROW_TEXT_BYTES: usize = 300;

/// How far a page may reach: `from` and `size` together. Elasticsearch's `index.max_result_window`.
pub const RESULT_WINDOW: usize = 10_000;
/// Characters of a page: an object has 128 MB of memory for everything.
pub const PAGE_BYTES: usize = 16 << 20;
/// Characters of `query`: longer ones find nothing that people would call by a name.
pub const QUERY_CHARACTERS: usize = 256;

/// Words in the `query` of `_summary`: each is looked for in every slim row.
pub const QUERY_WORDS: usize = 10;
/// Fields that a search sorts by: the values of each are kept for every hit up to the page's end.
pub const SORT_FIELDS: usize = 16;
/// Clauses of a search's query, `bool` ones too. The least that Elasticsearch's
/// `indices.query.bool.max_clause_count` can be.
pub const QUERY_CLAUSES: usize = 1_024;
/// `bool` and `dis_max` queries within each other. Elasticsearch's `indices.query.bool.max_nested_depth`.
pub const QUERY_DEPTH: usize = 30;
/// Values in a search's query. Elasticsearch's `index.max_terms_count`.
pub const QUERY_TERMS: usize = 65_536;
/// Conditions of a search that SQL decides; others are decided document by document. Durable
/// Objects take 100 parameters in a statement.
pub const SQL_CONDITIONS: usize = 8;

/// Bytes of a search that scrolls: its id has all of it, and is in the path or the body of what asks for more.
pub const SCROLL_BYTES: usize = 4 << 10;

/// Steps of all patterns in `filter_path` together: as many as a machine word has bits.
pub const FILTER_PATH_STEPS: usize = 64;

/// Units of work that evaluating an expression of a caller's may take, see [`crate::budget`]. A
/// request needs two budgets at most, one to find what it asks for and one to format the response.
pub const WORK: usize = 40_000_000;
/// Bytes that evaluating an expression may hold in memory: no more than a page, and with the copies that the runtime
/// makes at most 32 MiB above what the plain page takes.
pub const HELD_BYTES: usize = PAGE_BYTES;

/// Bytes of a token in an `Authorization` header: ours have about a hundred.
pub const TOKEN_BYTES: usize = 1_024;
/// Bytes of an API key's id: it is a key of Workers KV.
pub const KEY_ID_BYTES: usize = 128;

/// Patterns of connector ids in a key: a list compares the id of each connector with all of them.
pub const KEY_PATTERNS: usize = 100;

/// Bytes of the names of fields that the audit keeps of one write: callers choose names, too.
pub const AUDIT_NAMES_BYTES: usize = 1_000;
/// Edits that a connector keeps, and the most that one page of an audit shows.
pub const AUDIT_PAGE: usize = 1_000;

/// Open sockets that watch: one change to all of them takes a tenth of a second.
pub const SOCKETS: u32 = 4_000;
/// Open sockets of one key or person: nobody takes the places of all others.
pub const SOCKETS_EACH: u32 = 1_000;
