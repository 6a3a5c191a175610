//! What is found in folders and scripts.

use std::os::unix::fs::PermissionsExt as _;

use baton_core::flow::Python;
use serde_json::json;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn with(self, name: &str, text: &str) -> Self {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("made");
        std::fs::write(path, text).expect("written");
        self
    }

    fn executable(self, name: &str) -> Self {
        let folder = self.with(name, "#!/bin/sh\n");
        let path = folder.0.path().join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("set");
        folder
    }

    fn look(&self, at: &str, wish: &Wish) -> Done<Source> {
        look(&self.0.path().join(at), wish)
    }

    fn argv(&self, at: &str, wish: &Wish) -> Vec<String> {
        match self.look(at, wish).expect("it can be deployed").entry {
            Entry::Command { argv, .. } => argv,
            Entry::External => panic!("a command was expected"),
        }
    }
}

fn said(argv: &[&str]) -> Wish {
    Wish {
        argv: argv.iter().map(|w| (*w).to_owned()).collect(),
        ..Wish::default()
    }
}

#[test]
fn the_entry_is_found_in_the_documented_order() {
    let folder = Folder::new()
        .with(
            "f/baton.toml",
            "[flow]\ncommand = [\"python3\", \"tool.py\", \"{{mode}}\"]\n",
        )
        .with("f/main.py", "")
        .executable("f/tool");
    assert_eq!(folder.argv("f", &said(&["./tool", "-x"])), ["./tool", "-x"]);
    let none = Wish::default();
    assert_eq!(folder.argv("f", &none), ["python3", "tool.py", "{{mode}}"]);
    let folder = folder.with("f/baton.toml", "");
    assert_eq!(folder.argv("f", &none), ["python3", "main.py"]);
    std::fs::remove_file(folder.0.path().join("f/main.py")).expect("removed");
    assert_eq!(folder.argv("f", &none), ["./tool"]);
    let folder = folder.executable("f/other");
    let error = folder.look("f", &none).expect_err("two executables");
    assert_eq!(error.code, "no_entry");
    assert!(error.what.contains("other, tool"), "{}", error.what);
}

#[test]
fn a_script_is_run_by_what_its_kind_says() {
    let folder = Folder::new()
        .with("a.py", "#!/usr/bin/env python2\n")
        .with("b.sh", "echo\n")
        .with("c.sh", "#!/usr/bin/env bash\n")
        .with("d", "#!/bin/ksh -e\n")
        .executable("e.sh")
        .with("f.xlsm", "");
    let none = Wish::default();
    assert_eq!(folder.argv("a.py", &none), ["python3", "a.py"]);
    assert_eq!(folder.argv("b.sh", &none), ["sh", "b.sh"]);
    assert_eq!(folder.argv("c.sh", &none), ["bash", "c.sh"]);
    assert_eq!(folder.argv("d", &none), ["/bin/ksh", "-e", "d"]);
    assert_eq!(folder.argv("e.sh", &none), ["./e.sh"]);
    let error = folder.look("f.xlsm", &none).expect_err("no runner");
    assert_eq!(
        (error.code.as_str(), error.exit),
        ("no_runner", Exit::Failed)
    );
    assert!(error.fix.contains("[runners]"));
}

#[test]
fn a_configured_runner_takes_the_script_in_its_place_or_at_its_end() {
    let configured = std::collections::BTreeMap::from([
        (
            ".xlsm".to_owned(),
            vec!["optimus".into(), "--file={{file}}".into()],
        ),
        (".txt".to_owned(), vec!["cat".into()]),
    ]);
    let argv = |name: &str| runner::argv(Path::new(name), &configured).expect("configured");
    assert_eq!(argv("x/k.xlsm"), ["optimus", "--file=k.xlsm"]);
    assert_eq!(argv("k.TXT"), ["cat", "k.TXT"]);
}

