//! A service with TLS: its settings, its redirecting port, and the replacement of its certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use evenkeel::Failed;
use evenkeel::prelude::*;
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes a new certificate for `localhost` and its key.
    fn write(&self, folder: &Path) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        std::fs::write(folder.join("tls.crt"), certificate.pem()).unwrap();
        std::fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
        certificate.der().clone()
    }

    /// The answer to GET over TLS, and the certificate that the server has shown.
    async fn get(&self, address: SocketAddr, path: &str) -> (String, CertificateDer<'static>) {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(builder.with_root_certificates(roots).with_no_client_auth());
        let socket = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(config).connect(name, socket).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
        (String::from_utf8(answer).unwrap(), shown)
    }
}

async fn plain(address: SocketAddr, method: &str) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} /hello HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

fn service() -> Service {
    Service::new(build_info!()).routes(|_context| Router::new().route("/hello", get(async || "hello")))
}

fn arguments(folder: &Path, more: &[&str]) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    let own = [
        "--host=127.0.0.1".to_owned(),
        "--port=0".to_owned(),
        "--admin-addr=127.0.0.1:0".to_owned(),
        "--tls-reload=100ms".to_owned(),
        format!("--tls-certificate={}", file("tls.crt")),
        format!("--tls-key={}", file("tls.key")),
    ];
    own.into_iter().chain(more.iter().map(|argument| (*argument).to_owned())).collect()
}

#[tokio::test]
async fn a_replaced_certificate_is_used_without_a_restart_and_the_plain_port_only_redirects() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let first = authority.write(folder.path());
    let redirect = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let redirects = format!("--redirect-listen={redirect}");
    let running = service().start(arguments(folder.path(), &[&redirects])).await.unwrap();
    running.ready().await.unwrap();
    let (answer, shown) = authority.get(running.public(), "/hello").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("strict-transport-security: "), "{answer}");
    assert_eq!(shown, first);

    let second = authority.write(folder.path());
    let replaced = async { while authority.get(running.public(), "/hello").await.1 != second {} };
    tokio::time::timeout(Duration::from_secs(30), replaced).await.expect("the new certificate is used");

    let answer = plain(redirect, "GET").await;
    assert!(
        answer.starts_with("HTTP/1.1 308") && answer.contains("location: https://shop.example/hello\r\n"),
        "{answer}"
    );
    assert!(plain(redirect, "POST").await.starts_with("HTTP/1.1 403"));
    running.stop().await.unwrap();
    assert!(TcpStream::connect(redirect).await.is_err(), "the plain port is closed with the service");
}

#[tokio::test]
async fn a_service_with_a_certificate_that_cannot_be_used_does_not_start() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let failed = service().start(arguments(folder.path(), &[])).await.expect_err("there are no files");
    assert!(failed.to_string().contains("tls.crt"), "{failed}");
    authority.write(folder.path());
    std::fs::write(folder.path().join("tls.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let failed = service().start(arguments(folder.path(), &[])).await.expect_err("the key is another one");
    assert!(matches!(failed, Failed::Tls(_)) && failed.to_string().contains("does not belong"), "{failed}");
    let alone = service().start(["--tls-key=x"]).await.expect_err("the certificate is not set");
    assert!(alone.to_string().contains("TLS_CERTIFICATE"), "{alone}");
}
