//! Keyset pages: every list is bounded and resumes after the last row it gave.

use baton_core::id::OrgId;

use crate::error::{Result, StoreError};

/// What a list asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Whose rows.
    pub org: OrgId,
    /// How many at most; stores clamp it to 1..=[`MAX_PAGE`].
    pub limit: u32,
    /// The `next` of the page before; opaque to callers.
    pub after: Option<String>,
}

/// Most rows on one page: enough for any screen, little enough to answer in milliseconds.
pub const MAX_PAGE: u32 = 1_000;

impl PageRequest {
    /// The first page of this many rows.
    pub fn first(org: OrgId, limit: u32) -> Self {
        Self {
            org,
            limit,
            after: None,
        }
    }

    /// The number of rows to fetch, within bounds.
    pub fn clamped(&self) -> u32 {
        self.limit.clamp(1, MAX_PAGE)
    }
}

/// Some rows and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` when there is none.
    pub next: Option<String>,
}

/// The key after which a page begins.
pub(crate) fn cursor<K: serde::de::DeserializeOwned>(page: &PageRequest) -> Result<Option<K>> {
    match &page.after {
        None => Ok(None),
        Some(text) => serde_json::from_str(text)
            .map(Some)
            .map_err(|_| StoreError::bad_cursor()),
    }
}

/// A page from one row more than it holds.
pub(crate) fn paged<T>(
    mut items: Vec<T>,
    page: &PageRequest,
    key: impl Fn(&T) -> String,
) -> Page<T> {
    let limit = page.clamped() as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(key);
    Page { items, next }
}
