//! TLS is always verified: a server whose certificate no trusted authority signed, or that has another name, is not called.

use evenkeel_client::{Client, ClientBuilder, Declaration, Endpoints, Error, Response, Tls, TlsError};
use http::Version;
use url::Url;

use crate::server::{Authority, Server, serve, whole};

/// A server that its authority certifies as `name`.
async fn server(authority: &Authority, name: &str, clients: Option<&Authority>) -> (Url, Server) {
    let tls = authority.server(name, &["h2", "http/1.1"], clients);
    let server = serve("127.0.0.1:0", Some(tls), async |request| {
        let version = if request.version() == Version::HTTP_2 { "2" } else { "1.1" };
        http::Response::new(whole(version))
    });
    let server = server.await;
    (format!("https://localhost:{}/", server.address.port()).parse().unwrap(), server)
}

async fn ask(client: ClientBuilder, url: &Url) -> Result<Response, Error> {
    client.build().get(url).repeatable(false).send().await
}

#[tokio::test]
async fn a_private_authority_is_trusted_where_it_is_given_and_http2_is_agreed_on() {
    let authority = Authority::new();
    let (url, _server) = server(&authority, "localhost", None).await;
    let pem = authority.pem();
    for tls in [Tls::trusting_only(pem.as_bytes()).unwrap(), Tls::default().and_trusting(pem.as_bytes()).unwrap()] {
        assert_eq!(&ask(Client::builder().tls(tls), &url).await.unwrap().body[..], b"2");
    }
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_a_connect_error_that_says_so() {
    let (url, _server) = server(&Authority::new(), "localhost", None).await;
    let error = ask(Client::builder(), &url).await.unwrap_err();
    assert!(matches!(&error, Error::Connect { .. }) && error.to_string().contains("UnknownIssuer"), "{error}");
}

#[tokio::test]
async fn another_name_than_the_one_called_is_a_connect_error_that_says_so() {
    let authority = Authority::new();
    let (url, _server) = server(&authority, "somebody-else", None).await;
    let tls = Tls::trusting_only(authority.pem().as_bytes()).unwrap();
    let error = ask(Client::builder().tls(tls), &url).await.unwrap_err();
    assert!(matches!(&error, Error::Connect { .. }) && error.to_string().contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn a_client_certificate_is_presented_where_it_is_asked_for() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let (url, _server) = server(&servers, "localhost", Some(&clients)).await;
    let without = || Tls::trusting_only(servers.pem().as_bytes()).unwrap();
    let (certificate, key) = clients.issue("ledger");
    let with = without().presenting(certificate.as_bytes(), key.as_bytes()).unwrap();
    assert!(!format!("{with:?}").contains("PRIVATE"), "{with:?}");
    assert!(ask(Client::builder().tls(without()), &url).await.is_err());
    assert_eq!(ask(Client::builder().tls(with), &url).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_dependency_has_tls_of_its_own() {
    let authority = Authority::new();
    let (url, _server) = server(&authority, "localhost", None).await;
    let client = Client::default();
    let tls = Tls::trusting_only(authority.pem().as_bytes()).unwrap();
    client.declare(Declaration::new("bank", &url).tls(tls)).unwrap();
    assert_eq!(client.dependency("bank").get("/").send().await.unwrap().status, 200);
    let elsewhere = format!("https://127.0.0.1:{}/", url.port().unwrap()).parse().unwrap();
    assert!(client.get(&elsewhere).repeatable(false).send().await.is_err(), "no other peer is trusted by it");
}

#[tokio::test]
async fn a_dependency_speaks_http2_by_prior_knowledge_beside_others_that_do_not() {
    let versions = async |request: http::Request<hyper::body::Incoming>| {
        http::Response::new(whole(if request.version() == Version::HTTP_2 { "2" } else { "1.1" }))
    };
    let (one, two) = (serve("127.0.0.1:0", None, versions).await, serve("127.0.0.1:0", None, versions).await);
    let client = Client::default();
    let at = |server: &Server| format!("http://{}", server.address).parse::<Endpoints>().unwrap();
    client.declare(Declaration::new("one", at(&one))).unwrap();
    client.declare(Declaration::new("two", at(&two)).http2_prior_knowledge()).unwrap();
    for (name, version) in [("one", "1.1"), ("two", "2")] {
        assert_eq!(client.dependency(name).get("/").send().await.unwrap().body, version, "{name}");
    }
}

#[test]
fn malformed_certificates_and_keys_are_refused() {
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(Tls::trusting_only(b""), Err(TlsError::NoCertificate)));
    assert!(matches!(Tls::trusting_only(broken), Err(TlsError::Authority(_))));
    let (one, other) = (Authority::new(), Authority::new());
    let ((certificate, _), (_, key)) = (one.issue("a"), other.issue("b"));
    let told = Tls::default().presenting(certificate.as_bytes(), key.as_bytes()).unwrap_err();
    assert!(matches!(told, TlsError::Identity(_)), "{told}");
    assert!(matches!(Tls::default().presenting(certificate.as_bytes(), b""), Err(TlsError::Pem(_))));
}

#[test]
fn the_hosts_authorities_are_read_or_reported_missing() {
    match Tls::native() {
        Ok(tls) => assert!(format!("{tls:?}").contains("authorities")),
        Err(error) => assert!(error.to_string().contains("no usable authority"), "{error}"),
    }
}

/// Every configuration of rustls in the library names its crypto provider. The default of the process panics where several providers are compiled in.
#[test]
fn no_configuration_relies_on_the_default_crypto_provider_of_the_process() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut folders: Vec<_> = ["library", "prover", "services", "bench"].map(|part| root.join(part)).into();
    let (forbidden, mut seen) = (["ClientConfig::builder", "ServerConfig::builder"].map(|text| format!("{text}()")), 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                seen += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                let told = forbidden.iter().find(|forbidden| text.contains(*forbidden));
                assert_eq!(told, None, "{} needs builder_with_provider", path.display());
            }
        }
    }
    assert!(seen > 100, "{seen} files");
}