#[test]
fn a_flow_is_named_after_its_folder_or_file() {
    let folder = Folder::new()
        .with("reports/main.py", "")
        .with("cscKPI.v2.py", "")
        .with("named/main.py", "")
        .with("named/baton.toml", "[flow]\nname = \"Nightly report\"\n");
    let flow = |at: &str, wish: &Wish| folder.look(at, wish).expect("it can be deployed").flow;
    let none = Wish::default();
    assert_eq!(flow("reports", &none), "reports");
    assert_eq!(flow("reports/", &none), "reports");
    assert_eq!(flow("cscKPI.v2.py", &none), "cscKPI.v2");
    assert_eq!(flow("named", &none), "Nightly report");
    let wish = Wish {
        flow: Some("other".into()),
        ..Wish::default()
    };
    assert_eq!(flow("named", &wish), "other");
    let wish = Wish {
        flow: Some("a/b".into()),
        ..Wish::default()
    };
    assert_eq!(
        folder.look("named", &wish).expect_err("a slash").code,
        "bad_name"
    );
}

#[test]
fn a_python_flow_may_name_its_interpreter_or_its_requirements() {
    let folder = Folder::new()
        .with("f/main.py", "")
        .with("f/requirements.txt", "requests\n");
    let entry = |wish: &Wish| match folder.look("f", wish).expect("it can be deployed").entry {
        Entry::Command { argv, python, .. } => (argv, python),
        Entry::External => panic!("a command was expected"),
    };
    let (argv, python) = entry(&Wish::default());
    assert_eq!(argv, ["main.py"]);
    assert_eq!(
        python,
        Some(Python::Requirements("requirements.txt".into()))
    );
    let wish = Wish {
        python: Some("python3.11".into()),
        ..Wish::default()
    };
    let both = Python::Environment {
        interpreter: "python3.11".into(),
        requirements: "requirements.txt".into(),
    };
    assert_eq!(entry(&wish).1, Some(both));
    let folder = folder.with("f/baton.toml", "[flow]\nrequirements = \"\"\n");
    let only = folder.look("f", &wish).expect("it can be deployed").entry;
    let Entry::Command { python, .. } = only else {
        panic!("a command was expected")
    };
    assert_eq!(python, Some(Python::Interpreter("python3.11".into())));
}

#[test]
fn friendly_parameters_become_a_schema() {
    let text = r#"
[parameters]
limit = 10
month = { type = "string", pattern = "^\\d{4}-\\d{2}$", description = "Which month" }
region = { choices = ["eu", "us"], default = "eu" }
day = { type = "date", required = false }
"#;
    let folder = Folder::new()
        .with("f/main.py", "")
        .with("f/baton.toml", text);
    let schema = folder
        .look("f", &Wish::default())
        .expect("it can be deployed")
        .schema;
    assert_eq!(
        schema,
        json!({
            "type": "object",
            "properties": {
                "limit": { "type": "integer", "default": 10 },
                "month": { "type": "string", "pattern": "^\\d{4}-\\d{2}$", "description": "Which month" },
                "region": { "enum": ["eu", "us"], "default": "eu" },
                "day": { "type": "string", "format": "date" },
            },
            "additionalProperties": false,
            "required": ["month"],
        })
    );
}

#[test]
fn misspelt_and_impossible_parameters_are_refused() {
    for text in [
        "[parameters]\nx = { typ = \"string\" }\n",
        "[parameters]\nx = { type = \"strng\" }\n",
        "[parameters]\nx = { choices = [] }\n",
        "[parameters]\nx = { type = \"string\", pattern = \"(\" }\n",
    ] {
        let folder = Folder::new()
            .with("f/main.py", "")
            .with("f/baton.toml", text);
        let error = folder.look("f", &Wish::default()).expect_err(text);
        assert_eq!(error.code, "bad_parameters", "{text}");
    }
    let folder = Folder::new()
        .with("f/main.py", "")
        .with("f/parameters.json", "{\"type\": \"object\"}");
    assert!(folder.look("f", &Wish::default()).is_ok());
    let folder = folder.with("f/baton.toml", "[parameters]\nx = 1\n");
    assert!(folder.look("f", &Wish::default()).is_err());
}

