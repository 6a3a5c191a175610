//! What is no HTTP request is refused with a body too, on a fresh connection and on one that served before.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use baton_api::problem::Problem;

use crate::world::World;

/// Everything that is answered until the server closes.
fn answer(world: &World, sent: &[u8]) -> String {
    let address = world.server.url.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(sent).expect("sent");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("text");
    said
}

fn problem(said: &str, status: u16) -> Problem {
    let (head, body) = said.rsplit_once("\r\n\r\n").expect("an answer");
    let head = head.rsplit("HTTP/1.1 ").next().expect("a head");
    assert!(head.starts_with(&status.to_string()), "{said}");
    assert!(
        head.contains("content-type: application/problem+json"),
        "{said}"
    );
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{said}"
    );
    serde_json::from_str(body).expect("a problem")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_cannot_be_read_are_refused_with_a_body() {
    let world = World::new().await;
    let good = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let long = "x".repeat(70_000);
    let many: String = (0..200).map(|n| format!("h{n}: x\r\n")).collect();
    for (sent, status, code) in [
        ("what is this\r\n\r\n".to_owned(), 400, "malformed_request"),
        (
            format!("{good}what is this\r\n\r\n"),
            400,
            "malformed_request",
        ),
        (
            "GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(),
            400,
            "malformed_request",
        ),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), 414, "uri_too_long"),
        (
            format!("GET / HTTP/1.1\r\n{many}\r\n"),
            431,
            "headers_too_large",
        ),
    ] {
        let said = answer(&world, sent.as_bytes());
        assert_eq!(problem(&said, status).code, code, "{said}");
        assert_eq!(
            said.matches("HTTP/1.1 200").count(),
            sent.matches("healthz").count()
        );
    }
    world.server.stop().await;
}
