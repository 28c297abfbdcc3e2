//! An answer that is on its way when SIGTERM comes: taken slowly, and counted in bytes.

use std::time::{Duration, Instant};

use keel_wire::answers;
use keel_wire::http::Request;
use keel_wire::raw::{Connect, Ended, RawConnection};

use super::traffic::PATIENCE;
use crate::clause::life::drain as clause;
use crate::control::Control;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::largest;
use crate::probes::support::listener::{Listener, told};
use crate::recipe::Recipe;
use crate::recipe::Terminate;

/// The least body that is taken for a transfer, in bytes: smaller ones are in the kernel's buffers at once.
const LEAST: u64 = 256 << 10;
/// Number of bytes that are read before SIGTERM.
const FIRST: usize = 16 << 10;
/// Number of bytes that the kernel may keep for us, and the longest segment: then the rest stays with the service.
const BUFFER: u32 = 4 << 10;
const SEGMENT: u32 = 536;
/// Time for which the rest is taken, and after that without a byte it stalls.
const TAKEN: Duration = Duration::from_secs(20);
const STALLS: Duration = Duration::from_secs(5);

/// The largest answer that there is to ask for.
pub(super) struct Transfer {
    bytes: Vec<u8>,
    line: String,
    /// Of the whole answer, and of its body.
    length: (usize, u64),
    control: Control,
}

/// Outcome of the transfer.
pub(super) struct Taken {
    pub(super) evidence: Evidence,
    /// The time of the last byte; `None` if it was not under way at SIGTERM.
    pub(super) ended: Option<Instant>,
    /// The time without a byte, for one that stalled.
    pub(super) stalled: Option<Duration>,
}

impl Transfer {
    /// None when nothing is answered with a body of [`LEAST`] bytes.
    pub(super) async fn of(lab: &Lab, listener: &Listener) -> Option<Self> {
        let largest = largest::find(lab).await.filter(|largest| largest.body >= LEAST)?;
        Self::whole(listener, &largest.request).await
    }

    /// Takes it whole once, as fast as it comes.
    async fn whole(listener: &Listener, request: &Request) -> Option<Self> {
        let bytes = listener.bytes(request);
        let heard = listener.exchange(&bytes, PATIENCE).await.ok()?;
        let answer = answers::first(&heard.bytes, 0).filter(|answer| answer.whole && answer.body_length >= LEAST)?;
        let length = (heard.bytes.len(), answer.body_length);
        let line = format!("GET {}", request.path);
        let control = Control::seen(true, format!("{line} is answered by {} bytes in peace", length.1), "").ok()?;
        Some(Self { bytes, line, length, control })
    }

    /// Takes the beginning now, and the rest some time after `asked`, when SIGTERM is sent.
    pub(super) async fn take(&self, listener: &Listener, asked: Instant, rest: Instant) -> Taken {
        let (whole, body) = self.length;
        let not_begun = |why: String| Taken {
            evidence: clause::TRANSFER.gap(format!("the answer to {} was not under way at SIGTERM: {why}", self.line)),
            ended: None,
            stalled: None,
        };
        let how = Connect { receive_buffer: Some(BUFFER), max_segment: Some(SEGMENT), ..Connect::default() };
        let mut connection = match RawConnection::connect_with(listener.endpoint.clone(), how, PATIENCE).await {
            Ok(connection) => connection,
            Err(error) => return not_begun(error.to_string()),
        };
        if let Err(error) = connection.write(&self.bytes, PATIENCE).await {
            return not_begun(error.to_string());
        }
        let mut heard = connection.listen(FIRST, asked.saturating_duration_since(Instant::now())).await;
        if heard.bytes.is_empty() {
            return not_begun("nothing of it had come".to_owned());
        }
        tokio::time::sleep_until(rest.into()).await;
        let more = connection.listen(whole.saturating_sub(heard.bytes.len()), TAKEN).await;
        let ended = Instant::now();
        heard.bytes.extend(more.bytes);
        heard.ended = more.ended;
        let mut stalled = None;
        if heard.bytes.len() < whole && heard.ended == Ended::StillOpen {
            if !connection.listen(1, STALLS).await.bytes.is_empty() {
                let came = heard.bytes.len();
                let what = format!(
                    "of the {whole} bytes of {}, under way at SIGTERM, {came} came in {TAKEN:?}, and more were coming: \
                     whether all come was not seen",
                    self.line
                );
                return Taken { evidence: clause::TRANSFER.gap(what), ended: None, stalled };
            }
            stalled = Some(STALLS);
        }
        let came = answers::first(&heard.bytes, 0);
        let good = came.as_ref().is_some_and(|answer| answer.whole && answer.body_length == body);
        let came = came.map_or(0, |answer| answer.body_length);
        let what = format!("of the {body} bytes of {}, under way at SIGTERM, {came} came", self.line);
        let recipe = Recipe::Terminate(Terminate::Transfer { request: self.bytes.clone(), body });
        let evidence = clause::TRANSFER.saw(good, what).by(&self.control).reproduced_by(recipe);
        let evidence = if good { evidence } else { evidence.exchanged(self.line.clone(), told(&heard)) };
        Taken { evidence, ended: Some(ended), stalled }
    }
}
