//! Whom the agent believes to be its server: the system's authorities, one authority, or one certificate.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};

/// Whom to trust on `https`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that this machine trusts.
    #[default]
    System,
    /// Only certificates of the authorities in this PEM file.
    Authority(PathBuf),
    /// Only the certificate with this SHA-256, whatever name and date it bears.
    Fingerprint([u8; 32]),
}

impl Trust {
    /// Reads `sha256:HEX`; colons between the bytes are fine.
    pub fn fingerprint(text: &str) -> Result<Self> {
        let hex = text
            .strip_prefix("sha256:")
            .context("a fingerprint begins with `sha256:`")?;
        let hex: String = hex.chars().filter(|c| *c != ':').collect();
        if hex.len() != 64 || !hex.is_ascii() {
            bail!("a SHA-256 fingerprint has 64 hex digits, not {}", hex.len());
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).context("hex digits are ASCII")?;
            *byte = u8::from_str_radix(pair, 16).with_context(|| format!("{pair:?} is not hex"))?;
        }
        Ok(Self::Fingerprint(digest))
    }
}

/// The client's side of TLS under this trust.
pub(crate) fn client(trust: &Trust) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .context("TLS 1.2 and 1.3 are built in")?;
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::System => Arc::new(
            rustls_platform_verifier::Verifier::new(provider)
                .context("this machine's trusted authorities cannot be read")?,
        ),
        Trust::Authority(file) => {
            let mut roots = RootCertStore::empty();
            let shown = || format!("authority file {}", file.display());
            for certificate in CertificateDer::pem_file_iter(file).with_context(shown)? {
                roots
                    .add(certificate.with_context(shown)?)
                    .with_context(shown)?;
            }
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .with_context(shown)?
        }
        Trust::Fingerprint(digest) => Arc::new(Pinned {
            digest: *digest,
            provider,
        }),
    };
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Believes one certificate only. Its holder still has to prove that it has the key.
#[derive(Debug)]
struct Pinned {
    digest: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if Sha256::digest(end_entity.as_ref()).as_slice() == self.digest.as_slice() {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_with_and_without_colons() {
        let hex = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        let plain = Trust::fingerprint(&format!("sha256:{hex}")).expect("read");
        assert_eq!(plain, Trust::Fingerprint([0xab; 32]));
        assert_eq!(
            Trust::fingerprint(&format!("sha256:{colons}")).expect("read"),
            plain
        );
        for bad in [
            "ab",
            "sha256:ab",
            "sha1:ab",
            &format!("sha256:{}", "zz".repeat(32)),
        ] {
            assert!(Trust::fingerprint(bad).is_err(), "{bad}");
        }
    }
}
