//! Checks over rows of one run or one schedule: what `verify` looks for, the same in every store.
