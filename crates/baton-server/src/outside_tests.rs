//! Tests of how the server is seen from outside: names, proxies that are believed, cookies.

use super::*;

fn outside(allowed: &[&str], trusted: &[&str]) -> Outside {
    Outside {
        allowed_hosts: allowed.iter().map(|name| (*name).to_owned()).collect(),
        trusted: trusted
            .iter()
            .map(|net| net.parse().expect("a network"))
            .collect(),
        ..Outside::default()
    }
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().expect("a value"));
    }
    headers
}

fn proxy() -> Option<IpAddr> {
    Some([127, 0, 0, 1].into())
}

#[test]
fn a_host_is_read_without_its_port() {
    for (host, name) in [
        ("localhost:8765", "localhost"),
        ("localhost", "localhost"),
        ("[::1]:8765", "[::1]"),
        ("[::1]", "[::1]"),
        ("baton.example", "baton.example"),
    ] {
        assert_eq!(name_of(host), name);
    }
}

#[test]
fn a_page_of_a_named_host_may_call_whatever_the_proxy_made_of_host() {
    let outside = outside(&["rpa.example", "other.example:8443"], &[]);
    for host in [
        "rpa.example",
        "rpa.example:443",
        "127.0.0.1:8765",
        "RPA.example",
    ] {
        let seen = outside.seen(
            &headers(&[("host", host), ("origin", "https://rpa.example")]),
            None,
        );
        assert_eq!(seen.stranger, None, "{host}");
        assert!(seen.is_https && outside.knows(&seen.host), "{host}");
    }
    for (origin, is_own) in [
        ("https://rpa.example", true),
        ("https://rpa.example:443", true),
        ("https://rpa.example:9999", false),
        ("https://other.example:8443", true),
        ("https://other.example", false),
        ("https://evil.example", false),
        ("https://rpa.example.evil.example", false),
        ("null", false),
        ("", false),
    ] {
        let seen = outside.seen(
            &headers(&[("host", "127.0.0.1:8765"), ("origin", origin)]),
            None,
        );
        assert_eq!(seen.stranger.is_none(), is_own, "{origin}");
    }
}

#[test]
fn forwarded_headers_count_only_from_where_told() {
    let lines = headers(&[
        ("host", "127.0.0.1:8765"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example, rpa.example"),
        ("x-forwarded-for", "6.6.6.6, 203.0.113.7, 127.0.0.1"),
    ]);
    let seen = outside(&[], &[]).seen(&lines, proxy());
    assert_eq!(
        (seen.host.as_str(), seen.is_https, seen.peer),
        ("127.0.0.1:8765", false, proxy())
    );
    let seen = outside(&[], &["127.0.0.0/8"]).seen(&lines, proxy());
    assert_eq!(
        (seen.url.as_str(), seen.is_https),
        ("https://rpa.example", true)
    );
    assert_eq!(seen.peer, Some([203, 0, 113, 7].into()));
    let lines = headers(&[
        ("host", "127.0.0.1:8765"),
        (
            "forwarded",
            "for=\"[2001:db8::17]:4711\";host=rpa.example;proto=https",
        ),
    ]);
    let seen = outside(&[], &["127.0.0.1/32"]).seen(&lines, proxy());
    assert_eq!(seen.url, "https://rpa.example");
    assert_eq!(seen.peer, Some("2001:db8::17".parse().expect("an address")));
    assert_eq!(
        outside(&[], &["10.0.0.0/8"]).seen(&lines, proxy()).url,
        "http://127.0.0.1:8765"
    );
}

#[test]
fn a_public_address_is_what_links_are_made_of() {
    let outside = Outside {
        public: Some("https://RPA.example:443/baton/".parse().expect("a URL")),
        base: "/baton".into(),
        ..Outside::default()
    };
    let seen = outside.seen(&headers(&[("host", "127.0.0.1:8765")]), None);
    assert_eq!(
        (seen.url.as_str(), seen.is_https),
        ("https://rpa.example/baton", true)
    );
    assert!(outside.knows("rpa.example:443"));
    for bad in [
        "rpa.example",
        "ftp://rpa.example",
        "https://rpa.example/?x",
        "https://rpa.example/a b",
        "https://rpa.example/a/../b",
        "https://me@rpa.example",
    ] {
        assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
    }
}

#[test]
fn a_base_path_is_plain_and_has_no_slash_at_its_end() {
    for (text, path) in [("/", ""), ("", ""), ("/baton/", "/baton"), ("/a/b", "/a/b")] {
        assert_eq!(base_path(text).as_deref(), Ok(path));
    }
    for bad in ["baton", "/a//b", "/a/../b", "/a\"b", "/ä"] {
        assert!(base_path(bad).is_err(), "{bad}");
    }
}
