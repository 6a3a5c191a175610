//! What a request names, by id or by name.

use baton_core::id::{self, OrgId, RobotId};
use baton_core::robot::Robot;
use baton_store::{Result as StoreResult, StoreError};

use super::Http;
use crate::error::ApiError;

/// The robot with this id or name.
pub(super) async fn robot(http: &Http, org: OrgId, text: &str) -> StoreResult<Robot> {
    match id::own(text) {
        Some(id) => http.app.store.robot(org, id).await,
        None => http.app.store.robot_by_name(org, text).await,
    }
}

/// Refuses a robot that is not there.
pub(super) async fn known_robot(http: &Http, org: OrgId, robot: RobotId) -> Result<(), ApiError> {
    match http.app.store.robot(org, robot).await {
        Ok(_) => Ok(()),
        Err(StoreError::NotFound { .. }) => Err(ApiError::invalid(
            "unknown_robot",
            "robot_id",
            format!("there is no robot {robot}; `baton robots ls` lists them"),
        )),
        Err(error) => Err(error.into()),
    }
}
