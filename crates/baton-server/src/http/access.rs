//! Who may use a route.

use baton_core::access::{Permission, Role};

/// Who may use a route. There is no default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, without a key.
    Public,
    /// Whoever holds the permission.
    Needs(Permission),
    /// Whoever holds one of the two.
    Either(Permission, Permission),
}

impl Access {
    /// Whether a caller of this role may pass.
    pub(crate) const fn admits(self, role: Role) -> bool {
        match self {
            Self::Public => true,
            Self::Needs(one) => role.may(one),
            Self::Either(one, other) => role.may(one) || role.may(other),
        }
    }
}
