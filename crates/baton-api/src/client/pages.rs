//! Whole lists for callers that need every row: page after page, never more than a bound.

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Client, ClientError, Result};
use crate::rest::{Collection, MAX_PAGE};

/// Rows that are gathered at most: ten times the largest fleet, and some hundred MB.
const MAX_ROWS: usize = 100_000;

impl Client {
    /// All rows of a list; `query` says which, and its own limit and cursor are passed over.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<Collection<T>> {
        let mut query = serde_json::to_value(query).unwrap_or_default();
        query["limit"] = MAX_PAGE.into();
        query["cursor"] = serde_json::Value::Null;
        let mut items = Vec::new();
        loop {
            let call = self.call(Method::GET, path).query(&query);
            let page: Collection<T> = call.fetch().await?;
            items.extend(page.items);
            let Some(next) = page.next else {
                return Ok(Collection::whole(items));
            };
            if items.len() >= MAX_ROWS {
                return Err(ClientError::TooLarge {
                    what: format!("the list {} in rows", path.join("/")),
                    limit: MAX_ROWS as u64,
                });
            }
            query["cursor"] = next.into();
        }
    }
}
