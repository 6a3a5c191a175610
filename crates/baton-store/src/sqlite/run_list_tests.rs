//! Tests of the ranges that prefixes stand for.

use super::*;

#[test]
fn a_prefix_of_an_id_is_a_range_of_ids() {
    let (low, high) = id_range("0193-").map_or_else(
        || id_range("01930000-aB").expect("a prefix of an id"),
        |_| panic!("a dash in the wrong place is no prefix of an id"),
    );
    assert_eq!(low.to_string(), "01930000-ab00-0000-0000-000000000000");
    assert_eq!(high.to_string(), "01930000-abff-ffff-ffff-ffffffffffff");
    assert!(id_range("brisk").is_none());
    assert!(id_range("").is_some());
}
