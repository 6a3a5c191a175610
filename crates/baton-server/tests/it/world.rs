//! A server to talk to, and keys of every role.

use std::sync::Arc;

use baton_api::client::{Client, ClientOptions};
use baton_api::rest::{
    CreateEnrolment, CreateKey, DeployRequest, EnrolRequest, Enrolled, ReportStart,
};
use baton_core::access::Role;
use baton_core::flow::Entry;
use baton_server::auth::ensure_admin_key;
use baton_server::clock::{Clock, SystemClock};
use baton_server::config::Config;
use baton_server::{ServerHandle, start};
use baton_store::Store;
use baton_store::memory::MemoryStore;
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// A running server and the key to all of it.
pub(crate) struct World {
    pub(crate) server: ServerHandle,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) admin: String,
    pub(crate) client: Client,
    pub(crate) http: reqwest::Client,
    _data: tempfile::TempDir,
}

impl World {
    /// A server on an empty store.
    pub(crate) async fn new() -> Self {
        Self::on(Arc::new(MemoryStore::new())).await
    }

    /// A server on this store.
    pub(crate) async fn on(store: Arc<dyn Store>) -> Self {
        Self::with(store, |_| {}).await
    }

    /// A server on an empty store that is told something.
    pub(crate) async fn configured(change: impl FnOnce(&mut Config)) -> Self {
        Self::with(Arc::new(MemoryStore::new()), change).await
    }

    async fn with(store: Arc<dyn Store>, change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(SystemClock);
        let admin = ensure_admin_key(&*store, data.path(), clock.now())
            .await
            .expect("an admin key")
            .key;
        let mut config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data: data.path().to_owned(),
            ..Config::default()
        };
        change(&mut config);
        let server = start(config, Arc::clone(&store), clock)
            .await
            .expect("a server");
        baton_api::client::install_provider();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(
                baton_api::client::tls_config(&baton_api::client::Trust::Nobody).expect("TLS"),
            )
            .no_proxy()
            .build()
            .expect("a client");
        let client = client(&server.url, &admin);
        Self {
            server,
            store,
            admin,
            client,
            http,
            _data: data,
        }
    }

    /// A key of this role; a robot's by enrolment.
    pub(crate) async fn key(&self, role: Role) -> String {
        if role == Role::Robot {
            return self.enrol("sap-1").await.key;
        }
        let ask = CreateKey {
            name: role.as_str().into(),
            role,
            expires_in_seconds: None,
        };
        self.client.create_key(&ask).await.expect("a key").secret
    }

    /// A robot with its key.
    pub(crate) async fn enrol(&self, name: &str) -> Enrolled {
        let ask = CreateEnrolment::default();
        let token = self
            .client
            .create_enrolment(&ask)
            .await
            .expect("a token")
            .token;
        let ask = EnrolRequest {
            token,
            name: name.into(),
            computer: "CDAPXXX03".into(),
        };
        self.client.enrol_robot(&ask).await.expect("a robot")
    }

    /// A request with a key, without the client's manners.
    pub(crate) fn request(&self, method: Method, path: &str, key: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.server.url))
            .bearer_auth(key)
    }

    /// Sends a request with the admin key and a JSON text; answers status and body.
    pub(crate) async fn send(&self, method: Method, path: &str, body: &str) -> (StatusCode, Value) {
        let response = self
            .request(method.clone(), path, &self.admin)
            .header("content-type", "application/json")
            .body(body.to_owned())
            .send()
            .await
            .expect("an answer");
        let status = response.status();
        assert!(
            !status.is_success() || is_documented(&method, path, status),
            "{method} {path} answers {status}, and the OpenAPI document does not say so"
        );
        answer(response).await
    }

    /// Deploys a command flow with one deployment `default`.
    pub(crate) async fn deploy(&self, flow: &str) -> baton_api::rest::DeployResponse {
        self.client
            .deploy(&deploy_request(flow))
            .await
            .expect("deployed")
    }
}

/// Whether the OpenAPI document says that this can be answered so.
fn is_documented(method: &Method, path: &str, status: StatusCode) -> bool {
    let document = serde_json::to_value(baton_server::http::openapi()).expect("JSON");
    let path = path.split('?').next().unwrap_or(path);
    let paths = document["paths"].as_object().expect("paths");
    let mut known = paths.iter().filter(|(template, _)| {
        let parts = template.split('/').zip(path.split('/'));
        template.split('/').count() == path.split('/').count()
            && parts
                .into_iter()
                .all(|(known, said)| known == said || known.starts_with('{'))
    });
    // Two may fit, as `/runs/batch` and `/runs/{run}`; one of them answered.
    known.any(|(_, item)| {
        let responses = &item[method.as_str().to_lowercase()]["responses"];
        responses.get(status.as_str()).is_some()
    })
}

/// A client of this server with this key.
pub(crate) fn client(url: &str, key: &str) -> Client {
    Client::new(&ClientOptions {
        url: url.to_owned(),
        key: Some(key.to_owned()),
        ..ClientOptions::default()
    })
    .expect("options")
}

/// What begins a run of this flow by hand, on a computer that is not named.
pub(crate) fn report_start(flow: &str) -> ReportStart {
    ReportStart {
        flow: flow.into(),
        computer: None,
        parameters: Default::default(),
        tags: Default::default(),
        started_at: None,
        report_every_seconds: None,
        idempotency_key: None,
    }
}

/// What deploys a command flow.
pub(crate) fn deploy_request(flow: &str) -> DeployRequest {
    DeployRequest {
        flow: flow.into(),
        description: None,
        folder: None,
        flow_tags: None,
        package: None,
        entry: Entry::Command {
            argv: vec!["true".into()],
            env: Default::default(),
            workdir: String::new(),
            python: None,
        },
        parameter_schema: serde_json::json!({
            "type": "object",
            "properties": {"month": {"type": "integer", "minimum": 1, "maximum": 12, "default": 1}},
            "additionalProperties": false,
        }),
        source: Default::default(),
        replace: false,
        deployment: "default".into(),
        settings: Default::default(),
        schedule: None,
        schedules: Vec::new(),
    }
}

/// Status and JSON body of an answer.
pub(crate) async fn answer(response: reqwest::Response) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = response.bytes().await.expect("a body");
    (
        status,
        serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    )
}
