//! Takes connections, a bounded number for each address and in all, and serves each within its time.

use std::collections::HashMap;
use std::io::{BufReader, Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::flaw::Flaw;
use super::framing::{BODY, Refusal, read_body, read_head};
use super::things::{Things, problem};
use crate::specimen::server::{Request, read_request, write_response};

const EACH_ADDRESS: usize = 80;
const IN_ALL: usize = 600;
const STARVING: usize = 40;
/// For a head, for a body, for an answer to be taken.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same where it is size that is not limited: 64 MiB take their time on a busy machine.
const LONG_PATIENCE: Duration = Duration::from_secs(10);
/// Time for which the bytes of a refused client are read away, so that the refusal is not lost in a reset.
const LINGER: Duration = Duration::from_millis(500);

type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// Serves for ever.
pub(super) fn serve(port: u16, flaw: Flaw) -> ! {
    let things = Arc::new(Things::open(flaw));
    let counts = Counts::default();
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
    loop {
        let Ok((stream, from)) = listener.accept() else { continue };
        let Some(place) = Place::take(&counts, from.ip(), flaw) else { continue };
        let things = Arc::clone(&things);
        let serving = std::thread::spawn(move || {
            let _place = place;
            let _ = serve_connection(stream, &things, flaw);
        });
        if flaw == Flaw::OneAtATime {
            let _ = serving.join();
        }
    }
}

/// One connection that is counted; it counts no more when it is dropped.
struct Place {
    counts: Counts,
    address: IpAddr,
}

impl Place {
    fn take(counts: &Counts, address: IpAddr, flaw: Flaw) -> Option<Self> {
        loop {
            let mut taken = counts.lock().expect("no thread panics with it");
            let all: usize = taken.values().sum();
            let own = taken.entry(address).or_default();
            let full = match flaw {
                Flaw::Hoards => false,
                Flaw::Starves => all >= STARVING,
                _ => *own >= EACH_ADDRESS || all >= IN_ALL,
            };
            if !full {
                *own += 1;
                return Some(Self { counts: Arc::clone(counts), address });
            }
            if flaw != Flaw::Starves {
                return None;
            }
            drop(taken);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.counts.lock().expect("no thread panics with it");
        if let Some(own) = taken.get_mut(&self.address) {
            *own -= 1;
        }
    }
}

/// A stream whose reads end at a moment.
struct Timed {
    stream: TcpStream,
    until: Option<Instant>,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(std::io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(left)?;
        self.stream.read(buffer)
    }
}

fn serve_connection(stream: TcpStream, things: &Things, flaw: Flaw) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let patient = matches!(flaw, Flaw::Patient | Flaw::Starves);
    if !patient {
        writer.set_write_timeout(Some(PATIENCE))?;
    }
    let mut reader = BufReader::new(Timed { stream, until: None });
    loop {
        let patience = if flaw == Flaw::Unlimited { LONG_PATIENCE } else { PATIENCE };
        let until = (!patient).then(|| Instant::now() + patience);
        reader.get_mut().until = until;
        let request = match flaw {
            Flaw::Unlimited => read_request(&mut reader).map_err(Refusal::from),
            _ => read_strictly(&mut reader, flaw),
        };
        match request {
            Ok(None) | Err(Refusal::Gone) => return Ok(()),
            Ok(Some(request)) => {
                let answer = things.answer(&request);
                if flaw == Flaw::OneAtATime {
                    write_response(&mut writer, &request, &answer.header("Connection", "close"))?;
                    return linger(&mut writer, &mut reader);
                }
                write_response(&mut writer, &request, &answer)?;
                if request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
                    return Ok(());
                }
            }
            Err(Refusal::Status(status)) => {
                write_response(&mut writer, &Request::default(), &problem(status, flaw).header("Connection", "close"))?;
                return linger(&mut writer, &mut reader);
            }
        }
    }
}

fn read_strictly(reader: &mut BufReader<Timed>, flaw: Flaw) -> Result<Option<Request>, Refusal> {
    let Some(mut request) = read_head(reader)? else { return Ok(None) };
    let is_note = request.path == "/note";
    if let Some(until) = &mut reader.get_mut().until {
        *until = Instant::now() + if flaw == Flaw::TakesLongNotes { LONG_PATIENCE } else { PATIENCE };
    }
    if flaw == Flaw::WaitsForNotes && is_note {
        reader.get_mut().until = None;
    }
    let most = if flaw == Flaw::TakesLongNotes && is_note { usize::MAX } else { BODY };
    read_body(reader, &mut request, most)?;
    Ok(Some(request))
}

fn linger(writer: &mut TcpStream, reader: &mut BufReader<Timed>) -> std::io::Result<()> {
    writer.flush()?;
    writer.shutdown(Shutdown::Write)?;
    reader.get_mut().until = Some(Instant::now() + LINGER);
    let mut waste = [0; 64 << 10];
    while reader.read(&mut waste)? > 0 {}
    Ok(())
}
