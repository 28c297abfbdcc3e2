//! TLS is always verified: whom the authorities do not know, or know by another name, is not called.

use std::sync::Arc;

use evenkeel_client::{Bounds, Client, Error};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use url::Url;

/// An authority of its own, as PEM, and a server that it knows as `name`.
struct Server {
    url: Url,
    authority: String,
    _ends_with_it: JoinSet<()>,
}

async fn server(name: &str) -> Server {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port()).parse().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A caller that does not like the certificate goes away in the handshake.
            let Ok(mut socket) = acceptor.accept(socket).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(socket.read_u8().await.unwrap());
            }
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret").await.unwrap();
            socket.shutdown().await.unwrap();
        }
    });
    Server { url, authority: authority.pem(), _ends_with_it: tasks }
}

#[tokio::test]
async fn who_is_known_to_the_authority_by_the_name_called_is_called() {
    let server = server("localhost").await;
    let client = Client::trusting(Bounds::default(), server.authority.as_bytes()).unwrap();
    assert_eq!(&client.get(&server.url).send().await.unwrap().body[..], b"secret");
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_a_connect_error_that_says_so() {
    let server = server("localhost").await;
    let error = Client::new(Bounds::default()).get(&server.url).send().await.unwrap_err();
    assert!(matches!(&error, Error::Connect { .. }) && error.to_string().contains("UnknownIssuer"), "{error}");
}

#[tokio::test]
async fn another_name_than_the_one_called_is_a_connect_error_that_says_so() {
    let server = server("somebody-else").await;
    let client = Client::trusting(Bounds::default(), server.authority.as_bytes()).unwrap();
    let error = client.get(&server.url).send().await.unwrap_err();
    assert!(matches!(&error, Error::Connect { .. }) && error.to_string().contains("not valid for name"), "{error}");
}

#[test]
fn nonsense_to_trust_is_told() {
    let trust = |pem: &[u8]| Client::trusting(Bounds::default(), pem).unwrap_err();
    assert!(trust(b"").contains("BEGIN CERTIFICATE"));
    assert!(trust(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").contains("no authority"));
}
