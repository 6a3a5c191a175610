//! The door for robots: an HTTP upgrade that is refused before it happens unless the key is right.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use baton_api::robot::MAX_FRAME;
use baton_core::id::{KeyId, OrgId, RobotId};
use jiff::Timestamp;

use super::session;
use crate::app::App;

/// A robot's key that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotKey {
    /// The key.
    pub id: KeyId,
    /// Whose.
    pub org: OrgId,
    /// The robot to which it belongs.
    pub robot_id: RobotId,
    /// When it stops to work.
    pub expires_at: Option<Timestamp>,
}

/// Bytes that a connection reads at once. The library's own default would cost 10,000 idle robots more
/// than a gigabyte.
const READ_BUFFER: usize = 4_096;
/// Frames are written together until they are this many bytes: a busy robot's answers cost one call.
const WRITE_BUFFER: usize = 4_096;

/// Turns a robot's request into its connection. The caller has checked the key.
pub fn upgrade(app: Arc<App>, key: RobotKey, upgrade: WebSocketUpgrade) -> Response {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .on_upgrade(move |socket| session::serve(app, key, socket))
}
