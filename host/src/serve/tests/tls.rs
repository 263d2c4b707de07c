//! Certificates and keys, made for these tests and for nothing else: `own`, valid from 2020 to 2120, `old`, whose time is
//! over, and `early`, whose time is to come, are of one key, which is `locked` by a password as well; `large` is P-521.

use std::net::TcpStream;
use std::path::{Path, PathBuf};

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::super::tls::acceptor;
use super::*;

fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/serve/tests/pem")
        .join(name)
}

#[tokio::test]
async fn who_trusts_the_certificate_is_connected() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::thread::spawn(move || {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_file(pem("own.crt")).unwrap();
        roots.add(own).unwrap();
        let provider = tokio_rustls::rustls::crypto::ring::default_provider();
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        while client.is_handshaking() {
            client.complete_io(&mut stream).unwrap();
        }
    });
    let tls = acceptor(&pem("own.crt"), &pem("own.key")).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    assert!(tls.accept(stream).await.is_ok());
    client.join().unwrap();
}

#[test]
fn what_is_wrong_with_certificate_or_key_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, parts: &[&str]| {
        let texts = parts.iter().map(|part| match part.ends_with(".crt") {
            true => std::fs::read_to_string(pem(part)).unwrap(),
            false => (*part).to_owned(),
        });
        let path = folder.path().join(name);
        std::fs::write(&path, texts.collect::<String>()).unwrap();
        path
    };
    let said = |cert: &Path, key: &str| match acceptor(cert, &pem(key)) {
        Ok(_) => String::new(),
        Err(error) => format!("{error:#}"),
    };
    assert_eq!(
        said(&put("marked", &["\u{feff}", "own.crt"]), "own.key"),
        ""
    );
    assert_eq!(
        said(&put("chain", &["own.crt", "other.crt"]), "own.key"),
        ""
    );
    for (cert, key, parts) in [
        (pem("old.crt"), "own.key", ["has expired", "hint: renew it"]),
        (
            pem("early.crt"),
            "own.key",
            ["is not valid yet", "hint: renew it"],
        ),
        (
            pem("own.crt"),
            "locked.key",
            ["is encrypted", "openssl pkey -in"],
        ),
        (
            pem("large.crt"),
            "large.key",
            ["of a kind that cannot be used", "P-256"],
        ),
        (
            pem("other.crt"),
            "own.key",
            ["cannot be used with", "belong together?"],
        ),
        (
            put("turned", &["other.crt", "own.crt"]),
            "own.key",
            ["is not the first in its file", "put it first"],
        ),
        (
            put("none", &["nothing"]),
            "own.key",
            ["has no certificate", "hint: "],
        ),
        (pem("own.crt"), "own.crt", ["is no private key", "hint: "]),
    ] {
        let said = said(&cert, key);
        for part in parts {
            assert!(said.contains(part), "{}, {key}: {said}", cert.display());
        }
    }
}
