//! A route: method, path, who may use it, and its handler. Its documentation is read off the handler's
//! own types, so that the two cannot disagree.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use axum::extract::State;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Ref, RefOr, Required};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::Http;
use super::access::Access;
use super::extract::{Caller, Id, IdempotencyKey, Json, MaybeJson, Name, Query};
use super::guard::{self, Gate};
use crate::error::ApiError;

/// One entry of the route table.
pub(crate) struct Route {
    /// The method.
    pub(crate) method: Method,
    /// The path as the router matches it.
    pub(crate) path: &'static str,
    /// Who may use it.
    pub(crate) access: Access,
    /// The operation's id: the handler's name.
    pub(crate) id: &'static str,
    /// One sentence.
    pub(crate) summary: &'static str,
    /// What it takes and gives; `None` keeps it out of the OpenAPI document.
    pub(crate) shape: Option<Shape>,
    service: MethodRouter<Arc<Http>, Infallible>,
}

/// What an operation takes and gives.
#[derive(Default)]
pub(crate) struct Shape {
    /// Query and header parameters; those of the path are read off the path.
    pub(crate) parameters: Vec<Parameter>,
    /// Whether what stands in the path is an id and never a name.
    pub(crate) path_is_id: bool,
    /// The body, and whether it must be there.
    pub(crate) body: Option<(RefOr<Schema>, bool)>,
    /// The media type of a body that is not JSON.
    pub(crate) raw_body: bool,
    /// Status, media type and schema of each good answer.
    pub(crate) answers: Vec<(u16, &'static str, Option<RefOr<Schema>>)>,
    /// The schemas that are referred to.
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
}

impl Shape {
    fn refer<T: ToSchema>(&mut self) -> RefOr<Schema> {
        self.schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(&mut self.schemas);
        Ref::from_schema_name(T::name()).into()
    }
}

impl Route {
    /// A route of the API.
    pub(crate) fn new<H, T, D>(
        method: Method,
        path: &'static str,
        access: Access,
        id: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<Http>> + Documented<D>,
        T: 'static,
    {
        let mut shape = Shape::default();
        H::describe(&mut shape);
        let mut route = Self::plain(method, path, access, id, summary, handler);
        route.shape = Some(shape);
        route
    }

    /// A route that is no operation of the API: pages, files, upgrades.
    pub(crate) fn plain<H, T>(
        method: Method,
        path: &'static str,
        access: Access,
        id: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<Http>>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("the table has common methods");
        Self {
            method,
            path,
            access,
            id,
            summary,
            shape: None,
            service: on(filter, handler),
        }
    }

    /// The route behind its guard.
    pub(crate) fn guarded(self, http: &Arc<Http>) -> MethodRouter<Arc<Http>, Infallible> {
        let gate = Gate {
            http: Arc::clone(http),
            access: self.access,
            takes_query: self.takes_query(),
        };
        self.service.layer(from_fn_with_state(gate, guard::admit))
    }

    /// Whether parameters may stand in the query; pages and probes pass over what they do not know.
    fn takes_query(&self) -> bool {
        let Some(shape) = &self.shape else {
            return true;
        };
        let mut parameters = shape.parameters.iter();
        parameters.any(|one| matches!(one.parameter_in, ParameterIn::Query))
    }
}

/// A handler whose types say what it takes and gives.
pub(crate) trait Documented<D> {
    /// Writes that down.
    fn describe(shape: &mut Shape);
}

/// What a handler takes.
pub(crate) trait Argument {
    /// Writes down what it is in the document.
    fn describe(shape: &mut Shape);
}

/// What a handler gives.
pub(crate) trait Answer: IntoResponse {
    /// Writes down what it is in the document.
    fn describe(shape: &mut Shape);
}

macro_rules! documented {
    ($($argument:ident),*) => {
        impl<F, Fut, R, $($argument),*> Documented<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Fut,
            Fut: Future<Output = Result<R, ApiError>>,
            R: Answer,
            $($argument: Argument,)*
        {
            fn describe(shape: &mut Shape) {
                $($argument::describe(shape);)*
                R::describe(shape);
            }
        }
    };
}

documented!(A);
documented!(A, B);
documented!(A, B, C);
documented!(A, B, C, D);
documented!(A, B, C, D, E);
documented!(A, B, C, D, E, G);

macro_rules! silent {
    ($([$($generic:tt)*] $argument:ty),+ $(,)?) => {$(
        impl<$($generic)*> Argument for $argument {
            fn describe(_: &mut Shape) {}
        }
    )+};
}

silent! {
    [S] State<S>,
    [] Caller,
    [] Name,
    [] axum::http::HeaderMap,
    [] super::guard::Peer,
    [] crate::outside::Seen,
}

impl<T> Argument for Id<T> {
    fn describe(shape: &mut Shape) {
        shape.path_is_id = true;
    }
}

impl<T: IntoParams> Argument for Query<T> {
    fn describe(shape: &mut Shape) {
        let parameters = T::into_params(|| Some(ParameterIn::Query));
        shape.parameters.extend(parameters);
    }
}

impl Argument for IdempotencyKey {
    fn describe(shape: &mut Shape) {
        shape.parameters.push(
            ParameterBuilder::new()
                .name("Idempotency-Key")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some(
                    "Creating with the same key again yields the same thing.",
                ))
                .schema(Some(String::schema()))
                .build(),
        );
    }
}

impl<T: ToSchema, const LIMIT: usize> Argument for Json<T, LIMIT> {
    fn describe(shape: &mut Shape) {
        shape.body = Some((shape.refer::<T>(), true));
    }
}

impl<T: ToSchema> Argument for MaybeJson<T> {
    fn describe(shape: &mut Shape) {
        shape.body = Some((shape.refer::<T>(), false));
    }
}

impl Argument for axum::extract::Request {
    fn describe(shape: &mut Shape) {
        shape.raw_body = true;
    }
}

impl<T: ToSchema + serde::Serialize> Answer for axum::Json<T> {
    fn describe(shape: &mut Shape) {
        let schema = shape.refer::<T>();
        shape.answers.push((200, "application/json", Some(schema)));
    }
}

/// A list whose rows may lack what only the page of one thing shows.
pub(crate) struct Rows<T> {
    /// The list.
    pub(crate) list: baton_api::rest::Collection<T>,
    /// Fields that each row goes without; a client that reads them gets their default.
    pub(crate) without: &'static [&'static str],
}

