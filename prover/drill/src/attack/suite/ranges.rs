//! Many overlapping ranges of one thing.

use http::header::CONTENT_LENGTH;

use crate::attack::answers::{self, WireAnswer};
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Excuse, Findings, Mark};
use keel_wire::raw::{Ended, Heard};

/// Ranges in one request.
const RANGES: usize = 1_000;
/// An answer may be so many times the whole: requests for more overlapping ranges than two are to be ignored, coalesced or
/// refused (RFC 9110, 17.15).
const RIGHT: u64 = 2;
/// And is tolerated up to so many times: Apache, which the CVE is about, lets so many overlaps pass (MaxRangeOverlaps).
const TOLERATED: u64 = 20;
/// The most that a part has beside its bytes: a boundary and two fields.
const PART: u64 = 512;

pub(super) const ATTACK: Attack = Attack {
    id: "range-abuse",
    what: "asks for a thousand overlapping ranges at once",
    source: "CVE-2011-3192; RFC 9110, 14.2 and 17.15",
    correct: "the field is ignored, refused with 416 or 4xx, or ranges are coalesced: never many times the whole",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

/// The size of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// So many bytes, as came or as Content-Length says.
    Known(u64),
    /// At least so many: it did not end within what is listened to.
    AtLeast(u64),
}

async fn launch(context: &Context<'_>) -> Findings {
    let ask = async |lines: &str| {
        let heard = context.exchange(&context.head(&context.read(), lines), context.bounds.answer).await?;
        Ok::<_, Excuse>((answers::first(&heard.bytes, 0), heard))
    };
    let (whole, heard) = ask("").await?;
    let whole = whole.ok_or_else(|| Excuse::Unknown("it does not answer".to_owned()))?;
    let Size::Known(whole) = size(&whole, &heard) else {
        return Err(Excuse::Unknown(
            "the resource is larger than the bytes that keel reads: name a smaller one".to_owned(),
        ));
    };
    let (one, _) = ask("Range: bytes=0-0\r\n").await?;
    if one.is_none_or(|one| one.status != 206) {
        return Err(Excuse::NotApplicable("it does not answer ranges of the harmless path".to_owned()));
    }
    let ranges: Vec<String> = (0..RANGES).map(|start| format!("{}-", start % 10)).collect();
    let (many, heard) = ask(&format!("Range: bytes={}\r\n", ranges.join(","))).await?;
    let (mark, what) = match many {
        Some(many) => judge(many.status, size(&many, &heard), whole),
        None => answers::unanswered(&heard, &format!("a request for {RANGES} ranges")),
    };
    let sent = format!("Range: bytes=0-,1-,… ({RANGES} ranges)");
    Ok(vec![Evidence::new(mark, what).exchange(sent, answers::told(&heard))])
}

fn size(answer: &WireAnswer, heard: &Heard) -> Size {
    let declared = answer.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match declared {
        Some(length) => Size::Known(length),
        None if answer.whole || heard.ended == Ended::Closed => Size::Known(answer.body_length),
        None => Size::AtLeast(answer.body_length),
    }
}

fn judge(status: u16, size: Size, whole: u64) -> (Mark, String) {
    let (Size::Known(bytes) | Size::AtLeast(bytes)) = size;
    let what = format!("{RANGES} ranges are answered {status} with {bytes} bytes, the whole has {whole}");
    if bytes > TOLERATED * (whole + PART) {
        (Mark::Wrong, what)
    } else if matches!(size, Size::AtLeast(_)) {
        (Mark::Unseen, format!("{what}, and more were to come: name a smaller resource"))
    } else if bytes > RIGHT * (whole + PART) {
        (Mark::Tolerated, what)
    } else {
        (Mark::Right, what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_times_the_whole_is_wrong_and_an_answer_without_an_end_is_not_known_to_be_right() {
        let mark = |size, whole| judge(206, size, whole).0;
        assert_eq!(mark(Size::Known(20_000), 20_000), Mark::Right);
        assert_eq!(mark(Size::Known(200_000), 20_000), Mark::Tolerated);
        assert_eq!(mark(Size::Known(20_000_000), 20_000), Mark::Wrong);
        assert_eq!(mark(Size::AtLeast(8 << 20), 20_000), Mark::Wrong, "enough of it was seen");
        assert_eq!(mark(Size::AtLeast(8 << 20), 4 << 20), Mark::Unseen);
        assert_eq!(mark(Size::Known(150_000), 100), Mark::Wrong, "small things too");
    }
}