#[test]
fn suites_of_robot_framework_run_as_its_module_and_leave_their_files_with_the_run() {
    let robot = |words: &[&str]| runner::robot(words);
    let folder = Folder::new()
        .with("one/tasks.robot", "")
        .with("one/notes.txt", "")
        .with("two/a.robot", "")
        .with("two/b.robot", "")
        .with("three/a.robot", "")
        .executable("three/run.sh");
    let none = Wish::default();
    assert_eq!(
        folder.argv("one/tasks.robot", &none),
        robot(&["tasks.robot"])
    );
    assert_eq!(folder.argv("one", &none), robot(&["tasks.robot"]));
    assert_eq!(folder.argv("two", &none), robot(&["--name", "two", "."]));
    assert_eq!(folder.argv("three", &none), ["./run.sh"]);
    let source = folder.look("one", &none).expect("it can be deployed");
    assert!(
        source
            .notes
            .iter()
            .any(|note| note.contains("--requirements")),
        "{:?}",
        source.notes
    );
    let folder = folder.with("one/requirements.txt", "robotframework==7.5\n");
    let source = folder
        .look("one/tasks.robot", &none)
        .expect("it can be deployed");
    assert_eq!(source.carried.len(), 1);
    assert!(
        !source
            .notes
            .iter()
            .any(|note| note.contains("--requirements")),
        "{:?}",
        source.notes
    );
    let Entry::Command { argv, python, .. } = source.entry else {
        panic!("a command was expected")
    };
    assert_eq!(argv[..3], ["python3", "-m", "robot"]);
    assert_eq!(
        python,
        Some(Python::Requirements("requirements.txt".into()))
    );
}

#[test]
fn a_default_that_breaks_its_description_and_two_names_of_one_variable_never_deploy() {
    for (text, words) in [
        (
            "x = { type = \"integer\", default = \"3\" }",
            ["parameter x", "baton.toml"],
        ),
        (
            "x = { choices = [\"a\"], default = \"b\" }",
            ["parameter x", "baton.toml"],
        ),
        (
            "day = { type = \"date\", default = 2026-10-01T07:30:00 }",
            ["parameter day", "baton.toml"],
        ),
        (
            "cost-center = 1\ncost_center = 2",
            ["cost-center", "cost_center"],
        ),
    ] {
        let folder = Folder::new()
            .with("f/main.py", "")
            .with("f/baton.toml", &format!("[parameters]\n{text}\n"));
        let error = folder.look("f", &Wish::default()).expect_err(text);
        assert_eq!(error.code, "bad_parameters", "{text}");
        for word in words {
            assert!(error.what.contains(word), "{}", error.what);
        }
    }
    let fine = "day = { type = \"date\", default = 2026-10-01 }\nat = { type = \"time\", default = 07:30:00 }\n\
                local = { type = \"datetime\", default = 2026-10-01T07:30:00 }\nshort = 2026-10-01\n";
    let folder = Folder::new()
        .with("f/main.py", "")
        .with("f/baton.toml", &format!("[parameters]\n{fine}"));
    let schema = folder.look("f", &Wish::default()).expect("fine").schema;
    assert_eq!(
        schema["properties"]["short"],
        json!({"type": "string", "default": "2026-10-01"})
    );
    let folder = folder.with("f/baton.toml", "").with(
        "f/parameters.json",
        r#"{"properties": {"n": {"type": "integer", "default": "x"}}}"#,
    );
    let error = folder
        .look("f", &Wish::default())
        .expect_err("a bad default");
    assert!(error.what.contains("parameters.json"), "{}", error.what);
    let folder = folder.with(
        "f/parameters.json",
        r#"{"properties": {"n": {"type": "number", "default": 0.10000000000000000555}}}"#,
    );
    let error = folder.look("f", &Wish::default());
    let error = error.expect_err("the default would be rounded");
    assert!(error.what.contains("digits"), "{}", error.what);
}
