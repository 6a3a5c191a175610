//! Tests of counted durations: how far percentiles lie off, and that sums are exact.

use proptest::prelude::*;

use super::*;

/// Seconds from a millisecond to over a month, as many short ones as long ones.
fn seconds() -> impl Strategy<Value = f64> {
    (0.0..32.0_f64).prop_map(|octave| 2_f64.powf(octave) / 1_000.0)
}

fn of(values: &[f64]) -> Durations {
    let mut durations = Durations::default();
    values.iter().for_each(|s| durations.record(*s));
    durations
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn a_percentile_lies_within_the_stated_share_of_the_exact_one(
        mut values in prop::collection::vec(seconds(), 1..60),
        share in 0.0..=1.0_f64,
    ) {
        let found = of(&values).quantile(share).expect("there are values");
        values.sort_by(f64::total_cmp);
        let rank = (share * values.len() as f64).ceil().max(1.0) as usize;
        let exact = values[rank - 1];
        prop_assert!((found - exact).abs() <= exact * PRECISION * 1.000_001, "{found} for {exact}");
    }

    #[test]
    fn counts_of_parts_add_up_to_those_of_the_whole(
        values in prop::collection::vec(seconds(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let (left, right) = values.split_at(cut.index(values.len() + 1));
        let mut sum = of(left);
        sum.merge(&of(right));
        prop_assert_eq!(&sum, &of(&values));
        prop_assert_eq!(sum.counted(), values.len() as u64);
        sum.take_back(&of(right));
        prop_assert_eq!(sum, of(left));
    }

    #[test]
    fn whole_octaves_keep_their_counts_and_their_place(
        values in prop::collection::vec(seconds(), 1..60),
        share in 0.0..=1.0_f64,
    ) {
        let mut octaves = [0_u64; 32];
        for value in &values {
            octaves[usize::from(slot(*value) / IN_OCTAVE)] += 1;
        }
        let converted = Durations::from_octaves(&octaves, values.iter().sum());
        prop_assert_eq!(converted.counted(), values.len() as u64);
        let (old, exact) = (converted.quantile(share), of(&values).quantile(share));
        let (old, exact) = (old.expect("not empty"), exact.expect("not empty"));
        prop_assert!(old < exact * 2.0 && old > exact / 2.0, "{old} for {exact}");
    }
}

#[test]
fn one_run_of_an_octave_is_counted_at_what_it_took() {
    let mut octaves = [0; 32];
    octaves[15] = 1;
    assert_eq!(Durations::from_octaves(&octaves, 60.0), of(&[60.0]));
    octaves[15] = 3;
    let three = Durations::from_octaves(&octaves, 180.0);
    assert_eq!(three, of(&[60.0, 60.0, 60.0]));
}

#[test]
fn what_lies_outside_is_counted_at_the_ends() {
    let durations = of(&[0.0, 0.0004, -1.0, f64::NAN, 1e12, f64::INFINITY]);
    assert_eq!(
        durations.slots().collect::<Vec<_>>(),
        [(0, 4), (SLOTS - 1, 2)]
    );
    assert_eq!(Durations::default().quantile(0.5), None);
}

#[test]
fn slots_begin_at_sixteenths_of_octaves_of_milliseconds() {
    let cases = [
        (0.001, 0),
        (0.0010625, 1),
        (0.002, 16),
        (1.024, 160),
        (60.0, 253),
    ];
    for (seconds, expected) in cases {
        assert_eq!(slot(seconds), expected, "{seconds}");
    }
    assert!(slot(LONGEST_SECONDS * 0.999) == SLOTS - 1);
}

#[test]
fn taking_back_what_no_slot_holds_takes_the_nearest() {
    let mut durations = of(&[1.0, 60.0]);
    durations.take_back(&of(&[50.0]));
    assert_eq!(durations, of(&[1.0]));
    durations.take_back(&of(&[1.0, 1.0]));
    assert_eq!(durations, Durations::default());
}
