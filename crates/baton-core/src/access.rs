//! Who may do what: roles, the permissions they hold, and nothing unless it is written here.

use serde::{Deserialize, Serialize};

/// What a key's holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, keys included.
    Admin,
    /// Deploys, edits and runs.
    Developer,
    /// Runs, cancels, retries, pauses, drains.
    Operator,
    /// Looks.
    Viewer,
    /// A robot: its own connection, packages of its runs, artifacts of its attempts.
    Robot,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Admin,
        Self::Developer,
        Self::Operator,
        Self::Viewer,
        Self::Robot,
    ];

    /// The name in the API and the CLI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Operator => "operator",
            Self::Viewer => "viewer",
            Self::Robot => "robot",
        }
    }

    /// Whether this role holds the permission.
    pub const fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => !matches!(self, Self::Robot),
            Permission::Run | Permission::Operate => {
                matches!(self, Self::Admin | Self::Developer | Self::Operator)
            }
            Permission::Deploy => matches!(self, Self::Admin | Self::Developer),
            Permission::Administer => matches!(self, Self::Admin),
            Permission::ActAsRobot => matches!(self, Self::Robot),
        }
    }
}

/// What a route demands. Every route names exactly one, or says in so many words that it is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// See flows, runs, robots, logs.
    Read,
    /// Create, cancel and retry runs.
    Run,
    /// Pause queues and schedules, drain robots, edit limits.
    Operate,
    /// Create and change flows, versions, deployments, schedules.
    Deploy,
    /// Keys, enrolment, deletion of robots, backup.
    Administer,
    /// Speak the robot protocol.
    ActAsRobot,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 6] = [
        Self::Read,
        Self::Run,
        Self::Operate,
        Self::Deploy,
        Self::Administer,
        Self::ActAsRobot,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robot_key_opens_nothing_but_the_robot_doors() {
        for permission in Permission::ALL {
            assert_eq!(
                Role::Robot.may(permission),
                permission == Permission::ActAsRobot
            );
        }
    }

    #[test]
    fn a_viewer_only_reads() {
        for permission in Permission::ALL {
            assert_eq!(Role::Viewer.may(permission), permission == Permission::Read);
        }
    }

    #[test]
    fn only_an_admin_administers() {
        for role in Role::ALL {
            assert_eq!(role.may(Permission::Administer), role == Role::Admin);
        }
    }
}
