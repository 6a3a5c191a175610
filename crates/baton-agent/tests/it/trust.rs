//! Servers behind TLS: one authority or one certificate is trusted, and every other is refused in clear words.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use baton_agent::Trust;
use baton_core::state::State;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

use crate::server::Server;
use crate::support::{Robot, eventually, shell};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("signed")
}

fn pem(authority: &Authority, folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, authority.pem()).expect("written");
    file
}

/// A server for this name whose certificate the authority signed; and that certificate.
async fn signed(authority: &Authority, name: &str) -> (Server, CertificateDer<'static>) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("signed");
    let certificate = certificate.der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("built in")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("they belong together");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    (Server::with_tls(Some(acceptor)).await, certificate)
}

/// Waits until a robot with this trust has said why it does not speak to the server.
async fn refused(server: &Server, trust: Trust, words: &[&str]) {
    let robot = Robot::with(server, |c| c.trust = trust).await;
    let log = robot.dir.path().join("agent.log");
    eventually("it says that it does not trust", || {
        std::fs::read_to_string(&log).is_ok_and(|l| {
            l.contains("[untrusted_certificate]") && words.iter().all(|w| l.contains(w))
        })
    })
    .await;
    assert!(!robot.handle.status().borrow().registered);
}

#[tokio::test]
async fn a_private_authority_is_trusted_and_another_of_the_same_name_is_not() {
    let dir = tempfile::tempdir().expect("folder");
    let (ours, theirs) = (authority("Private"), authority("Private"));
    let (mut server, _) = signed(&ours, "127.0.0.1").await;
    let wrong = Trust::Authority(pem(&theirs, dir.path(), "theirs.pem"));
    refused(&server, wrong, &[&server.url]).await;
    refused(&server, Trust::System, &["UnknownIssuer"]).await;

    let right = Trust::Authority(pem(&ours, dir.path(), "ours.pem"));
    let _robot = Robot::with(&server, |c| c.trust = right).await;
    let mut link = server.robot().await;
    assert_eq!(link.run(&shell(1, "echo hi")).await.state, State::Completed);
}

#[tokio::test]
async fn a_trusted_authority_does_not_vouch_for_another_name() {
    let dir = tempfile::tempdir().expect("folder");
    let ours = authority("Private");
    let (server, _) = signed(&ours, "somewhere.else").await;
    let trust = Trust::Authority(pem(&ours, dir.path(), "ours.pem"));
    refused(&server, trust, &["somewhere.else"]).await;
}

#[tokio::test]
async fn only_the_pinned_certificate_is_spoken_to_whatever_name_it_bears() {
    let (mut server, certificate) = signed(&authority("Any"), "somewhere.else").await;
    let digest: [u8; 32] = Sha256::digest(certificate.as_ref()).into();
    let own: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    refused(&server, Trust::Fingerprint([7; 32]), &["fingerprint", &own]).await;

    let right = Trust::fingerprint(&format!("sha256:{own}")).expect("read");
    let _robot = Robot::with(&server, |c| c.trust = right).await;
    let mut link = server.robot().await;
    assert_eq!(link.run(&shell(1, "echo hi")).await.state, State::Completed);
}
