//! Which files stay out, by whose word.

use std::fs;

use super::super::{LeftOut, pack, pack_with};
use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("below")).expect("made");
        fs::write(path, text).expect("written");
    }
    dir
}

fn files(top: &Path) -> Vec<String> {
    let packed = pack(top).expect("packs");
    let entries = super::super::inspect(&packed).expect("fine");
    entries
        .into_iter()
        .filter(|e| !e.folder)
        .map(|e| e.path)
        .collect()
}

#[test]
fn patterns_match_as_documented() {
    let dir = folder(&[(
        ".batonignore",
        "# notes\n*.log\n/data/*.csv\nout/\nsrc/**/x?.txt\n",
    )]);
    let ignored = Ignored::at(dir.path()).expect("fine");
    for (path, folder, skipped) in [
        ("a.log", false, true),
        ("deep/er/a.log", false, true),
        ("a.logs", false, false),
        ("data/a.csv", false, true),
        ("data/sub/a.csv", false, false),
        ("other/data/a.csv", false, false),
        ("out", true, true),
        ("out", false, false),
        ("sub/out", true, true),
        ("src/xa.txt", false, true),
        ("src/a/b/xa.txt", false, true),
        ("src/a/b/xab.txt", false, false),
        (".git", true, true),
        (".git", false, true),
        ("lib/__pycache__", true, true),
        (".gitignore", false, false),
    ] {
        assert_eq!(ignored.skips(path, folder).is_some(), skipped, "{path}");
    }
}

#[test]
fn what_git_ignores_stays_out_with_nested_lists_and_what_they_take_back() {
    let dir = folder(&[
        (
            ".gitignore",
            "*.log\ndata/\n.env\n/only-top.txt\n!keep.log\n[",
        ),
        ("main.py", ""),
        ("run.log", ""),
        ("keep.log", ""),
        (".env", "PASSWORD=x"),
        ("data/dump.bin", ""),
        ("only-top.txt", ""),
        ("sub/only-top.txt", ""),
        ("sub/.gitignore", "!run.log\n*.tmp\n"),
        ("sub/run.log", ""),
        ("sub/a.tmp", ""),
        ("other/a.tmp", ""),
    ]);
    let wanted = [
        ".gitignore",
        "keep.log",
        "main.py",
        "other/a.tmp",
        "sub/.gitignore",
        "sub/only-top.txt",
        "sub/run.log",
    ];
    assert_eq!(files(dir.path()), wanted);
}

#[test]
fn the_repository_above_a_folder_is_asked_too_and_nothing_beyond_it() {
    let dir = folder(&[
        (".gitignore", "main.py\n"),
        ("repo/.git/info/exclude", "mine.txt\n"),
        ("repo/.gitignore", "*.log\n/flow/gone.txt\n"),
        ("repo/flow/main.py", ""),
        ("repo/flow/mine.txt", ""),
        ("repo/flow/gone.txt", ""),
        ("repo/flow/deep/gone.txt", ""),
        ("repo/flow/run.log", ""),
    ]);
    assert_eq!(
        files(&dir.path().join("repo/flow")),
        ["deep/gone.txt", "main.py"]
    );
}

#[test]
fn batonignore_beats_git_and_takes_back_in_what_it_names() {
    let dir = folder(&[
        (".gitignore", "dist/\n*.csv\n"),
        (
            ".batonignore",
            "!dist/\n!rates.csv\n!node_modules/\n!.git/\nnotes.md\n",
        ),
        ("dist/tool.js", ""),
        ("rates.csv", ""),
        ("other.csv", ""),
        ("node_modules/x.js", ""),
        (".git/HEAD", ""),
        ("notes.md", ""),
    ]);
    assert_eq!(
        files(dir.path()),
        [
            ".gitignore",
            "dist/tool.js",
            "node_modules/x.js",
            "rates.csv"
        ]
    );
}

#[cfg(unix)]
#[test]
fn a_virtual_environment_stays_out_under_any_name() {
    let dir = folder(&[
        ("main.py", ""),
        ("my env/pyvenv.cfg", "home = /usr/bin"),
        ("tools/py/pyvenv.cfg", ""),
        ("conda/conda-meta/history", ""),
        ("lib/pyvenv.txt", ""),
    ]);
    fs::create_dir(dir.path().join("my env/bin")).expect("made");
    std::os::unix::fs::symlink("/usr/bin/python3", dir.path().join("my env/bin/python"))
        .expect("link");
    let packed = pack_with(dir.path(), &[]).expect("packs");
    assert_eq!(packed.files, 2);
    let left: Vec<&str> = packed.left_out.iter().map(|l| l.path.as_str()).collect();
    assert_eq!(left, ["conda", "my env", "tools/py"]);
    assert!(
        packed
            .left_out
            .iter()
            .all(|l| l.why.contains("environment"))
    );
}

#[test]
fn what_goes_along_and_deserves_a_look_is_named_and_so_is_what_git_keeps_out() {
    let large = "x".repeat(2 << 20);
    let dir = folder(&[
        ("main.py", ""),
        (".gitignore", "*.log\n"),
        ("a.log", ""),
        (".env", "PASSWORD=x"),
        ("deep/key.pem", ""),
        ("dump.bin", &large),
        ("__pycache__/m.pyc", ""),
    ]);
    let packed = pack_with(dir.path(), &[]).expect("packs");
    assert_eq!(packed.secret, [".env", "deep/key.pem"]);
    assert_eq!(packed.large, [("dump.bin".to_owned(), 2 << 20)]);
    let wanted = LeftOut {
        path: "a.log".into(),
        why: ".gitignore",
    };
    assert_eq!(packed.left_out, [wanted]);
}

#[test]
fn a_pattern_that_is_none_is_refused_with_its_line() {
    let dir = folder(&[(".batonignore", "fine\na{b\n")]);
    let error = pack(dir.path()).expect_err("refused");
    assert_eq!(error.code, "package_bad_ignore");
    assert!(error.message.contains("line 2"), "{error}");
}
