//! Many overlapping ranges of one thing.

use super::Attack;
use super::answers;
use super::ground::Ground;
use super::outcome::{Evidence, Excuse, Findings, Mark};

/// Ranges in one request.
const RANGES: usize = 1_000;
/// An answer may be so many times the whole thing.
const FACTOR: u64 = 4;

pub(super) const ATTACK: Attack = Attack {
    id: "range-abuse",
    what: "asks for a thousand overlapping ranges at once",
    source: "CVE-2011-3192; RFC 9110, 14.2 and 17.15",
    correct: "the field is ignored, refused with 416 or 4xx, or ranges are coalesced: never many times the whole",
    launch: |ground| Box::pin(launch(ground)),
};

async fn launch(ground: &Ground<'_>) -> Findings {
    let ask = async |lines: &str| {
        let bytes = ground.head(&ground.read(), lines);
        let heard = ground.exchange(&bytes, ground.bounds.answer).await;
        let heard = heard.map_err(|error| Excuse::Unknown(format!("no connection: {error}")))?;
        Ok::<_, Excuse>((answers::first(&heard.bytes, 0), answers::told(&heard)))
    };
    let (Some(whole), _) = ask("").await? else { return Err(Excuse::Unknown("it does not answer".to_owned())) };
    let (one, _) = ask("Range: bytes=0-0\r\n").await?;
    if one.is_none_or(|one| one.status != 206) {
        return Err(Excuse::NotApplicable("it does not answer ranges of the harmless path".to_owned()));
    }
    let ranges: Vec<String> = (0..RANGES).map(|start| format!("{}-", start % 10)).collect();
    let (many, came) = ask(&format!("Range: bytes={}\r\n", ranges.join(","))).await?;
    let (mark, what) = match many {
        Some(many) if many.status == 206 && many.body_length > FACTOR * whole.body_length.max(1_000) => {
            let lengths = (many.body_length, whole.body_length);
            (Mark::Wrong, format!("{RANGES} ranges are answered with {} bytes, the whole has {}", lengths.0, lengths.1))
        }
        Some(many) => (Mark::Right, format!("{RANGES} ranges: {} with {} bytes", many.status, many.body_length)),
        None => (Mark::Right, format!("{RANGES} ranges are refused without an answer")),
    };
    Ok(vec![Evidence::new(mark, what).exchange(format!("Range: bytes=0-,1-,… ({RANGES} ranges)"), came)])
}
