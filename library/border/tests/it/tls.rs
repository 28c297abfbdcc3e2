//! TLS of a listener: versions, replaced and refused certificates, client certificates, and the plain port beside it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use evenkeel_border::{Border, ClientCertificate, Limits, Listener, Reloaded, Tls, TlsFiles, redirect_to_https};
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use supervision::StopSource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vitals::Registry;

use crate::server::{SOON, close, exchange, status};

/// An authority, whose certificates are for `localhost`.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate and its key, in PEM.
    fn issue(&self, change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        change(&mut parameters);
        (parameters.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// A client that trusts this authority, with a certificate in PEM or without one.
    fn client(&self, own: Option<&(String, String)>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap(),
        }
    }
}

/// A listener of TLS, and its files.
struct Server {
    address: SocketAddr,
    tls: Tls,
    folder: tempfile::TempDir,
    registry: Registry,
    stop: StopSource,
}

impl Server {
    async fn start(pair: &(String, String), clients: Option<&Authority>, limits: Limits, routes: Router) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path(), clients.is_some());
        write(folder.path(), pair);
        if let Some(authority) = clients {
            std::fs::write(folder.path().join("clients.crt"), authority.0.pem()).unwrap();
        }
        let registry = Registry::new();
        let tls = Tls::open("public", files, &registry).unwrap();
        let border = Border::new("public", limits, &registry);
        let routes = border.around(routes);
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), border).await.unwrap().secured_by(tls.clone());
        let (address, stop) = (listener.address(), StopSource::new());
        let stopped = stop.listen();
        tokio::spawn(async move { listener.serve(routes, stopped, SOON).await });
        Self { address, tls, folder, registry, stop }
    }

    fn metrics(&self) -> String {
        telemetry::prometheus::text(&self.registry.snapshot())
    }

    fn metric(&self, name: &str) -> u64 {
        let text = self.metrics();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64
    }
}

fn files(folder: &Path, clients: bool) -> TlsFiles {
    let file = |name: &str| -> PathBuf { folder.join(name) };
    TlsFiles {
        certificate: file("tls.crt"),
        key: file("tls.key"),
        client_authorities: clients.then(|| file("clients.crt")),
    }
}

fn write(folder: &Path, (certificate, key): &(String, String)) {
    std::fs::write(folder.join("tls.crt"), certificate).unwrap();
    std::fs::write(folder.join("tls.key"), key).unwrap();
}

async fn connect(address: SocketAddr, config: ClientConfig) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), socket).await
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

