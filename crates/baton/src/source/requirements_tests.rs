//! Which list of packages a flow gets.

use std::fs;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(dir.path().join(name), text).expect("written");
    }
    dir
}

fn of(dir: &tempfile::TempDir, at: &str, named: Option<&str>) -> Done<Requirements> {
    let wish = Wish {
        requirements: named.map(|name| dir.path().join(name)),
        ..Wish::default()
    };
    let top = dir.path().canonicalize().expect("there");
    let path = if at.is_empty() { top } else { top.join(at) };
    find(&path, &BatonToml::default(), &wish)
}

const BLOCK: &str = "#!/usr/bin/env python3\n# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \
                     \"requests<3\",\n#   \"rich; python_version > '3.8'\",\n# ]\n#\n# [tool.x]\n# y = 1\n# ///\nimport requests\n";

#[test]
fn a_lone_script_takes_along_what_it_or_the_list_beside_it_names() {
    let dir = folder(&[
        ("a.py", BLOCK),
        ("b.py", "import os\n"),
        ("c.sh", "true\n"),
        ("requirements.txt", "flask\n"),
        ("more.txt", "django\n"),
    ]);
    let found = of(&dir, "a.py", None).expect("fine");
    assert_eq!(found.text, "requests<3\nrich; python_version > '3.8'\n");
    assert!(found.carried);
    let found = of(&dir, "b.py", None).expect("fine");
    assert_eq!((found.text.as_str(), found.carried), ("flask\n", true));
    assert_eq!(of(&dir, "c.sh", None).expect("fine").file, None);
    let found = of(&dir, "c.sh", Some("more.txt")).expect("fine");
    assert_eq!(
        (found.text.as_str(), found.file.as_deref()),
        ("django\n", Some("requirements.txt"))
    );
    // A folder holds its list already.
    let found = of(&dir, "", None).expect("fine");
    assert_eq!((found.text.as_str(), found.carried), ("flask\n", false));
    let found = of(&dir, "", Some("more.txt")).expect("fine");
    assert_eq!(
        (found.file.as_deref(), found.carried),
        (Some("more.txt"), false)
    );
}

#[test]
fn a_list_that_means_other_files_does_not_travel_alone() {
    for text in [
        "-r base.txt\n",
        "-e .\n",
        "./wheels/x.whl\n",
        "x @ file:///y\n",
    ] {
        let dir = folder(&[("a.py", ""), ("requirements.txt", text)]);
        assert_eq!(of(&dir, "a.py", None).expect("fine").file, None, "{text}");
        let error = of(&dir, "a.py", Some("requirements.txt")).expect_err(text);
        assert_eq!(error.code, "requirements_name_files");
    }
    let dir = folder(&[
        ("a.py", ""),
        (
            "requirements.txt",
            "--index-url https://example.com/simple\nx>=1 # -r y\n",
        ),
    ]);
    assert!(of(&dir, "a.py", None).expect("fine").carried);
}

#[test]
fn a_block_that_cannot_be_read_is_refused_with_its_line() {
    for (text, line) in [
        ("# /// script\n# dependencies = [\n# ///\n", ":2:"),
        ("# /// script\n# dependencies = 3\n# ///\n", ":2:"),
        ("# /// script\n# dependencies = []\n", ":1:"),
        ("# /// script\n# ///\n\n# /// script\n# ///\n", ":4:"),
    ] {
        let dir = folder(&[("a.py", text)]);
        let error = of(&dir, "a.py", None).expect_err(text);
        assert_eq!(error.code, "bad_script_metadata", "{text}");
        assert!(error.what.contains(line), "{}", error.what);
    }
    let dir = folder(&[("a.py", "x = '''\n## /// script\n'''\n# /// other\n# ///\n")]);
    assert_eq!(of(&dir, "a.py", None).expect("fine").file, None);
}
