//! The last lines of real programs, and the one of them that says what went wrong.

use super::*;

fn lines(text: &[(LogStream, &str)]) -> Vec<LastLine> {
    text.iter()
        .flat_map(|(stream, text)| text.lines().map(|line| (*stream, line)))
        .map(|(stream, text)| LastLine {
            stream,
            text: text.to_owned(),
            before_end: Duration::ZERO,
        })
        .collect()
}

fn told(stdout: &str, stderr: &str) -> Option<String> {
    let all = lines(&[(LogStream::Stdout, stdout), (LogStream::Stderr, stderr)]);
    telling(&all).map(|(_, text)| text)
}

/// What programs wrote to standard error, and the line of it that tells.
const WRITTEN: &[(&str, &str)] = &[
    // Robot Framework 7.5 with a wrong option.
    (
        "[ ERROR ] option --nosuch not recognized\n\nTry --help for usage information.",
        "[ ERROR ] option --nosuch not recognized",
    ),
    // Python, with an exception class of the script's own.
    (
        "Traceback (most recent call last):\n  File \"x.py\", line 1, in <module>\n    raise NoDate(17)\n__main__.NoDate: invoice 17 has no date\nclosing the browser",
        "__main__.NoDate: invoice 17 has no date",
    ),
    (
        "Traceback (most recent call last):\n  File \"x.py\", line 1\nValueError: no date\n\x1b[2msee the log\x1b[0m",
        "ValueError: no date",
    ),
    // argparse, click, clap.
    (
        "usage: x.py [-h]\nx.py: error: unrecognized arguments: --foo",
        "x.py: error: unrecognized arguments: --foo",
    ),
    (
        "Usage: x [OPTIONS]\nTry 'x --help' for help.\n\nError: No such option: --foo",
        "Error: No such option: --foo",
    ),
    (
        "error: unexpected argument '--x' found\n\nUsage: tool\n\nFor more information, try '--help'.",
        "error: unexpected argument '--x' found",
    ),
    // Node.
    (
        "/x.js:1\nthrow new Error(\"no date\")\n^\n\nError: no date\n    at Object.<anonymous> (/x.js:1:7)\n\nNode.js v20.20.0",
        "Error: no date",
    ),
    (
        "node:internal/modules/cjs/loader:1210\n  throw err;\n  ^\n\nError: Cannot find module '/x.js'\n    at Module._load {\n  code: 'MODULE_NOT_FOUND',\n  requireStack: []\n}\n\nNode.js v20.20.0",
        "Error: Cannot find module '/x.js'",
    ),
    // npm.
    (
        "npm ERR! Missing script: \"bild\"\nnpm ERR! \nnpm ERR! A complete log of this run can be found in: /x.log",
        "npm ERR! Missing script: \"bild\"",
    ),
    // Java.
    (
        "Exception in thread \"main\" java.lang.IllegalStateException: invoice 17 has no date\n\tat Main.main(Main.java:3)",
        "Exception in thread \"main\" java.lang.IllegalStateException: invoice 17 has no date",
    ),
    // Go.
    (
        "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/x.go:5 +0x18\nexit status 2",
        "panic: runtime error: index out of range [5] with length 3",
    ),
    // Rust.
    (
        "thread 'main' (7) panicked at src/main.rs:2:5:\nno date\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
        "thread 'main' (7) panicked at src/main.rs:2:5: no date",
    ),
    // Shells, git, pip, Ruby, Lua, C++, Terraform.
    (
        "run.sh: line 3: sapcmd: command not found\ncleaning up",
        "run.sh: line 3: sapcmd: command not found",
    ),
    ("sh: 1: sapcmd: not found\ndone", "sh: 1: sapcmd: not found"),
    (
        "fatal: not a git repository (or any of the parent directories): .git\nsee the manual",
        "fatal: not a git repository (or any of the parent directories): .git",
    ),
    (
        "ERROR: Could not find a version that satisfies the requirement requests==99.99 (from versions: 0.2.0)\nERROR: No matching distribution found for requests==99.99\n[notice] A new release of pip is available",
        "ERROR: No matching distribution found for requests==99.99",
    ),
    (
        "x.rb:1:in `<main>': no date (RuntimeError)\n\tfrom x.rb:3",
        "x.rb:1:in `<main>': no date (RuntimeError)",
    ),
    (
        "lua: x.lua:1: no date\nstack traceback:\n\t[C]: in function 'error'\n\t[C]: in ?",
        "lua: x.lua:1: no date",
    ),
    (
        "terminate called after throwing an instance of 'std::runtime_error'\n  what():  no date",
        "what():  no date",
    ),
    (
        "╷\n│ Error: Invalid reference\n│ \n│   on main.tf line 3:\n╵",
        "Error: Invalid reference",
    ),
    // Loggers.
    (
        "2026-11-30 10:00:00,123 - bot - ERROR - invoice 17 has no date\n2026-11-30 10:00:00,124 - bot - INFO - bye",
        "2026-11-30 10:00:00,123 - bot - ERROR - invoice 17 has no date",
    ),
    (
        "{\"level\":\"error\",\"msg\":\"no date\"}\n{\"level\":\"info\",\"msg\":\"bye\"}",
        "{\"level\":\"error\",\"msg\":\"no date\"}",
    ),
    // Nothing looks like an error: what was said last, or what has a word of errors.
    ("no date at x.pl line 1.", "no date at x.pl line 1."),
    (
        "curl: (6) Could not resolve host: nowhere\nbye",
        "curl: (6) Could not resolve host: nowhere",
    ),
    (
        "12 read, 0 errors\nthe month is closed",
        "the month is closed",
    ),
];

#[test]
fn the_line_that_says_what_went_wrong_is_found_in_what_programs_write_to_standard_error() {
    for (written, expected) in WRITTEN {
        assert_eq!(told("", written).as_deref(), Some(*expected), "{written}");
    }
}

#[test]
fn an_error_on_standard_output_is_found_before_the_tail_of_standard_error() {
    // robocorp's tasks: the traceback goes to standard output, a warning of the start to standard error.
    let out = "\x1b[96mbad\x1b[0m status: \x1b[91mFAIL\n\x1b[0m\x1b[91m\ninvoice 17 has no date\n\x1b[91mTraceback (most recent call last):\n  File \"tasks.py\", line 5, in bad\n    raise ValueError(\"invoice 17 has no date\")\nValueError: invoice 17 has no date\n\n\x1b[0m=====\nLog (html): /x/output/log.html";
    let err = "site-packages/truststore.py:10: UserWarning: x\n  _inject_truststore()";
    assert_eq!(
        told(out, err).as_deref(),
        Some("ValueError: invoice 17 has no date")
    );
    assert_eq!(told("reading row 12", "").as_deref(), None);
    assert_eq!(
        told("row 12 failed\nbye", "").as_deref(),
        Some("row 12 failed")
    );
}

#[test]
fn an_error_that_the_program_got_over_is_not_the_reason() {
    let mut all = lines(&[(LogStream::Stderr, "ERROR: first try\nthe month is closed")]);
    all[0].before_end = Duration::from_secs(300);
    let (_, text) = telling(&all).expect("there is a line");
    assert_eq!(text, "the month is closed");
}
