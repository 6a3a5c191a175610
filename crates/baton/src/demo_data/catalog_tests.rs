//! The demo's world makes sense: whatever it names is there.

use std::collections::BTreeSet;

use baton_core::parameter::ParameterSchema;

use super::*;

#[test]
fn every_step_waits_only_for_steps_before_it() {
    for flow in flows() {
        let mut seen = BTreeSet::new();
        for step in flow.steps {
            for after in step.after {
                assert!(
                    seen.contains(after),
                    "{}: {} waits for {after}",
                    flow.name,
                    step.key
                );
            }
            assert!(seen.insert(step.key), "{}: {} twice", flow.name, step.key);
        }
        for broken in flow.breaks {
            assert!(seen.contains(broken.step), "{}: {}", flow.name, broken.step);
        }
    }
}

#[test]
fn every_schema_takes_the_parameters_of_its_deployments_and_schedules() {
    let now = Timestamp::from_second(1_790_000_000).expect("a time");
    for flow in flows() {
        assert_eq!(flow.schemas.len(), flow.changes.len(), "{}", flow.name);
        let latest = flow.schemas.last().expect("a version");
        let schema = serde_json::from_str(latest).expect("JSON");
        let schema = ParameterSchema::compile(&schema).expect("a schema");
        for deployment in flow.deployments {
            let given = |text: &str| serde_json::from_str(text).expect("JSON object");
            let defaults = given(deployment.parameters);
            let mut dice = Dice::new(1);
            for _ in 0..50 {
                let asked = (deployment.asks)(&mut dice);
                let asked = asked.as_object().expect("an object");
                schema
                    .fill_and_check(asked, &defaults)
                    .unwrap_or_else(|e| panic!("{}/{}: {e:?}", flow.name, deployment.name));
            }
            for schedule in deployment.schedules {
                let settings = schedule.settings(now);
                settings
                    .check(super::super::later(now, -60.0 * 86_400.0))
                    .expect("it fires");
                schema
                    .fill_and_check(&settings.parameters, &defaults)
                    .expect("they fit");
            }
        }
    }
}

#[test]
fn there_are_flows_and_deployments_enough_to_look_at() {
    assert!(flows().count() >= 12);
    assert!(flows().map(|flow| flow.deployments.len()).sum::<usize>() >= 15);
    let names: BTreeSet<_> = flows().map(|flow| flow.name).collect();
    assert_eq!(names.len(), flows().count());
}
