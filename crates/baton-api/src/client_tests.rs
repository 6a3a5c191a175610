//! Tests of the client that need no server.

use super::*;

fn client(url: &str) -> Result<Client> {
    Client::new(&ClientOptions {
        url: url.into(),
        ..ClientOptions::default()
    })
}

#[test]
fn a_url_that_is_none_is_refused_with_an_example() {
    for bad in ["", "localhost", "ftp://x", "http://user:pass@x"] {
        let error = client(bad).expect_err(bad);
        assert_eq!(error.code(), "bad_options");
        assert!(error.to_string().contains("http://127.0.0.1:8765"), "{bad}");
    }
}

#[test]
fn path_segments_are_escaped_and_a_prefix_is_kept() {
    let client = client("http://127.0.0.1:8765/baton/").expect("a URL");
    let url = client.url_of(&["deployments", "a flow/ärger?"]);
    assert_eq!(
        url.as_str(),
        "http://127.0.0.1:8765/baton/api/v1/deployments/a%20flow%2F%C3%A4rger%3F"
    );
}

#[test]
fn a_fingerprint_is_64_hex_digits_with_or_without_colons() {
    let plain = "ab".repeat(32);
    let colons = vec!["AB"; 32].join(":");
    for good in [format!("sha256:{colons}"), plain, colons] {
        let read = Trust::fingerprint(&good).expect("read");
        assert_eq!(read, Trust::Fingerprint([0xab; 32]));
    }
    let not_hex = "zz".repeat(32);
    for bad in ["", "zz", "abc", "sha1:ab", &not_hex] {
        let error = Trust::fingerprint(bad).expect_err(bad);
        assert_eq!(error.code(), "bad_options");
    }
}

#[test]
fn an_authority_file_that_holds_none_is_refused_by_its_name() {
    let dir = tempfile::tempdir().expect("folder");
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "no certificate\n").expect("written");
    for file in [dir.path().join("absent.pem"), empty] {
        let error = tls_config(&Trust::Authority(file.clone())).expect_err("refused");
        assert!(error.to_string().contains(&file.display().to_string()));
    }
}
