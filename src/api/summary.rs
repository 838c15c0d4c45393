//! `GET /_connector/_summary`: a list with counts, for the console.

use super::error::{ApiError, Cause};
use super::query::Query;
use super::read::{check_query_length, check_window, read_statuses};
use crate::directory::{Slim, SortField, SummaryRequest};
use crate::limits::QUERY_WORDS;

pub(super) fn read(query: &mut Query) -> Result<SummaryRequest, ApiError> {
    let from = query.number("from", 0)?;
    let size = query.number("size", 100)?;
    check_window(from, size)?;
    let (sort, is_reversed) = query.text("sort").map_or(Ok(Default::default()), |text| {
        read_sort(&text).ok_or_else(|| {
            let known: Vec<&str> = SortField::ALL.into_iter().map(SortField::name).collect();
            let reason = format!(
                "Unknown sort [{text}]: use one of [{}], alone or followed by [:asc] or [:desc]",
                known.join(", ")
            );
            ApiError::from(Cause::illegal_argument(reason))
        })
    })?;
    let text = query.text("query").unwrap_or_default();
    check_query_length(&text)?;
    let words: Vec<String> = text.split_whitespace().map(str::to_ascii_lowercase).collect();
    if words.len() > QUERY_WORDS {
        let reason = format!(
            "[query] has too many words: it must have no more than [{QUERY_WORDS}] words but has [{}]",
            words.len()
        );
        return Err(Cause::illegal_argument(reason).into());
    }
    // An empty item matches connectors without a service type.
    let types = query.text("service_type");
    Ok(SummaryRequest {
        from,
        size,
        sort,
        is_reversed,
        statuses: read_statuses(query)?,
        service_types: types
            .map_or(Vec::new(), |all| all.split(',').map(|of| Slim::of(of).to_string()).collect()),
        words,
        silent: query.switch("silent")?,
        cause: query.text("cause").filter(|cause| !cause.is_empty()),
        deleted: query.switch("deleted")?,
        ids: None,
    })
}

fn read_sort(text: &str) -> Option<(SortField, bool)> {
    let (name, direction) = text.split_once(':').unwrap_or((text, "asc"));
    let field = SortField::ALL.into_iter().find(|field| field.name() == name)?;
    match direction {
        "asc" => Some((field, false)),
        "desc" => Some((field, true)),
        _ => None,
    }
}
