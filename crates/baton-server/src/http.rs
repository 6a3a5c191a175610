//! The one route table.

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::routing::get;

use crate::app::App;
use crate::{auth, robots};

/// All routes of a server.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route(baton_api::robot::PATH, any(robot))
        .route("/", any(robot))
        .with_state(app)
}

/// A robot's upgrade: refused before it happens unless the key is right.
async fn robot(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match auth::robot_key(&app, &headers).await {
        Ok(key) => robots::upgrade(app, key, upgrade),
        Err(_) => StatusCode::UNAUTHORIZED.into_response(),
    }
}