async fn ask(stream: &mut TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn hello() -> Router {
    Router::new().route("/hello", get(async || "hello"))
}

#[tokio::test]
async fn both_versions_are_served_with_hsts_on_errors_too() {
    let authority = Authority::new();
    let server = Server::start(&authority.issue(|_| {}), None, Limits::default(), hello()).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut roots = RootCertStore::empty();
        roots.add(authority.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        for (path, expected) in [("/hello", 200), ("/nowhere", 404)] {
            let mut stream = connect(server.address, config.clone()).await.unwrap();
            let answer = ask(&mut stream, &close("GET", path)).await;
            assert_eq!(status(&answer), expected, "{answer}");
            assert!(answer.contains("strict-transport-security: max-age=63072000\r\n"), "{answer}");
        }
    }
    assert_eq!(server.metric("tls_handshakes_total"), 4);
}

#[tokio::test]
async fn a_client_chooses_http2_by_alpn_and_one_that_offers_another_protocol_is_refused() {
    let authority = Authority::new();
    let server = Server::start(&authority.issue(|_| {}), None, Limits::default(), hello()).await;
    let offers = |protocols: &[&str]| {
        let mut config = authority.client(None);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config
    };
    let stream = connect(server.address, offers(&["http/1.1", "h2"])).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert!(connect(server.address, offers(&["ftp"])).await.is_err());
    let (mut requests, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::get("https://localhost/hello").body(()).unwrap();
    let answer = requests.send_request(request, true).unwrap().0.await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("strict-transport-security"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_replaced_a_hundred_times_under_load_fails_no_handshake_and_drops_no_connection() {
    let authority = Arc::new(Authority::new());
    let server = Server::start(&authority.issue(|_| {}), None, Limits::default(), hello()).await;
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (config, stop, asked) = (authority.client(None), stop.clone(), asked.clone());
            let address = server.address;
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let mut stream = connect(address, config.clone()).await.expect("a handshake");
                    let answer = ask(&mut stream, &close("GET", "/hello")).await;
                    assert_eq!(status(&answer), 200, "{answer}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut kept = connect(server.address, authority.client(None)).await.unwrap();
    let first = shown(&kept);
    for _ in 0..100 {
        let pair = authority.issue(|_| {});
        write(server.folder.path(), &pair);
        assert!(matches!(server.tls.reload(), Reloaded::Replaced));
        let stream = connect(server.address, authority.client(None)).await.unwrap();
        assert_eq!(shown(&stream), CertificateDer::from_pem_slice(pair.0.as_bytes()).unwrap(), "the new one is shown");
        kept.write_all(b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"hello") {
            assert!(kept.read_buf(&mut answer).await.unwrap() > 0, "the old connection is kept");
        }
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert!(asked.load(Ordering::Relaxed) > 0, "the load ran");
    assert_eq!(shown(&kept), first);
    assert_eq!(server.metric("tls_certificates_replaced_total"), 100);
    assert_eq!(server.metric("tls_handshakes_failed_total"), 0);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_refused_and_the_old_one_stays() {
    let authority = Authority::new();
    let good = authority.issue(|_| {});
    let server = Server::start(&good, None, Limits::default(), hello()).await;
    let year = |year: i32| rcgen::date_time_ymd(year, 1, 1);
    let other = authority.issue(|_| {});
    let half = &other.0[..other.0.len() / 2];
    let cases = [
        ("does not belong", (other.0.clone(), good.1.clone())),
        ("expired", authority.issue(|own| own.not_after = year(2001))),
        ("is valid from", authority.issue(|own| own.not_before = year(3000))),
        ("certificate", (half.to_owned(), other.1.clone())),
        ("holds no certificate", (String::new(), other.1.clone())),
        ("holds no private key", (other.0.clone(), String::new())),
        ("malformed", ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into(), other.1.clone())),
    ];
    for (number, (words, pair)) in cases.iter().enumerate() {
        write(server.folder.path(), pair);
        for _ in 0..2 {
            let Reloaded::Refused(error) = server.tls.reload() else { panic!("{words} was taken") };
            assert!(error.to_string().contains(words), "{error} should say {words:?}");
        }
        assert_eq!(server.metric("tls_certificates_refused_total"), number as u64 + 1, "each is counted once");
        let stream = connect(server.address, authority.client(None)).await.unwrap();
        assert_eq!(shown(&stream), CertificateDer::from_pem_slice(good.0.as_bytes()).unwrap(), "{words}");
        assert!(server.metrics().contains(r#"certificate="refused"} 1"#), "{}", server.metrics());
    }
    std::fs::remove_file(server.folder.path().join("tls.crt")).unwrap();
    assert!(matches!(server.tls.reload(), Reloaded::Refused(_)));
    write(server.folder.path(), &good);
    assert!(matches!(server.tls.reload(), Reloaded::Unchanged));
    assert!(server.metrics().contains(r#"certificate="valid"} 1"#), "{}", server.metrics());
    assert_eq!(server.metric("tls_certificates_replaced_total"), 0);
}

#[tokio::test]
async fn the_files_of_a_start_are_checked() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let open = |clients| Tls::open("public", files(folder.path(), clients), &Registry::new());
    assert!(open(false).unwrap_err().to_string().contains("cannot read"));
    let (one, other) = (authority.issue(|_| {}), authority.issue(|_| {}));
    write(folder.path(), &(one.0.clone(), other.1));
    assert!(open(false).unwrap_err().to_string().contains("does not belong"));
    write(folder.path(), &one);
    assert!(open(false).is_ok());
    assert!(open(true).unwrap_err().to_string().contains("clients.crt"));
}

#[tokio::test]
async fn a_client_without_a_certificate_of_the_authority_is_refused_and_the_names_of_others_are_known() {
    let (servers, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let routes =
        Router::new().route("/", get(async |Extension(own): Extension<ClientCertificate>| own.names.join(" ")));
    let server = Server::start(&servers.issue(|_| {}), Some(&clients), Limits::default(), routes).await;
    let named = |authority: &Authority| {
        authority.issue(|own| {
            own.subject_alt_names.push(SanType::URI("spiffe://shop/till".try_into().unwrap()));
        })
    };
    let mut stream = connect(server.address, servers.client(Some(&named(&clients)))).await.unwrap();
    let answer = ask(&mut stream, &close("GET", "/")).await;
    assert!(answer.ends_with("localhost spiffe://shop/till"), "{answer}");
    for config in [servers.client(None), servers.client(Some(&named(&strangers)))] {
        // In TLS 1.3 the client learns of it after its own handshake.
        let refused = match connect(server.address, config).await {
            Err(_) => true,
            Ok(mut stream) => ask(&mut stream, &close("GET", "/")).await.is_empty(),
        };
        assert!(refused);
    }
    assert_eq!((server.metric("tls_handshakes_total"), server.metric("tls_handshakes_failed_total")), (1, 2));
}

#[tokio::test]
async fn a_handshake_that_stalls_is_closed_and_does_not_keep_others_out() {
    let authority = Authority::new();
    let limits = Limits::default().with(|limits| limits.head_timeout = Duration::from_millis(300));
    let server = Server::start(&authority.issue(|_| {}), None, limits, hello()).await;
    let mut stalled = TcpStream::connect(server.address).await.unwrap();
    stalled.write_all(&[22, 3, 1]).await.unwrap();
    let mut sink = Vec::new();
    let closed = tokio::time::timeout(SOON, stalled.read_to_end(&mut sink)).await;
    assert!(closed.is_ok(), "the stalled handshake is closed");
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    plain.write_all(close("GET", "/hello").as_bytes()).await.unwrap();
    let _ = plain.read_to_end(&mut sink).await;
    assert!(!String::from_utf8_lossy(&sink).contains("HTTP/1.1"), "plain HTTP has no answer");
    let mut stream = connect(server.address, authority.client(None)).await.unwrap();
    assert_eq!(status(&ask(&mut stream, &close("GET", "/hello")).await), 200);
    assert_eq!(server.metric("tls_handshakes_failed_total"), 2);
}

#[tokio::test]
async fn more_handshakes_than_half_of_the_connections_are_closed_at_once() {
    let authority = Authority::new();
    let limits = Limits::default().with(|limits| limits.connections = 4);
    let server = Server::start(&authority.issue(|_| {}), None, limits, hello()).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(TcpStream::connect(server.address).await.unwrap());
    }
    let begun = async {
        while server.metric("tls_handshakes_in_progress") != 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, begun).await.unwrap();
    assert!(connect(server.address, authority.client(None)).await.is_err());
    assert_eq!(server.metric("tls_handshakes_refused_total"), 1);
    drop(held);
    let served = async { while connect(server.address, authority.client(None)).await.is_err() {} };
    tokio::time::timeout(SOON, served).await.unwrap();
}

#[tokio::test]
async fn a_stop_ends_stalled_handshakes_and_does_not_wait_for_them() {
    let authority = Authority::new();
    let limits = Limits::default().with(|limits| limits.head_timeout = Duration::from_secs(3600));
    let server = Server::start(&authority.issue(|_| {}), None, limits, hello()).await;
    let mut stalled = TcpStream::connect(server.address).await.unwrap();
    let begun = async {
        while server.metric("tls_handshakes_in_progress") != 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, begun).await.unwrap();
    server.stop.request();
    let mut sink = Vec::new();
    assert!(tokio::time::timeout(SOON, stalled.read_to_end(&mut sink)).await.is_ok());
}

#[tokio::test]
async fn the_plain_port_redirects_what_has_no_body_and_refuses_the_rest() {
    let routes = redirect_to_https(8443);
    let server = crate::server::server(Limits::default(), routes).await;
    for method in ["GET", "HEAD"] {
        let answer = exchange(server.address, close(method, "/a?b=c").replace("host: x", "host: x:80")).await;
        assert_eq!(status(&answer), 308, "{answer}");
        assert!(answer.contains("location: https://x/a?b=c\r\n"), "{answer}");
        assert!(!answer.contains("strict-transport-security"), "{answer}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        assert_eq!(status(&exchange(server.address, close(method, "/a")).await), 403, "{method}");
    }
}
