//! The notebook's flow as an example: what it asks, what it prints, and what it does with a bad answer.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::JoinHandle;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cat_fact")
}

/// An endpoint that gives these answers (status and body), one a connection, and the requests it saw.
struct Endpoint {
    url: String,
    requests: JoinHandle<Vec<String>>,
}

impl Endpoint {
    fn answering(answers: &'static [(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let requests = std::thread::spawn(move || {
            let serve = |(status, body): &(&str, &str)| {
                let mut stream = crate::home::visitor(&listener);
                let mut lines = BufReader::new(stream.try_clone().expect("cloned")).lines();
                let request = lines.next().expect("a line").expect("readable");
                // The head ends with an empty line; the answer must not come before.
                while lines.next().is_some_and(|l| l.is_ok_and(|l| !l.is_empty())) {}
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                )
                .expect("answered");
                request
            };
            answers.iter().map(serve).collect()
        });
        Self {
            url: format!("http://{address}/fact"),
            requests,
        }
    }

    /// Runs the example once against it.
    fn try_once(&self, events: &Path) -> Output {
        Command::new("python3")
            .arg("cat_fact.py")
            .args(["--url", &self.url])
            .current_dir(example())
            .env("BATON_EVENTS", events)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .expect("python3 is there")
    }
}

/// What the example told Baton, line by line.
fn told(events: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(events).expect("it told something");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn a_fact_is_fetched_printed_and_handed_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let events = folder.path().join("events.jsonl");
    let endpoint = Endpoint::answering(&[("200 OK", r#"{"fact": "Cats sleep a lot."}"#)]);
    let output = endpoint.try_once(&events);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "Cat Fact: Cats sleep a lot.\n"
    );
    let told = told(&events);
    assert_eq!(told[0]["key"], "get_cat_fact");
    assert_eq!(told[1]["state"], "completed");
    assert_eq!(told[2]["value"], "Cats sleep a lot.");
    let requests = endpoint.requests.join().expect("served");
    assert_eq!(requests, ["GET /fact HTTP/1.1"]);
}

#[test]
fn an_answer_without_a_fact_has_the_default_text() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let endpoint = Endpoint::answering(&[("200 OK", "{}")]);
    let output = endpoint.try_once(&folder.path().join("events.jsonl"));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "Cat Fact: No fact found\n"
    );
    endpoint.requests.join().expect("served");
}

#[test]
fn an_endpoint_that_fails_twice_fails_two_attempts_and_the_third_succeeds() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let events = folder.path().join("events.jsonl");
    let endpoint = Endpoint::answering(&[
        ("500 Internal Server Error", ""),
        ("503 Service Unavailable", ""),
        ("200 OK", r#"{"fact": "Third time lucky."}"#),
    ]);
    for status in ["500", "503"] {
        let output = endpoint.try_once(&events);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("Failed to fetch cat fact"), "{said}");
        assert!(said.contains(status), "{said}");
        assert_eq!(told(&events).last().expect("told")["state"], "failed");
    }
    assert!(endpoint.try_once(&events).status.success());
    endpoint.requests.join().expect("served");
}

#[test]
fn it_is_tried_three_times_more_two_seconds_apart() {
    let text = std::fs::read_to_string(example().join("baton.toml")).expect("readable");
    let settings: toml::Table = text.parse().expect("TOML");
    let retry = &settings["deployment"]["retry"];
    assert_eq!(retry["max_retries"].as_integer(), Some(3));
    assert_eq!(retry["initial_delay"].as_str(), Some("2s"));
    assert_eq!(retry["backoff_factor"].as_float(), Some(1.0));
}
