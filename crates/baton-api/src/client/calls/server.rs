//! Keys, figures and the server itself.

use baton_core::id::KeyId;
use reqwest::Method;

use super::super::{Client, Result};
use crate::rest::{
    About, AuditEntry, AuditQuery, Collection, CreateKey, CreatedKey, DashboardMetrics, Key,
    OutcomeQuery, Outcomes, PageQuery, SampleQuery, Samples, Session, SignInLink, StateCounts,
    Verification,
};

impl Client {
    /// All API keys and robot keys, newest first, page after page.
    pub async fn keys(&self) -> Result<Collection<Key>> {
        self.all(&["keys"], &PageQuery::default()).await
    }

    /// Makes a key; its secret is shown only now.
    pub async fn create_key(&self, body: &CreateKey) -> Result<CreatedKey> {
        self.call(Method::POST, &["keys"]).json(body).fetch().await
    }

    /// Takes a key back; it stops to work at once.
    pub async fn revoke_key(&self, id: KeyId) -> Result<()> {
        let id = id.to_string();
        self.call(Method::DELETE, &["keys", &id]).done().await
    }

    /// What was done, when and by whom, newest first.
    pub async fn audit(&self, query: &AuditQuery) -> Result<Collection<AuditEntry>> {
        self.call(Method::GET, &["audit"])
            .query(query)
            .fetch()
            .await
    }

    /// Who is calling.
    pub async fn session(&self) -> Result<Session> {
        self.call(Method::GET, &["session"]).fetch().await
    }

    /// Makes a link that signs one browser in, once.
    pub async fn create_sign_in_link(&self) -> Result<SignInLink> {
        self.call(Method::POST, &["sign-in-links"]).fetch().await
    }

    /// The ten figures of the dashboard.
    pub async fn dashboard_metrics(&self) -> Result<DashboardMetrics> {
        self.call(Method::GET, &["metrics", "dashboard"])
            .fetch()
            .await
    }

    /// How many runs are in each state.
    pub async fn state_counts(&self) -> Result<StateCounts> {
        self.call(Method::GET, &["metrics", "states"]).fetch().await
    }

    /// Samples of one metric over time.
    pub async fn samples(&self, query: &SampleQuery) -> Result<Samples> {
        self.call(Method::GET, &["metrics", "samples"])
            .query(query)
            .fetch()
            .await
    }

    /// How runs ended over time.
    pub async fn outcomes(&self, query: &OutcomeQuery) -> Result<Outcomes> {
        self.call(Method::GET, &["metrics", "outcomes"])
            .query(query)
            .fetch()
            .await
    }

    /// Whether anything answers there at all. Asked once, without a key, and never again by itself.
    pub async fn is_there(&self) -> bool {
        let url = self.url_of(&["server", "about"]);
        self.http.get(url).send().await.is_ok()
    }

    /// What the server is.
    pub async fn about(&self) -> Result<About> {
        self.call(Method::GET, &["server", "about"]).fetch().await
    }

    /// Checks the invariants over everything stored.
    pub async fn verify(&self) -> Result<Verification> {
        self.call(Method::POST, &["server", "verify"])
            .asking()
            .idempotent(None)
            .fetch()
            .await
    }
}
