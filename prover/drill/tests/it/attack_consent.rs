//! Consent of the target: one beyond loopback is attacked only while it serves the token of this run, and else gets not a single byte.

use std::sync::{Arc, Mutex};

use keel_drill::attack::consent::{PATH, Refused};
use keel_drill::attack::{self, AttackResult, AttackVerdict, Bounds, Refusal, Target, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// An attack of few requests.
const ATTACK: &str = "method-confusion";

/// A server that answers what it is told to at the path of consent, and 405 to everything else but GET.
#[derive(Clone)]
struct Server {
    port: u16,
    /// The whole answer at the path of consent.
    consent: Arc<Mutex<String>>,
    /// The first line of each request.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(consent: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, consent: Arc::new(Mutex::new(consent)), asked: Arc::default() };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move { server.serve(connection).await });
            }
        });
        server
    }

    async fn serve(&self, mut connection: TcpStream) -> std::io::Result<()> {
        let mut bytes = [0; 4096];
        let length = connection.read(&mut bytes).await?;
        let line = String::from_utf8_lossy(&bytes[..length]).lines().next().unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push(line.clone());
        let answer = match line.split(' ').collect::<Vec<_>>()[..] {
            ["GET", PATH, _] => self.consent.lock().unwrap().clone(),
            ["GET", ..] => ok("a page"),
            _ => refused(),
        };
        connection.write_all(answer.as_bytes()).await
    }

    /// Returns the server as a target beyond loopback: 0.0.0.0 is no loopback address, yet it leads to this host.
    fn beyond_loopback(&self, consent: Option<&Token>) -> Target {
        let url = format!("http://0.0.0.0:{}/", self.port);
        Target { consent: consent.cloned(), ..Target::at(url.parse().unwrap()) }
    }

    /// Returns the requests since the last call.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

async fn attack(target: &Target) -> Result<AttackResult, Refused> {
    match attack::run(attack::named(ATTACK).unwrap(), target, &Bounds::default()).await {
        Ok(outcome) => Ok(outcome),
        Err(Refusal::Consent(refused)) => Err(refused),
        Err(refusal) => panic!("the bounds are the default ones: {refusal}"),
    }
}

#[tokio::test]
async fn a_target_beyond_loopback_gets_no_request_without_a_token() {
    let server = Server::start(ok("")).await;
    assert!(matches!(attack(&server.beyond_loopback(None)).await, Err(Refused::NoToken(_))));
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_target_that_does_not_serve_the_token_gets_no_other_request() {
    let token = Token::fresh();
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: /{token}\r\nContent-Length: 48\r\n\r\n{token}");
    let missing = format!("HTTP/1.1 404 Not Found\r\nContent-Length: 48\r\n\r\n{token}");
    let echo = ok(&format!("GET {PATH} {token}"));
    for consent in [ok(""), ok(Token::fresh().text()), ok(&token.text()[..47]), echo, moved, missing, String::new()] {
        let server = Server::start(consent.clone()).await;
        let refused = attack(&server.beyond_loopback(Some(&token))).await.expect_err(&consent);
        assert!(matches!(refused, Refused::NoConsent { .. }), "{consent}: {refused}");
        assert!(refused.to_string().contains(token.text()), "it says what to serve: {refused}");
        assert_eq!(server.asked(), [format!("GET {PATH} HTTP/1.1")], "{consent}");
    }
}

#[tokio::test]
async fn a_target_that_serves_the_token_is_attacked_until_the_token_is_removed() {
    let token = Token::fresh();
    let server = Server::start(ok(&format!("{token}\n"))).await;
    let target = server.beyond_loopback(Some(&token));
    let outcome = attack(&target).await.expect("it consents");
    assert_eq!(outcome.verdict, AttackVerdict::Held, "{outcome:#?}");
    assert!(server.asked().iter().any(|line| line.starts_with("TRACE ")));

    *server.consent.lock().unwrap() = ok("");
    assert!(matches!(attack(&target).await, Err(Refused::NoConsent { .. })));
    assert_eq!(server.asked(), [format!("GET {PATH} HTTP/1.1")], "consent is asked for anew by each attack");
}

#[tokio::test]
async fn a_loopback_address_in_disguise_is_not_on_loopback() {
    let server = Server::start(ok("")).await;
    for host in ["[::ffff:127.0.0.1]", "0.0.0.0"] {
        let target = Target::at(format!("http://{host}:{}/", server.port).parse().unwrap());
        assert!(matches!(attack(&target).await, Err(Refused::NoToken(_))), "{host}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn loopback_needs_no_token() {
    let server = Server::start(ok("")).await;
    let target = Target::at(format!("http://127.0.0.1:{}/", server.port).parse().unwrap());
    assert_eq!(attack(&target).await.expect("it is on loopback").verdict, AttackVerdict::Held);
    assert!(!server.asked().iter().any(|line| line.contains(PATH)));
}

#[tokio::test]
async fn a_service_that_listens_on_ipv6_alone_is_attacked_by_its_name_and_as_the_target_says() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        println!("this machine has no ::1: nothing is tried");
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut bytes = [0; 4096];
            let length = connection.read(&mut bytes).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&bytes[..length]).into_owned();
            let answer = if head.starts_with("GET ") { ok("a page") } else { refused() };
            seen.lock().unwrap().push(head);
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    let mut target = Target::at(format!("http://ann:s3cret@localhost:{port}/").parse().unwrap());
    target.read = target.read.header("Host", "api.shop.test");
    assert_eq!(attack(&target).await.expect("it is on loopback").verdict, AttackVerdict::Held);
    let first = heads.lock().unwrap().iter().find(|head| !head.is_empty()).unwrap().clone();
    assert!(first.contains("Host: api.shop.test\r\n") && first.matches("Host:").count() == 1, "{first}");
    assert!(first.contains("Authorization: Basic YW5uOnMzY3JldA==\r\n"), "{first}");
    let elsewhere = Target::at("https://ann:s3cret@localhost/".parse().unwrap());
    assert!(!attack(&elsewhere).await.unwrap_err().to_string().contains("s3cret"));
}

fn refused() -> String {
    "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
}
