//! Names are resolved like the host's resolver does: hosts file, search list, ndots; no thread blocks.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel_client::{Client, Declaration, Endpoints, Error, Resolver};
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, SOA, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use url::Url;

use crate::server::{Server, serve, whole};

/// Resolver configuration as in a pod of Kubernetes.
const CONF: &str =
    "nameserver 192.0.2.1\nsearch default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n";

/// A name server that has these records alone, and records its queries.
struct NameServer {
    at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    async fn start(records: &[(&str, RData)]) -> Self {
        let mut known: BTreeMap<String, Vec<RData>> = BTreeMap::new();
        for (name, data) in records {
            known.entry((*name).to_owned()).or_default().push(data.clone());
        }
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = Self { at: socket.local_addr().unwrap(), asked: Arc::default() };
        let asked = Arc::clone(&server.asked);
        tokio::spawn(async move {
            let mut bytes = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
                let Ok(question) = Message::from_vec(&bytes[..length]) else { continue };
                let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
                answer.metadata.message_type = MessageType::Response;
                answer.metadata.recursion_available = true;
                let query = question.queries[0].clone();
                let name = query.name().to_ascii().to_lowercase();
                asked.lock().unwrap().push(name.clone());
                let records = known.get(&name).cloned().unwrap_or_default();
                if records.is_empty() {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                }
                let fits = |record: &RData| {
                    matches!(
                        (record, query.query_type()),
                        (RData::A(_), RecordType::A) | (RData::SRV(_), RecordType::SRV)
                    )
                };
                let records: Vec<_> = records.into_iter().filter(fits).collect();
                if records.is_empty() {
                    // By this it is known for how long there is none.
                    let root = Name::root();
                    let soa = SOA::new(root.clone(), root.clone(), 1, 60, 60, 60, 60);
                    answer.add_authority(Record::from_rdata(root, 60, RData::SOA(soa)));
                }
                answer.add_answers(records.into_iter().map(|data| Record::from_rdata(query.name().clone(), 60, data)));
                answer.add_query(query);
                let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
            }
        });
        server
    }

    fn resolver(&self) -> Resolver {
        Resolver::from_conf(CONF).unwrap().asking(self.at)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn loopback() -> RData {
    RData::A(A(Ipv4Addr::LOCALHOST))
}

/// A server that answers with the Host that it was called by.
async fn echo() -> Server {
    serve("127.0.0.1:0", None, async |request| {
        let host =
            request.headers().get("host").map_or_else(|| "none".to_owned(), |host| host.to_str().unwrap().to_owned());
        let authority = request.uri().authority().map_or(host, ToString::to_string);
        http::Response::new(whole(authority))
    })
    .await
}

async fn until_answered(client: &Client, name: &str) -> String {
    for _ in 0..500 {
        if let Ok(answer) = client.dependency(name).get("/").send().await {
            return String::from_utf8(answer.body.to_vec()).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{name} is never answered: {:?}", client.dependency(name).get("/").send().await);
}

#[tokio::test]
async fn a_plain_url_is_looked_up_with_search_list_and_ndots_and_kept_for_its_time_to_live() {
    let names = NameServer::start(&[("bank.payments.svc.cluster.local.", loopback())]).await;
    let server = echo().await;
    let client = Client::builder().resolver(names.resolver()).build();
    let at = format!("bank.payments:{}", server.address.port());
    let url: Url = format!("http://{at}/").parse().unwrap();
    assert_eq!(client.get(&url).send().await.unwrap().body, at);
    let asked = names.asked();
    assert_eq!(asked[0], "bank.payments.default.svc.cluster.local.", "{asked:?}");
    assert!(!asked.contains(&"bank.payments.".to_owned()), "{asked:?}");
    // Another client has connections of its own, and the same resolver.
    drop(client);
    let again = Client::builder().resolver(names.resolver()).build();
    let before = names.asked().len();
    for _ in 0..3 {
        again.get(&url).header("connection", "close").send().await.unwrap();
    }
    let first = names.asked().len() - before;
    again.get(&url).header("connection", "close").send().await.unwrap();
    assert_eq!(names.asked().len() - before, first, "an answer is kept for its minute");
}

#[tokio::test]
async fn dns_endpoints_are_looked_up_with_search_list_and_ndots() {
    let names = NameServer::start(&[("bank.payments.svc.cluster.local.", loopback())]).await;
    let server = echo().await;
    let client = Client::builder().resolver(names.resolver()).build();
    let at = format!("bank.payments:{}", server.address.port());
    let endpoints: Endpoints = format!("dns+http://{at}").parse().unwrap();
    client.declare(Declaration::new("bank", endpoints)).unwrap();
    assert_eq!(until_answered(&client, "bank").await, at);
}

#[tokio::test]
async fn dns_endpoints_keep_their_name_over_http2_as_well() {
    let names = NameServer::start(&[("bank.payments.svc.cluster.local.", loopback())]).await;
    let server = echo().await;
    let client = Client::builder().resolver(names.resolver()).build();
    let at = format!("bank.payments:{}", server.address.port());
    let endpoints: Endpoints = format!("dns+http://{at}").parse().unwrap();
    client.declare(Declaration::new("bank", endpoints).http2_prior_knowledge()).unwrap();
    assert_eq!(until_answered(&client, "bank").await, at);
}

#[tokio::test]
async fn dns_endpoints_with_tls_are_verified_by_their_name() {
    let names = NameServer::start(&[("bank.payments.svc.cluster.local.", loopback())]).await;
    let authority = crate::server::Authority::new();
    let tls = authority.server("bank.payments", &["http/1.1"], None);
    let server = serve("127.0.0.1:0", Some(tls), async |_| http::Response::new(whole("well"))).await;
    let trust = evenkeel_client::Tls::trusting_only(authority.pem().as_bytes()).unwrap();
    let client = Client::builder().resolver(names.resolver()).tls(trust).build();
    let endpoints: Endpoints = format!("dns+https://bank.payments:{}", server.address.port()).parse().unwrap();
    client.declare(Declaration::new("bank", endpoints)).unwrap();
    assert_eq!(until_answered(&client, "bank").await, "well");
}

#[tokio::test]
async fn service_records_are_searched_for_and_their_targets_are_absolute() {
    let server = echo().await;
    let target = SRV::new(1, 1, server.address.port(), Name::from_ascii("db.example.").unwrap());
    let names = NameServer::start(&[
        ("_http._tcp.bank.svc.cluster.local.", RData::SRV(target)),
        ("db.example.", loopback()),
        // What a search for the target would find: nobody is there.
        ("db.example.svc.cluster.local.", RData::A(A(Ipv4Addr::new(192, 0, 2, 1)))),
    ])
    .await;
    let client = Client::builder().resolver(names.resolver()).build();
    let endpoints: Endpoints = "srv+http://_http._tcp.bank".parse().unwrap();
    client.declare(Declaration::new("bank", endpoints)).unwrap();
    assert_eq!(until_answered(&client, "bank").await, format!("db.example:{}", server.address.port()));
    let asked = names.asked();
    assert!(!asked.iter().any(|name| name.starts_with("db.example.") && name.contains("cluster")), "{asked:?}");
}

#[tokio::test]
async fn the_hosts_file_comes_before_dns_and_its_search_list() {
    let names =
        NameServer::start(&[("bank.default.svc.cluster.local.", RData::A(A(Ipv4Addr::new(192, 0, 2, 1))))]).await;
    let server = echo().await;
    let client = Client::builder().resolver(names.resolver().with_hosts("127.0.0.1 Bank\n")).build();
    let port = server.address.port();
    let url: Url = format!("http://bank:{port}/").parse().unwrap();
    client.get(&url).send().await.unwrap();
    client.declare(Declaration::new("dns", format!("dns+http://bank:{port}").parse::<Endpoints>().unwrap())).unwrap();
    until_answered(&client, "dns").await;
    assert_eq!(names.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_connect_error_that_names_it() {
    let names = NameServer::start(&[]).await;
    let client = Client::builder().resolver(names.resolver()).build();
    let error = client.get(&"http://nobody.test/".parse().unwrap()).repeatable(false).send().await.unwrap_err();
    assert!(
        matches!(error, Error::Connect { .. }) && error.to_string().contains("nobody.test has no address"),
        "{error}"
    );
}

/// Checks that lookups block no thread: with one blocking thread, a silent name server would stop all other blocking work.
#[test]
fn a_name_server_that_is_silent_keeps_no_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let resolver = Resolver::from_conf(CONF).unwrap().asking(silent.local_addr().unwrap());
        let bounds = evenkeel_client::Bounds::default().connect(Duration::from_millis(200));
        let client = Client::builder().resolver(resolver).bounds(bounds).build();
        let url: Url = "http://bank.payments/".parse().unwrap();
        let calls = (0..8).map(|_| client.get(&url).repeatable(false).send());
        let mut calls: Vec<_> = calls.map(Box::pin).collect();
        let first = calls.pop().unwrap();
        let (error, block) = tokio::join!(first, tokio::task::spawn_blocking(|| "free"));
        assert_eq!(block.unwrap(), "free");
        assert!(error.unwrap_err().to_string().contains("no connection within 200ms"));
    });
}
