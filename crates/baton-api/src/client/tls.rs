//! Whom the client trusts: the system's authorities, those in one file, or exactly one certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;
use sha2::{Digest, Sha256};

use super::{ClientError, Result};

/// Whose certificate is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// One signed by an authority that this system trusts, for the host that was asked for.
    #[default]
    System,
    /// One signed by an authority in this PEM file and by no other, for the host that was asked for.
    Authority(PathBuf),
    /// The one with this SHA-256, whatever names and dates it bears.
    Fingerprint([u8; 32]),
    /// None: for plain HTTP, so that no machine needs a certificate store for it.
    Nobody,
}

impl Trust {
    /// Reads 64 hex digits; `sha256:` before them and colons between the bytes are allowed.
    pub fn fingerprint(text: &str) -> Result<Self> {
        parse_fingerprint(text).map(Self::Fingerprint)
    }

    /// The same trust for this URL: plain HTTP has no certificates.
    pub fn on(&self, url: &str) -> Self {
        if url.starts_with("https:") {
            self.clone()
        } else {
            Self::Nobody
        }
    }
}

/// Makes `ring` the process's cryptography, unless another was chosen before.
pub fn install_provider() {
    // An error only says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Whether this error says that the other side showed a certificate that is not trusted.
pub fn is_untrusted(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let tls = error.downcast_ref::<rustls::Error>().or_else(|| {
            // The source of an I/O error leaves out the very error that it wraps.
            let wrapped = error.downcast_ref::<std::io::Error>()?.get_ref()?;
            wrapped.downcast_ref::<rustls::Error>()
        });
        if let Some(tls) = tls {
            return matches!(
                tls,
                rustls::Error::InvalidCertificate(_) | rustls::Error::General(_)
            );
        }
        cause = error.source();
    }
    false
}

/// A TLS configuration for clients, for HTTP and WebSockets alike.
pub fn tls_config(trust: &Trust) -> Result<ClientConfig> {
    install_provider();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| ClientError::Options(format!("TLS cannot be set up: {e}")))?;
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Nobody => {
            return Ok(builder
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth());
        }
        Trust::System => Arc::new(Verifier::new(provider).map_err(|e| {
            ClientError::Options(format!(
                "this system's certificate authorities cannot be read ({e}); \
                 name the server's fingerprint instead"
            ))
        })?),
        Trust::Authority(file) => {
            let roots = Arc::new(authorities(file)?);
            WebPkiServerVerifier::builder_with_provider(roots, provider)
                .build()
                .map_err(|e| bad_authority(file, &e))?
        }
        Trust::Fingerprint(fingerprint) => Arc::new(Pinned {
            fingerprint: *fingerprint,
            provider,
        }),
    };
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

fn bad_authority(file: &Path, why: &dyn std::fmt::Display) -> ClientError {
    ClientError::Options(format!(
        "the authority file {} cannot be used: {why}; it holds certificates as PEM",
        file.display()
    ))
}

/// The authorities in a PEM file; at least one.
fn authorities(file: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::pem_file_iter(file).map_err(|e| bad_authority(file, &e))?;
    for certificate in read {
        let certificate = certificate.map_err(|e| bad_authority(file, &e))?;
        roots
            .add(certificate)
            .map_err(|e| bad_authority(file, &e))?;
    }
    if roots.is_empty() {
        return Err(bad_authority(file, &"there is no certificate in it"));
    }
    Ok(roots)
}

fn parse_fingerprint(text: &str) -> Result<[u8; 32]> {
    let bad = || {
        ClientError::Options(format!(
            "{text:?} is not a fingerprint: it has 64 hex digits, as the server printed it"
        ))
    };
    let digits: Vec<u8> = text
        .trim()
        .trim_start_matches("sha256:")
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()
        .ok_or_else(bad)?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect();
    if digits.len() != 64 {
        return Err(bad());
    }
    bytes.try_into().map_err(|_| bad())
}

/// Accepts exactly one certificate, whatever its names and dates say.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        if <[u8; 32]>::from(Sha256::digest(end_entity)) == self.fingerprint {
            Ok(ServerCertVerified::assertion())
        } else {
            let shown: String = Sha256::digest(end_entity)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            Err(rustls::Error::General(format!(
                "the server's certificate is not the one with the given fingerprint; its own is {shown}"
            )))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
