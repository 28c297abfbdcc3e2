//! A DNS server that fails as it is told. RFC 1035, over UDP and over TCP.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::kind::{MAX_DELAY_MS, Misanswer};

/// The most questions under way at a time; further ones are not heard.
pub const MAX_QUESTIONS: usize = 256;
/// The largest question over UDP, in bytes.
const MAX_DATAGRAM: usize = 4096;
/// The longest that a connection of a client is kept.
const PATIENCE: Duration = Duration::from_secs(70);
/// The time to live of an answer, in seconds: none, so that faults act at once.
const TIME_TO_LIVE: u32 = 0;

/// The contents of a switch when there is no fault.
pub(super) const RIGHT: &str = r#"{"answer":"right"}"#;

/// The contents of a switch.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Said {
    answer: Misanswer,
    address: Option<IpAddr>,
    #[serde(default)]
    delay_ms: u32,
}

/// Returns the contents of the switch for this fault.
pub(super) fn words(answer: Misanswer, address: Option<IpAddr>, delay_ms: u32) -> Result<String, String> {
    if answer == Misanswer::Wrong && address.is_none() {
        return Err("a wrong answer needs an `address`".to_owned());
    }
    if (answer == Misanswer::Slow && delay_ms == 0) || delay_ms > MAX_DELAY_MS {
        return Err(format!("a slow answer needs a `delay_ms` of 1 to {MAX_DELAY_MS}"));
    }
    serde_json::to_string(&Said { answer, address, delay_ms }).map_err(|error| error.to_string())
}

/// A DNS server. Dropping it stops it. Needs a tokio runtime.
#[derive(Debug)]
pub struct Resolver {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Zone {
    names: BTreeMap<Name, Vec<IpAddr>>,
    switch: PathBuf,
    places: Semaphore,
}

impl Resolver {
    /// Answers at `address` (port 0 is any), for these names and no others, as the switch says: the file that
    /// [`Fault::Dns`](super::Fault::Dns) writes. It is read at every question.
    ///
    /// # Errors
    /// When nothing can listen there, or a name is no name.
    pub async fn start(
        address: SocketAddr,
        names: &BTreeMap<String, Vec<IpAddr>>,
        switch: &Path,
    ) -> std::io::Result<Self> {
        let parsed = names.iter().map(|(name, addresses)| {
            let parsed = Name::from_utf8(format!("{}.", name.trim_end_matches('.')));
            parsed.map(|name| (name.to_lowercase(), addresses.clone())).map_err(std::io::Error::other)
        });
        let zone = Zone {
            names: parsed.collect::<Result<_, _>>()?,
            switch: switch.to_owned(),
            places: Semaphore::new(MAX_QUESTIONS),
        };
        let zone = Arc::new(zone);
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let socket = Arc::new(UdpSocket::bind(address).await?);
        let mut tasks = JoinSet::new();
        tasks.spawn(datagrams(socket, Arc::clone(&zone)));
        tasks.spawn(connections(listener, zone));
        Ok(Self { address, _tasks: tasks })
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn datagrams(socket: Arc<UdpSocket>, zone: Arc<Zone>) {
    let mut answering = JoinSet::new();
    let mut question = vec![0; MAX_DATAGRAM];
    loop {
        // Those that are done are forgotten; how many are under way is bounded by the zone's places.
        while answering.try_join_next().is_some() {}
        let Ok((length, client)) = socket.recv_from(&mut question).await else { continue };
        let (question, zone, socket) = (question[..length].to_vec(), Arc::clone(&zone), Arc::clone(&socket));
        answering.spawn(async move {
            let Ok(_place) = zone.places.try_acquire() else { return };
            if let Some(answer) = zone.answer(&question).await {
                let _ = socket.send_to(&answer, client).await;
            }
        });
    }
}

async fn connections(listener: TcpListener, zone: Arc<Zone>) {
    let mut answering = JoinSet::new();
    loop {
        while answering.try_join_next().is_some() {}
        let Ok((client, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let zone = Arc::clone(&zone);
        answering.spawn(async move {
            let Ok(_place) = zone.places.try_acquire() else { return };
            let _ = tokio::time::timeout(PATIENCE, converse(client, &zone)).await;
        });
    }
}

/// Messages over TCP have their length before them.
async fn converse(mut client: TcpStream, zone: &Zone) -> std::io::Result<()> {
    loop {
        let length = client.read_u16().await?;
        let mut question = vec![0; usize::from(length)];
        client.read_exact(&mut question).await?;
        let Some(answer) = zone.answer(&question).await else { return Ok(()) };
        let length = u16::try_from(answer.len()).map_err(std::io::Error::other)?;
        client.write_u16(length).await?;
        client.write_all(&answer).await?;
    }
}

impl Zone {
    /// The answer to a question; none where there is to be none, or where it cannot be understood.
    async fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let question = Message::from_vec(question).ok()?;
        let said = self.said().await;
        match said.answer {
            Misanswer::Silent => return None,
            Misanswer::Slow => tokio::time::sleep(Duration::from_millis(said.delay_ms.min(MAX_DELAY_MS).into())).await,
            _ => {}
        }
        self.reply(&question, said)?.to_vec().ok()
    }

    fn reply(&self, question: &Message, said: Said) -> Option<Message> {
        let mut reply = Message::new(question.metadata.id, MessageType::Response, OpCode::Query);
        reply.metadata.recursion_desired = question.metadata.recursion_desired;
        reply.metadata.recursion_available = true;
        let query = question.queries.first()?;
        reply.add_query(query.clone());
        let name = query.name().to_lowercase();
        let known = self.names.get(&name);
        let wrong = said.address.filter(|_| said.answer == Misanswer::Wrong).map(|address| vec![address]);
        reply.metadata.response_code = match (said.answer, known) {
            (Misanswer::Nxdomain, _) | (_, None) => ResponseCode::NXDomain,
            (Misanswer::Servfail, _) => ResponseCode::ServFail,
            _ => ResponseCode::NoError,
        };
        if reply.metadata.response_code == ResponseCode::NoError {
            for address in wrong.as_ref().or(known).into_iter().flatten() {
                let data = match (address, query.query_type()) {
                    (IpAddr::V4(address), RecordType::A) => RData::A(A(*address)),
                    (IpAddr::V6(address), RecordType::AAAA) => RData::AAAA(AAAA(*address)),
                    _ => continue,
                };
                reply.add_answer(Record::from_rdata(query.name().clone(), TIME_TO_LIVE, data));
            }
        }
        Some(reply)
    }

    async fn said(&self) -> Said {
        let said = tokio::fs::read(&self.switch).await.unwrap_or_default();
        serde_json::from_slice(&said).unwrap_or_default()
    }
}
