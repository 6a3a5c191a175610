//! The HTTP doors: one table of routes, a guard before each, and one shape for every error.
//!
//! Read [`table`] first: it is the whole API on two pages. A handler loads, lets the core decide,
//! commits, and converts; nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::ServiceBuilder;
use tracing::Instrument;

use crate::app::App;
use crate::auth::Auth;
use crate::error::ApiError;
use crate::outside::Outside;
use crate::submit::Plans;

mod access;
mod artifacts;
mod audit;
mod dashboard;
mod deploy;
mod deployments;
mod downloads;
mod enrolment;
mod events;
mod exposition;
mod extract;
mod figures;
mod flows;
mod fresh;
mod guard;
mod keys;
mod limits;
mod logs;
mod lookup;
mod names;
mod note;
mod openapi;
mod packages;
mod paging;
mod peek;
mod queues;
mod reports;
mod results;
mod robots;
mod route;
mod runs;
mod runs_bulk;
mod runs_verbs;
mod runs_view;
mod schedules;
mod server;
mod sessions;
mod spool;
mod table;
mod types;
mod unheard;
mod upload;
mod zones;

/// The OpenAPI document.
pub fn openapi() -> serde_json::Value {
    openapi::document(table::table())
}

/// What handlers share.
pub struct Http {
    /// The server.
    pub(crate) app: Arc<App>,
    /// Who is calling.
    pub(crate) auth: Auth,
    /// Deployments made ready for runs.
    pub(crate) plans: Arc<Plans>,
    /// Names of queues and robots, for views.
    pub(crate) names: Arc<names::Names>,
    /// SHA-256 of the server's certificate, where it has one.
    pub(crate) fingerprint: Option<String>,
    /// How this server is seen from outside.
    pub(crate) outside: Outside,
    /// The dashboard's page for this server's path.
    pub(crate) page: dashboard::Page,
    executable_sum: std::sync::OnceLock<String>,
}

impl Http {
    /// SHA-256 of the executable that this server hands out, read once.
    pub(crate) fn executable_sum(&self) -> &str {
        self.executable_sum.get_or_init(|| {
            use sha2::{Digest, Sha256};
            let read = std::env::current_exe().and_then(std::fs::read);
            read.map(|bytes| baton_api::package::hex(&Sha256::digest(bytes)))
                .unwrap_or_default()
        })
    }
}

/// The router of everything this server answers.
pub fn router(app: Arc<App>) -> Router {
    let plans = Arc::new(Plans::default());
    let names = Arc::new(names::Names::default());
    let (forgetful, forgetful_names) = (Arc::clone(&plans), Arc::clone(&names));
    app.store.on_commit(Arc::new(move |note| {
        if note.events_up_to > 0 {
            forgetful.forget();
            forgetful_names.forget();
        }
    }));
    let tls = app.config.tls.as_ref();
    let fingerprint = tls.and_then(|files| crate::tls::load(files).ok());
    let outside = app.config.outside();
    let base = outside.base.clone();
    let http = Arc::new(Http {
        page: dashboard::Page::below(&base),
        outside,
        fingerprint: fingerprint.map(|tls| tls.fingerprint),
        executable_sum: std::sync::OnceLock::new(),
        auth: Auth::new(Arc::clone(&app.store)),
        app,
        plans,
        names,
    });
    let mut router = Router::new();
    for route in table::table() {
        router = router.route(route.path, route.guarded(&http));
    }
    let router = router
        .method_not_allowed_fallback(wrong_method)
        .fallback(dashboard::fallback)
        .with_state(http)
        .layer(from_fn(fresh::tagged))
        .layer(fresh::compression())
        .layer(from_fn(catch));
    if base.is_empty() {
        return router;
    }
    // A proxy may take the path away or leave it: both work.
    let inner = ServiceBuilder::new().map_request(move |request| below(request, &base));
    Router::new().fallback_service(inner.service(router))
}

/// The request without the path below which everything lies.
fn below(mut request: Request, base: &str) -> Request {
    let uri = request.uri();
    let Some(rest) = uri.path().strip_prefix(base) else {
        return request;
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return request;
    }
    let path = if rest.is_empty() { "/" } else { rest };
    let whole = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = whole.parse().ok();
    if let Ok(uri) = axum::http::Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    request
}

/// Every route: method, path, and which roles may use it. For tests and documentation.
pub fn routes() -> Vec<(Method, &'static str, Vec<baton_core::access::Role>)> {
    use baton_core::access::Role;
    table::table()
        .into_iter()
        .map(|route| {
            let roles = match route.access {
                access::Access::Public => Vec::new(),
                access => Role::ALL
                    .into_iter()
                    .filter(|r| access.admits(*r))
                    .collect(),
            };
            (route.method, route.path, roles)
        })
        .collect()
}

async fn wrong_method(request: Request) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!(
            "{} is not a method of {}",
            request.method(),
            request.uri().path()
        ),
    )
}

/// Numbers requests within this process, so that a line of the log can be told from its neighbours.
static REQUESTS: AtomicU64 = AtomicU64::new(1);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const NO_SNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

/// Names the request in the log, and turns a panic into a 500 instead of a broken connection.
async fn catch(request: Request, next: Next) -> Response {
    let id = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let span = tracing::debug_span!("request", id, method = %request.method(), path = request.uri().path());
    let answer = std::panic::AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let mut response = answer.unwrap_or_else(|panic| {
        let _entered = span.enter();
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without words".into());
        ApiError::internal(format!("request {id} panicked: {text}")).into_response()
    });
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from(id));
    headers.insert(NO_SNIFF, HeaderValue::from_static("nosniff"));
    response
}
