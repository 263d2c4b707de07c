//! A certificate and its key, by which nobody on the way reads along.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::crypto::ring::{default_provider, sign};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{
    CertificateError, Error, InconsistentKeys, RootCertStore, ServerConfig,
};

use crate::terminal::Line;

/// What to do about files that are none of these.
const PEM: &str = "hint: `--cert` names a PEM file with the certificate and those that lead to it, `--key` one with \
                   its private key";
/// What some programs write before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// TLS with a certificate and its key.
pub(super) fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(cert)?)
        .collect::<Result<_, _>>()
        .context(PEM)
        .with_context(|| format!("`{}` is no certificate", Line(cert.display())))?;
    if chain.is_empty() {
        bail!("`{}` has no certificate\n{PEM}", Line(cert.display()));
    }
    let secret = secret(key)?;
    check(&chain, &secret, cert, key)?;
    check_time(&chain[0], cert)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .with_context(|| pair(cert, key))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path)
        .context(PEM)
        .with_context(|| format!("cannot read `{}`", Line(path.display())))?;
    Ok(match bytes.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => rest.to_vec(),
        None => bytes,
    })
}

fn pair(cert: &Path, key: &Path) -> String {
    let (cert, key) = (Line(cert.display()), Line(key.display()));
    format!("`{cert}` cannot be used with `{key}`")
}

/// The private key in a file; one that needs a password is told from what is none.
fn secret(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let bytes = read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    if text.contains("ENCRYPTED") {
        bail!(
            "the private key in `{path}` is encrypted, and nobody is here to say its password\nhint: decrypt it to a file \
             that you alone may read: `openssl pkey -in {path} -out plain.pem`",
            path = Line(path.display())
        );
    }
    PrivateKeyDer::from_pem_slice(&bytes)
        .context(PEM)
        .with_context(|| format!("`{}` is no private key", Line(path.display())))
}

/// Refuses a key of a kind that cannot be used, and a certificate that is another's, or not the first of its file.
fn check(
    chain: &[CertificateDer<'static>],
    secret: &PrivateKeyDer<'static>,
    cert: &Path,
    key: &Path,
) -> Result<()> {
    let usable = sign::any_supported_type(secret).with_context(|| {
        format!(
            "the private key in `{}` is of a kind that cannot be used\nhint: have one of ECDSA P-256 or P-384, Ed25519, or \
             RSA of 2048 to 4096 bits",
            Line(key.display())
        )
    })?;
    let fits = |one: &CertificateDer<'static>| {
        CertifiedKey::new(vec![one.clone()], Arc::clone(&usable)).keys_match()
    };
    match fits(&chain[0]) {
        // A key that cannot tell its public half is taken at its word.
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
        Err(_) if chain[1..].iter().any(|one| fits(one).is_ok()) => bail!(
            "{}: the certificate of this key is not the first in its file\nhint: put it first, and after it those that lead \
             to it",
            pair(cert, key)
        ),
        Err(error) => Err(error)
            .context("hint: do certificate and key belong together?")
            .with_context(|| pair(cert, key)),
    }
}

/// Refuses a certificate that no browser takes today.
fn check_time(certificate: &CertificateDer<'_>, path: &Path) -> Result<()> {
    let parsed = ParsedCertificate::try_from(certificate)
        .context(PEM)
        .with_context(|| format!("`{}` is no certificate", Line(path.display())))?;
    let algorithms = default_provider().signature_verification_algorithms.all;
    // Nobody is trusted, so that it is never right; but what is wrong with its time is said first.
    let nobody = RootCertStore::empty();
    let now = UnixTime::now();
    let said = verify_server_cert_signed_by_trust_anchor(&parsed, &nobody, &[], now, algorithms);
    let what = match said {
        Err(Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => "has expired",
        Err(Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => "is not valid yet",
        _ => return Ok(()),
    };
    bail!(
        "the certificate in `{}` {what}: browsers would let nobody in\nhint: renew it; `openssl x509 -in FILE -noout -dates` \
         prints from when to when it is valid",
        Line(path.display())
    )
}
