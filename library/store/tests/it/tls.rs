//! TLS to a real PostgreSQL with a certificate of an authority of its own.

use std::net::{IpAddr, UdpSocket};

use evenkeel_store::testing::PrivatePostgres;
use evenkeel_store::{Options, Store, StoreError, StoreUrl, args};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};

struct Server {
    postgres: PrivatePostgres,
    /// The path of the authority's certificate.
    authority: String,
    _folder: tempfile::TempDir,
}

/// A server whose certificate is for `name`.
fn server(name: &str) -> Server {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let postgres = PrivatePostgres::start_with_tls(&certificate.pem(), &key.serialize_pem());
    Server { postgres, authority: file.display().to_string(), _folder: folder }
}

impl Server {
    fn url(&self, host: &str, parameters: &str) -> StoreUrl {
        let authority = self.authority.replace('/', "%2F");
        let parameters = parameters.replace("AUTHORITY", &authority);
        format!("postgres://test@{host}:{}/ledger?{parameters}", self.postgres.port()).parse().unwrap()
    }

    /// Opens the store and asks the server whether the connection is encrypted.
    async fn is_encrypted(&self, host: &str, parameters: &str) -> Result<bool, StoreError> {
        is_encrypted(&self.url(host, parameters)).await
    }
}

async fn is_encrypted(url: &StoreUrl) -> Result<bool, StoreError> {
    let store = Store::open(url, Options::default()).await?;
    let asked = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    store.read(|tx| Box::pin(async move { tx.fetch_one(asked, args![]).await?.at(0) })).await
}

/// An address of this host that is not loopback, when it has one. Nothing is sent.
fn beyond_loopback() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

#[tokio::test]
async fn a_certificate_of_the_authority_for_the_host_is_accepted() {
    let server = server("localhost");
    assert!(server.is_encrypted("localhost", "sslmode=verify-full&sslrootcert=AUTHORITY").await.unwrap());
    assert!(server.is_encrypted("127.0.0.1", "sslmode=verify-ca&sslrootcert=AUTHORITY").await.unwrap());
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let server = server("elsewhere.example");
    let refused = server.is_encrypted("localhost", "sslmode=verify-full&sslrootcert=AUTHORITY").await;
    let error = refused.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().to_lowercase().contains("certificate"), "{error}");
    assert!(server.is_encrypted("localhost", "sslmode=verify-ca&sslrootcert=AUTHORITY").await.unwrap());
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let (server, other) = (server("localhost"), server("localhost"));
    let others = other.authority.replace('/', "%2F");
    for parameters in ["sslmode=verify-full".to_owned(), format!("sslmode=verify-full&sslrootcert={others}")] {
        let error = server.is_encrypted("localhost", &parameters).await.unwrap_err();
        assert!(error.to_string().to_lowercase().contains("certificate"), "{parameters}: {error}");
    }
}

#[tokio::test]
async fn a_required_encryption_asks_for_no_certificate() {
    assert!(server("elsewhere.example").is_encrypted("localhost", "sslmode=require").await.unwrap());
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let postgres = PrivatePostgres::start();
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = format!("{}&sslmode={mode}", postgres.url_text()).parse().unwrap();
        let error = is_encrypted(&url).await.unwrap_err().to_string();
        assert!(error.contains("server does not support TLS"), "{mode}: {error}");
    }
    let url = format!("{}&sslmode=prefer", postgres.url_text()).parse().unwrap();
    assert!(!is_encrypted(&url).await.unwrap(), "a socket of this host");
}

#[tokio::test]
async fn beyond_loopback_a_certificate_is_asked_for_by_default_and_plaintext_needs_a_reason() {
    let Some(address) = beyond_loopback() else {
        eprintln!("this host has no address beyond loopback: nothing was examined");
        return;
    };
    let (server, address) = (server("localhost"), address.to_string());
    let error = server.is_encrypted(&address, "").await.unwrap_err().to_string();
    assert!(error.to_lowercase().contains("certificate"), "verify-full is the default: {error}");
    for mode in ["disable", "prefer", "allow"] {
        let url = server.url(&address, &format!("sslmode={mode}"));
        let error = is_encrypted(&url).await.unwrap_err();
        assert!(matches!(error, StoreError::Url { .. }) && error.to_string().contains("allow_plaintext"), "{error:?}");
    }
    let plain = server.url(&address, "sslmode=disable").allow_plaintext("a network of our own");
    assert!(!is_encrypted(&plain).await.unwrap());
    assert!(server.is_encrypted(&address, "sslmode=require").await.unwrap());
}
