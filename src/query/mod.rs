//! What a search asks of a document.