impl<T: serde::Serialize> IntoResponse for Rows<T> {
    fn into_response(self) -> Response {
        if self.without.is_empty() {
            return axum::Json(self.list).into_response();
        }
        let mut list = match serde_json::to_value(self.list) {
            Ok(list) => list,
            Err(error) => return ApiError::internal(error).into_response(),
        };
        let rows = list["items"].as_array_mut();
        for row in rows.into_iter().flatten().filter_map(|r| r.as_object_mut()) {
            row.retain(|field, _| !self.without.contains(&field.as_str()));
        }
        axum::Json(list).into_response()
    }
}

impl<T: ToSchema + serde::Serialize> Answer for Rows<T> {
    fn describe(shape: &mut Shape) {
        <axum::Json<baton_api::rest::Collection<T>> as Answer>::describe(shape);
    }
}

/// 201 with what was made.
pub(crate) struct Created<T>(pub(crate) T);

impl<T: serde::Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (axum::http::StatusCode::CREATED, axum::Json(self.0)).into_response()
    }
}

impl<T: ToSchema + serde::Serialize> Answer for Created<T> {
    fn describe(shape: &mut Shape) {
        let schema = shape.refer::<T>();
        shape.answers.push((201, "application/json", Some(schema)));
    }
}

/// 204: done, and nothing to say.
pub(crate) struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        axum::http::StatusCode::NO_CONTENT.into_response()
    }
}

impl Answer for Done {
    fn describe(shape: &mut Shape) {
        shape.answers.push((204, "", None));
    }
}

/// Bytes of some media type.
pub(crate) struct Bytes(pub(crate) Response);

impl IntoResponse for Bytes {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer for Bytes {
    fn describe(shape: &mut Shape) {
        shape.answers.push((200, "application/octet-stream", None));
    }
}

/// Plain text.
pub(crate) struct Text(pub(crate) Response);

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer for Text {
    fn describe(shape: &mut Shape) {
        shape
            .answers
            .push((200, "text/plain", Some(String::schema())));
    }
}

/// An event stream.
pub(crate) struct Stream(pub(crate) Response);

impl IntoResponse for Stream {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answer for Stream {
    fn describe(shape: &mut Shape) {
        shape
            .answers
            .push((200, "text/event-stream", Some(String::schema())));
    }
}
