//! Types of the REST API under `/api/v1`, one file a resource.
//!
//! Rules that hold everywhere: plural nouns, snake_case names and values, RFC 3339 UTC instants
//! with `Z`, lists as [`Collection`] with an opaque cursor, errors as [`crate::problem::Problem`].
//! Requests refuse fields they do not know, so that a typing error is never silently ignored.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{Array, ObjectBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

mod advice;
mod artifacts;
mod comma;
mod deployments;
mod events;
mod explain;
mod flows;
mod keys;
mod metrics;
mod nullable;
mod queues;
mod reports;
mod results;
mod robots;
mod runs;
mod runs_bulk;
mod schedules;
mod server;
mod zones;

pub use advice::*;
pub use artifacts::*;
pub use baton_core::text::{shell_name, shell_word};
pub use deployments::*;
pub use events::*;
pub use explain::*;
pub use flows::*;
pub use keys::*;
pub use metrics::*;
pub use queues::*;
pub use reports::*;
pub use results::*;
pub use robots::*;
pub use runs::*;
pub use runs_bulk::*;
pub use schedules::*;
pub use server::*;
pub use zones::*;

/// Where the REST API begins.
pub const BASE: &str = "/api/v1";
/// Rows on a page unless the caller says otherwise: a screen or two.
pub const DEFAULT_PAGE: u32 = 50;
/// Most rows on a page.
pub const MAX_PAGE: u32 = 1_000;
/// The header by which a repeated create yields the thing that was made the first time.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Longest idempotency key, in bytes: two UUIDs and a word fit.
pub const MAX_IDEMPOTENCY_KEY: usize = 200;

/// Some rows of a list and where to go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Collection<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Pass it as `cursor` to get the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Collection<T> {
    /// A list that is complete.
    pub const fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// Each kind of list has a name of its own in the OpenAPI document, such as `FlowCollection`.
impl<T: ToSchema> ToSchema for Collection<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Collection", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for Collection<T> {
    fn schema() -> RefOr<Schema> {
        let item = Ref::from_schema_name(T::name());
        ObjectBuilder::new()
            .property("items", Array::new(item))
            .required("items")
            .property("next", String::schema())
            .description(Some("Some rows of a list and where to go on."))
            .into()
    }
}

/// How a list is paged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Rows on the page: 1 to 1000, 50 unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// The `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A word with a deletion, a drain, a cancel: why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Remark {
    /// For history and for the people concerned. `reason` is taken as the same.
    #[serde(default, alias = "reason", skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
