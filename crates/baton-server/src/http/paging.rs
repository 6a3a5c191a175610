//! How lists are paged: one limit, one form of cursor, one answer. Every list goes through here.
//!
//! A cursor is the key of the last row that was given, as URL-safe text, so that it can be put into the next
//! request as it is. Lists that a store pages itself and lists that it gives as a whole look alike from outside.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use baton_api::rest::{Collection, DEFAULT_PAGE, MAX_PAGE};
use baton_core::id::OrgId;
use baton_store::page::Page;
use baton_store::{PageRequest, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::extract::bad_query;
use crate::error::ApiError;

/// The page that a list asks for; a limit out of bounds is refused, not silently changed.
pub(crate) fn page(
    org: OrgId,
    limit: Option<u32>,
    cursor: Option<String>,
) -> Result<PageRequest, ApiError> {
    page_of(org, bounded(limit, DEFAULT_PAGE)?, cursor)
}

/// A page of so many rows after this cursor.
pub(crate) fn page_of(
    org: OrgId,
    limit: u32,
    cursor: Option<String>,
) -> Result<PageRequest, ApiError> {
    let after = cursor.as_deref().map(key_of).transpose()?;
    Ok(PageRequest { org, limit, after })
}

/// A limit within 1 to [`MAX_PAGE`].
pub(crate) fn bounded(limit: Option<u32>, default: u32) -> Result<u32, ApiError> {
    let limit = limit.unwrap_or(default);
    if (1..=MAX_PAGE).contains(&limit) {
        return Ok(limit);
    }
    let why = format!("must lie between 1 and {MAX_PAGE}");
    Err(bad_query("limit", Some(&limit.to_string()), why))
}

/// The store's key in a cursor.
fn key_of(cursor: &str) -> Result<String, ApiError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| StoreError::bad_cursor().into())
}

/// The cursor of the next page, where there is one.
pub(crate) fn cursor(key: Option<String>) -> Option<String> {
    key.map(|key| URL_SAFE_NO_PAD.encode(key))
}

/// A page as the API shows it.
pub(crate) fn listed<T, U>(page: Page<T>, view: impl FnMut(T) -> U) -> Collection<U> {
    Collection {
        items: page.items.into_iter().map(view).collect(),
        next: cursor(page.next),
    }
}

/// One page of a list that is there as a whole, in the order of its keys. Each key stands once.
pub(crate) fn slice<T, K>(
    rows: Vec<T>,
    request: &PageRequest,
    key: impl Fn(&T) -> K,
) -> Result<Page<T>, StoreError>
where
    K: Ord + Serialize + DeserializeOwned,
{
    let after: Option<K> = match &request.after {
        None => None,
        Some(text) => Some(serde_json::from_str(text).map_err(|_| StoreError::bad_cursor())?),
    };
    let limit = usize::try_from(request.clamped()).unwrap_or(usize::MAX);
    let mut rows: Vec<(K, T)> = rows.into_iter().map(|row| (key(&row), row)).collect();
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut left = rows
        .into_iter()
        .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    let page: Vec<(K, T)> = left.by_ref().take(limit).collect();
    let last = page.last().filter(|_| left.next().is_some());
    let next = last.map(|(key, _)| serde_json::to_string(key).expect("keys are numbers and words"));
    Ok(Page {
        items: page.into_iter().map(|(_, row)| row).collect(),
        next,
    })
}

/// One page of a list that only grows at its end: a row's place in it is its key.
pub(crate) fn slice_by_place<T>(
    rows: Vec<T>,
    request: &PageRequest,
) -> Result<Page<T>, StoreError> {
    let rows: Vec<(usize, T)> = rows.into_iter().enumerate().collect();
    let page = slice(rows, request, |(place, _)| *place)?;
    Ok(Page {
        items: page.items.into_iter().map(|(_, row)| row).collect(),
        next: page.next,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(limit: u32, cursor: Option<String>) -> PageRequest {
        page(OrgId::DEFAULT, Some(limit), cursor).expect("a page")
    }

    #[test]
    fn pages_of_a_whole_list_give_each_row_once_in_order() {
        let rows = || vec!["d", "b", "ä \"quoted\"", "a", "c"];
        let (mut seen, mut next) = (Vec::new(), None);
        loop {
            let asked = request(2, next);
            let found = slice(rows(), &asked, |row| (*row).to_owned()).expect("a page");
            let given: Collection<&str> = listed(found, |row| row);
            seen.extend(given.items);
            next = given.next;
            let Some(text) = &next else { break };
            let url_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            assert!(text.chars().all(url_safe), "{text}");
        }
        assert_eq!(seen, ["a", "b", "c", "d", "ä \"quoted\""]);
    }

    #[test]
    fn a_full_last_page_leads_nowhere() {
        let found = slice(vec![1, 2], &request(2, None), |row| *row).expect("a page");
        assert_eq!((found.items, found.next), (vec![1, 2], None));
    }

    #[test]
    fn a_row_that_is_gone_ends_no_list() {
        let asked = request(10, cursor(Some("2".into())));
        let found = slice(vec![1, 3, 4], &asked, |row| *row).expect("a page");
        assert_eq!(found.items, [3, 4]);
    }

    #[test]
    fn what_no_list_gave_is_no_cursor() {
        for text in ["", "bogus", "!!!", "\"x\"", "AAAA"] {
            let asked = page(OrgId::DEFAULT, None, Some(text.into()));
            let refused = match asked {
                Err(error) => error,
                Ok(asked) => slice(vec![1], &asked, |row| *row)
                    .expect_err("refused")
                    .into(),
            };
            assert_eq!(refused.code, "bad_cursor", "{text:?}");
        }
    }
}
