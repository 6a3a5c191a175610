//! Packages: a folder as immutable, content-addressed bytes.
