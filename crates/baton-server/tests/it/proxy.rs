//! Behind a real nginx: the dashboard's sign-in, the API, event streams and robots, with the headers that it
//! sends by itself and with the lines of the documentation, at the top and below a path.

use std::path::Path;
use std::process::Command;

use baton_api::client::{Client, ClientOptions, Trust, install_provider, tls_config};
use baton_server::config::Config;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use reqwest::header::{ACCEPT, COOKIE, ORIGIN, SET_COOKIE};
use sha2::{Digest, Sha256};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::world::World;

/// The name under which the outside knows the server.
const NAME: &str = "rpa.example";

/// An nginx of our own, as an unprivileged process in a folder of its own.
struct Nginx {
    folder: tempfile::TempDir,
    tls_port: u16,
    plain_port: u16,
    fingerprint: String,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(self.folder.path().join("pid")).unwrap_or_default();
        if !pid.trim().is_empty() {
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

fn is_there() -> bool {
    let found = Command::new("nginx").arg("-v").output().is_ok();
    let must = std::env::var_os("CI").is_some();
    assert!(found || !must, "`.ci/deps test` installs nginx-light");
    found
}

impl Nginx {
    /// Ports and a certificate; it does not run yet.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
        let digest: [u8; 32] = Sha256::digest(made.cert.der()).into();
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        write("cert.pem", made.cert.pem());
        write("key.pem", made.signing_key.serialize_pem());
        Self {
            tls_port: free_port(),
            plain_port: free_port(),
            fingerprint: baton_api::package::hex(&digest),
            folder,
        }
    }

    fn url(&self, base: &str) -> String {
        format!("https://{NAME}:{}{base}", self.tls_port)
    }

    /// Runs before this server, with these lines in its location.
    fn run(&self, base: &str, upstream: u16, lines: &str) {
        let at = self.folder.path().display();
        let (tls, plain) = (self.tls_port, self.plain_port);
        let text = format!(
            "pid {at}/pid; error_log {at}/error.log; events {{}}
             http {{
               access_log off;
               client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;
               uwsgi_temp_path {at}/u; scgi_temp_path {at}/s;
               map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
               server {{
                 listen 127.0.0.1:{tls} ssl; listen 127.0.0.1:{plain};
                 ssl_certificate {at}/cert.pem; ssl_certificate_key {at}/key.pem;
                 location {base}/ {{
                   proxy_pass http://127.0.0.1:{upstream};
                   proxy_http_version 1.1;
                   proxy_set_header Upgrade $http_upgrade;
                   proxy_set_header Connection $connection_upgrade;
                   {lines}
                 }}
               }}
             }}"
        );
        let file = self.folder.path().join("nginx.conf");
        std::fs::write(&file, text).expect("written");
        // It goes into the background when its sockets listen.
        let started = run_nginx(self.folder.path(), &file);
        assert!(started.status.success(), "{started:?}");
    }
}

fn run_nginx(folder: &Path, file: &Path) -> std::process::Output {
    let log = folder.join("start.log");
    let to_log = || std::fs::File::create(&log).expect("a log");
    let status = Command::new("nginx")
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(file)
        .arg("-e")
        .arg(folder.join("error.log"))
        .stdout(to_log())
        .stderr(to_log())
        .status()
        .expect("nginx runs");
    let stderr = std::fs::read(folder.join("error.log")).unwrap_or_default();
    std::process::Output {
        status,
        stdout: Vec::new(),
        stderr,
    }
}

const DOCUMENTED: &str = "proxy_set_header Host $host:$server_port;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";

#[tokio::test]
async fn behind_nginx_people_sign_in_streams_flow_and_robots_connect() {
    if !is_there() {
        return;
    }
    for (base, lines) in [
        ("", ""),
        ("", DOCUMENTED),
        ("/baton", ""),
        ("/baton", DOCUMENTED),
    ] {
        let nginx = Nginx::new();
        let public = nginx.url(base);
        let world = World::configured(|config: &mut Config| {
            config.public_url = Some(public.parse().expect("a URL"));
            config.trusted_proxies =
                vec![baton_server::outside::network("127.0.0.1").expect("one")];
        })
        .await;
        nginx.run(base, world.server.addr.port(), lines);
        signs_in(&world, &nginx, base).await;
        follows(&world, &nginx, base).await;
        connects(&world, &nginx, base).await;
    }
}

fn browser(nginx: &Nginx) -> reqwest::Client {
    install_provider();
    let trust = Trust::fingerprint(&nginx.fingerprint).expect("a fingerprint");
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config(&trust).expect("TLS"))
        .resolve(NAME, ([127, 0, 0, 1], nginx.tls_port).into())
        .no_proxy()
        .build()
        .expect("a client")
}

