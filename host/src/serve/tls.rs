//! A certificate and its key, by which nobody on the way reads along.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::terminal::Line;

/// What to do about files that are none of these.
const PEM: &str = "hint: `--cert` names a PEM file with the certificate and those that lead to it, `--key` one with \
                   its private key";

/// TLS with a certificate and its key.
pub(super) fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor> {
    let read = |path: &Path| {
        std::fs::read(path)
            .context(PEM)
            .with_context(|| format!("cannot read `{}`", Line(path.display())))
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(cert)?)
        .collect::<Result<_, _>>()
        .context(PEM)
        .with_context(|| format!("`{}` is no certificate", Line(cert.display())))?;
    if chain.is_empty() {
        bail!("`{}` has no certificate\n{PEM}", Line(cert.display()));
    }
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?)
        .context(PEM)
        .with_context(|| format!("`{}` is no private key", Line(key.display())))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .context("hint: do certificate and key belong together?")
        .with_context(|| {
            let (cert, key) = (Line(cert.display()), Line(key.display()));
            format!("`{cert}` cannot be used with `{key}`")
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
