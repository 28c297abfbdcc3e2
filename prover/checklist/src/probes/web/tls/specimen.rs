//! Servers for `web.tls`: one port each, which speaks TLS or redirects by the first byte.

use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use keel_wire::testing::tls::Identity;
use keel_wire::tls::Trust;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::probes::web::specimen::GOOD;
use crate::specimen::server::{Request, Response, read_request, write_response};
use crate::specimen::{Server, Specimen};
use crate::subject::Subject;

/// The specimens.
pub(crate) const SPECIMENS: &[Specimen] = &[
    Server::new("tls-sound", |port| serve(Flaw::None, port))
        .holds("refuses old versions, redirects, and uses a replaced certificate without a failed connection"),
    Server::new("tls-takes-old", |port| serve(Flaw::TakesOld, port)).falls_short("answers a hello of TLS 1.0"),
    Server::new("tls-serves-plain", |port| serve(Flaw::ServesPlain, port))
        .falls_short("serves its page over plain HTTP"),
    Server::new("tls-takes-plain-forms", |port| serve(Flaw::TakesPlainForms, port))
        .falls_short("redirects pages and takes forms over plain HTTP")
        .liar(),
    Server::new("tls-short-hsts", |port| serve(Flaw::ShortHsts, port)).falls_short("has HSTS of one day"),
    Server::new("tls-bare-errors", |port| serve(Flaw::BareErrors, port)).falls_short("has no HSTS on errors").liar(),
    Server::new("tls-keeps-old", |port| serve(Flaw::KeepsOld, port)).falls_short("never uses a replaced certificate"),
    Server::new("tls-drops", |port| serve(Flaw::Drops, port))
        .falls_short("uses a replaced certificate and drops connections meanwhile")
        .liar(),
    GOOD.is_unknown("is examined over plain HTTP"),
];

/// Flaw of a specimen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    TakesOld,
    ServesPlain,
    TakesPlainForms,
    ShortHsts,
    BareErrors,
    KeepsOld,
    Drops,
}

/// Connections that [`Flaw::Drops`] drops.
const DROPPED: u32 = 10;
/// The folder in which the file `renew` asks for a new certificate.
const FOLDER: &str = "SPECIMEN_DATA";

/// Declares what keel.toml would say of a specimen with TLS.
pub(crate) fn declare(subject: &mut Subject, folder: &Path) {
    subject.plain = Some(subject.url.clone());
    subject.trust = Trust::anything().ok();
    let _ = subject.url.set_scheme("https");
    subject.env.insert(FOLDER.to_owned(), folder.display().to_string());
    subject.renew_certificate = Some(format!("touch '{}'", folder.join("renew").display()));
}

fn serve(flaw: Flaw, port: u16) -> ! {
    let renew = std::env::var(FOLDER).map(|folder| PathBuf::from(folder).join("renew")).unwrap_or_default();
    let config = || Identity::of("localhost").config(&["http/1.1"]);
    let (mut current, dropped) = (config(), AtomicU32::new(0));
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    loop {
        let Ok((stream, _)) = listener.accept() else { continue };
        if flaw != Flaw::KeepsOld && std::fs::remove_file(&renew).is_ok() {
            current = config();
            dropped.store(if flaw == Flaw::Drops { DROPPED } else { 0 }, Ordering::Relaxed);
        }
        if dropped.load(Ordering::Relaxed) > 0 {
            dropped.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let config = current.clone();
        std::thread::spawn(move || drop(connection(flaw, config, stream)));
    }
}

fn connection(flaw: Flaw, config: Arc<ServerConfig>, mut stream: TcpStream) -> std::io::Result<()> {
    let mut first = [0; 11];
    let peeked = stream.peek(&mut first)?;
    if first[0] != 22 {
        return answer(BufReader::new(stream), |request| over_plain(flaw, request));
    }
    if flaw == Flaw::TakesOld && peeked == first.len() && first[9..11] == [3, 1] {
        // The beginning of a server hello of TLS 1.0.
        stream.write_all(&[22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1])?;
        return stream.read(&mut first).map(drop);
    }
    let session = ServerConnection::new(config).map_err(std::io::Error::other)?;
    answer(BufReader::new(StreamOwned::new(session, stream)), |request| over_tls(flaw, request))
}

/// Answers one request, and closes.
fn answer<S: Read + Write>(mut stream: BufReader<S>, handle: impl Fn(&Request) -> Response) -> std::io::Result<()> {
    while let Some(request) = read_request(&mut stream)? {
        let response = handle(&request);
        write_response(stream.get_mut(), &request, &response)?;
    }
    Ok(())
}

fn over_plain(flaw: Flaw, request: &Request) -> Response {
    match (flaw, request.method.as_str()) {
        (Flaw::ServesPlain, _) | (Flaw::TakesPlainForms, "POST") => Response::new(200, "text/plain", "hello"),
        (_, "POST") => Response::new(403, "text/plain", "use https"),
        _ => {
            let location = format!("https://{}{}", request.header("host").unwrap_or("localhost"), request.path);
            Response::new(308, "text/plain", "").header("Location", &location)
        }
    }
}

fn over_tls(flaw: Flaw, request: &Request) -> Response {
    let status = if request.path == "/" { 200 } else { 404 };
    let response = Response::new(status, "text/plain", "hello");
    match flaw {
        Flaw::BareErrors if status == 404 => response,
        Flaw::ShortHsts => response.header("Strict-Transport-Security", "max-age=86400"),
        _ => response.header("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    }
}