/// A person: link, page, cookie, and a change with the cookie.
async fn signs_in(world: &World, nginx: &Nginx, base: &str) {
    let (browser, public) = (browser(nginx), nginx.url(base));
    let link = world
        .client
        .create_sign_in_link()
        .await
        .expect("a link")
        .url;
    let (page, token) = link.split_once('#').expect("a token");
    assert_eq!(page, format!("{public}/sign-in"));
    let shown = browser
        .get(page)
        .header(ACCEPT, "text/html")
        .send()
        .await
        .expect("a page");
    assert_eq!(shown.status(), 200);
    let text = shown.text().await.expect("text");
    assert!(text.contains(&format!("\"{base}/a")), "{base}: {text}");
    let origin = nginx.url("");
    let signed_in = browser
        .post(format!("{public}/api/v1/sessions"))
        .header(ORIGIN, &origin)
        .json(&serde_json::json!({ "token": token }))
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        signed_in.status(),
        201,
        "{}",
        signed_in.text().await.unwrap_or_default()
    );
    let cookie = signed_in.headers()[SET_COOKIE]
        .to_str()
        .expect("text")
        .to_owned();
    let path = if base.is_empty() { "/" } else { base };
    assert!(
        cookie.contains("; Secure") && cookie.contains(&format!("Path={path};")),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().expect("a pair");
    let change = |origin: &str| {
        browser
            .post(format!("{public}/api/v1/queues/default/pause"))
            .header(COOKIE, cookie)
            .header(ORIGIN, origin)
            .send()
    };
    assert_eq!(change(&origin).await.expect("an answer").status(), 200);
    assert_eq!(
        change("https://evil.example")
            .await
            .expect("an answer")
            .status(),
        403
    );
}

/// A stream of events gives each at once; nothing is held back on the way.
async fn follows(world: &World, nginx: &Nginx, base: &str) {
    let url = format!("{}/api/v1/events", nginx.url(base));
    let ask = browser(nginx).get(url).bearer_auth(&world.admin);
    let mut stream = ask.send().await.expect("a stream");
    world.client.resume_queue("default").await.expect("resumed");
    let mut seen = String::new();
    while !seen.contains("queue.resumed") {
        let piece = stream.chunk().await.expect("no error").expect("no end");
        seen.push_str(&String::from_utf8_lossy(&piece));
    }
}

/// A robot and a command: both are told an address with a path.
async fn connects(world: &World, nginx: &Nginx, base: &str) {
    let client = Client::new(&ClientOptions {
        url: format!("http://127.0.0.1:{}{base}", nginx.plain_port),
        key: Some(world.admin.clone()),
        ..ClientOptions::default()
    });
    let about = client.expect("a client").about().await.expect("an answer");
    assert_eq!(about.name, "baton");
    let robot = world.enrol("sap-1").await;
    let url = format!(
        "ws://127.0.0.1:{}{base}{}",
        nginx.plain_port,
        baton_api::robot::PATH
    );
    let mut request = url.into_client_request().expect("a URL");
    let key = format!("Bearer {}", robot.key).parse().expect("a header");
    request.headers_mut().insert("authorization", key);
    let (mut socket, _) = tokio_tungstenite::connect_async(request)
        .await
        .expect("connected");
    let hello = Message::text("{}");
    socket.send(hello).await.expect("said");
    // What is no word of the protocol is answered in the protocol: the frames go both ways.
    let heard = socket.next().await.expect("an answer").expect("no error");
    assert!(heard.to_string().contains("bad_message"), "{heard}");
}

#[tokio::test]
async fn a_named_host_may_sign_in_whatever_host_the_proxy_sends_and_a_refusal_says_what_to_add() {
    let world = World::configured(|config| config.allowed_hosts = vec![NAME.into()]).await;
    let port = world.server.addr.port();
    let ask = |host: String, origin: &'static str| {
        let body = serde_json::json!({ "key": world.admin });
        let request = world
            .http
            .post(format!("{}/api/v1/sessions", world.server.url));
        request
            .header("host", host)
            .header(ORIGIN, origin)
            .json(&body)
            .send()
    };
    for host in [
        NAME.to_owned(),
        format!("{NAME}:443"),
        format!("127.0.0.1:{port}"),
    ] {
        let answer = ask(host.clone(), "https://rpa.example")
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 201, "{host}");
        let cookie = answer.headers()[SET_COOKIE].to_str().expect("text");
        assert!(cookie.ends_with("; Secure"), "{host}: {cookie}");
    }
    let refused = ask("backend".into(), "https://rpa.example")
        .await
        .expect("an answer");
    assert_eq!(refused.status(), 421);
    let text = refused.text().await.expect("text");
    for word in [
        "unknown_host",
        "backend",
        NAME,
        "--allowed-host backend",
        "--public-url",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let refused = ask(NAME.into(), "https://evil.example")
        .await
        .expect("an answer");
    assert_eq!(refused.status(), 403);
    let text = refused.text().await.expect("text");
    for word in [
        "cross_origin",
        "evil.example",
        NAME,
        "--public-url https://evil.example",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[tokio::test]
async fn below_a_path_everything_answers_with_and_without_it() {
    let world = World::configured(|config| config.base_path = "/baton".into()).await;
    for base in ["/baton", ""] {
        let path = format!("{base}/api/v1/session");
        let answer = world.request(Method::GET, &path, &world.admin).send().await;
        assert_eq!(answer.expect("an answer").status(), 200, "{base}");
        let page = world.http.get(format!("{}{base}/runs/x", world.server.url));
        let page = page
            .header(ACCEPT, "text/html")
            .send()
            .await
            .expect("a page");
        assert!(page.text().await.expect("text").contains("\"/baton/a"));
    }
    let path = "/baton/api/v1/openapi.json";
    let answer = world.request(Method::GET, path, &world.admin).send().await;
    let document: serde_json::Value = answer.expect("an answer").json().await.expect("JSON");
    assert_eq!(document["servers"][0]["url"], "/baton");
}
