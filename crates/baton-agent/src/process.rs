//! Everything that differs between operating systems: clocks since boot, process trees, the guard's loop.
//!
//! Linux is claimed and tested. Elsewhere the same functions exist and say that they cannot.

#[cfg(target_os = "linux")]
mod unix;
#[cfg(not(target_os = "linux"))]
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use unix::*;
#[cfg(not(target_os = "linux"))]
pub(crate) use windows::*;
