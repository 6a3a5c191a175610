//! The short checks of `cases/`, each a class of fault that somebody met: right when it ends with 0.

use std::path::Path;
use std::process::Command;

fn right(case: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases");
    let check = folder.join(case).join("check.sh");
    let ended = Command::new("bash")
        .arg(&check)
        .env("BATON", env!("CARGO_BIN_EXE_baton"))
        .output()
        .expect("bash is there");
    assert!(
        ended.status.success(),
        "{case}: {}\n{}{}",
        ended.status,
        String::from_utf8_lossy(&ended.stdout),
        String::from_utf8_lossy(&ended.stderr)
    );
}

macro_rules! cases {
    ($($test:ident: $case:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            right($case);
        })*
    };
}

cases! {
    braces_of_other_programs_are_passed_on: "braces-that-are-no-parameter",
    what_can_be_set_can_be_cleared: "clear-a-setting",
    a_folder_with_an_environment_in_it_deploys: "folder-with-venv",
    an_interval_counts_from_its_start: "interval-from-start",
    an_artifact_in_a_folder_comes_back: "nested-artifact",
    parameters_that_become_one_variable_are_told: "parameter-names-collide",
    text_of_parameters_stays_as_written: "parameter-text",
    the_last_state_of_a_progress_bar_is_kept: "progress-bar",
    a_named_host_may_sign_in_behind_a_proxy: "proxy-default-host",
    another_project_does_not_take_a_flow_over: "same-name-other-project",
    small_words_are_right: "small-words",
}
