//! Everything that differs between operating systems: clocks since boot, process trees, the guard's loop.
//!
//! Linux is claimed and tested. Elsewhere the same functions exist and say that they cannot.

/// Room on the file system of a folder, in bytes, as the folder's owner may use it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Space {
    /// What may still be written.
    pub(crate) free: u64,
    /// What is written.
    pub(crate) used: u64,
}

#[cfg(target_os = "linux")]
mod unix;
#[cfg(not(target_os = "linux"))]
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use unix::*;
#[cfg(not(target_os = "linux"))]
pub(crate) use windows::*;
