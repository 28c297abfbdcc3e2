//! The judges of `see.query`, on observations alone.

use std::time::Duration;

use keel_wire::http::Exchange;

/// Time within which others must be answered meanwhile.
pub(super) const PROMPT: Duration = Duration::from_secs(1);
/// The largest answer.
pub(super) const MOST_BYTES: u64 = 16 << 20;
/// An answer that is smaller shows no cut.
pub(super) const LEAST_BYTES: u64 = 1 << 10;
/// The most by which the memory of the service may grow.
pub(super) const MOST_MEMORY: u64 = 256 << 20;

/// The answers of others while a question without an end is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Meanwhile {
    pub(super) asked: usize,
    /// Not answered with success, or late.
    pub(super) failed: usize,
}

impl Meanwhile {
    pub(super) fn add(&mut self, exchange: &Exchange) {
        let is_good = exchange.status().is_some_and(|status| status.as_u16() < 400) && exchange.took <= PROMPT;
        self.asked += 1;
        self.failed += usize::from(!is_good);
    }
}

/// Judges whether questions are answered, each with an answer of its own.
pub(super) fn different(answers: &[(&str, Exchange)]) -> (bool, String) {
    let names = answers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    for (number, (name, exchange)) in answers.iter().enumerate() {
        let Some(answer) = exchange.answer().filter(|answer| answer.status.is_success()) else {
            let came = exchange.status().map_or_else(|| "not at all".to_owned(), |status| status.as_u16().to_string());
            return (false, format!("the question about {name} is answered {came}"));
        };
        if answer.body.iter().all(u8::is_ascii_whitespace) {
            return (false, format!("the question about {name} is answered with nothing"));
        }
        let same = |other: &&(&str, Exchange)| other.1.answer().is_some_and(|other| other.body == answer.body);
        if let Some((other, _)) = answers[..number].iter().find(same) {
            return (false, format!("the questions about {other} and {name} have the same answer"));
        }
    }
    (true, format!("{} questions have {} different answers: {names}", answers.len(), answers.len()))
}

/// Judges whether requests are counted.
pub(super) fn counted(name: &str, before: f64, after: Option<f64>, sent: u64, within: Duration) -> (bool, String) {
    let Some(after) = after else { return (false, format!("the number of {name} is gone")) };
    let risen = after - before;
    (risen == sent as f64, format!("{sent} of {name} raised the number by {risen}, seen after {within:.1?}"))
}

/// Judges whether a question that would change something is refused and changes nothing; none when nothing came.
pub(super) fn refused(status: Option<u16>, before: Option<f64>, after: Option<f64>) -> Option<(bool, String)> {
    let status = status?;
    if (200..400).contains(&status) {
        return Some((false, format!("a question that would change something is answered {status}")));
    }
    match (before, after) {
        (Some(before), Some(after)) if after == before => Some((
            true,
            format!("a question that would change something is refused with {status}, and changes nothing"),
        )),
        (Some(before), after) => {
            let after = after.map_or_else(|| "gone".to_owned(), |after| after.to_string());
            Some((
                false,
                format!("a question is refused with {status}, and yet a number of {before} is {after} after it"),
            ))
        }
        (None, _) => Some((true, format!("a question that would change something is refused with {status}"))),
    }
}

/// Judges whether a question without an end is cut in time, and whether others are answered meanwhile.
pub(super) fn cut(status: Option<u16>, took: Duration, within: Duration, meanwhile: &Meanwhile) -> (bool, String) {
    let Some(status) = status else {
        return (false, format!("a question without an end is not answered within {within:.0?}"));
    };
    let Meanwhile { asked, failed } = meanwhile;
    let told = format!("a question without an end is answered {status} after {took:.1?}");
    match failed {
        0 => (true, format!("{told}, and {asked} others meanwhile")),
        failed => (false, format!("{told}, and meanwhile {failed} of {asked} others are not, or late")),
    }
}

/// Judges whether the service rests once it has answered: the processor time that it used in a spell.
pub(super) fn rested(used: Duration, spell: Duration) -> (bool, String) {
    let share = used.as_secs_f64() / spell.as_secs_f64() * 100.0;
    (
        used * 4 <= spell,
        format!("after the answer to a question without an end the service uses {share:.0} % of a processor"),
    )
}

/// Judges the size of the answer to a question with a very large one, by status and bytes, and the growth of the service's memory.
///
/// # Errors
/// When it shows nothing: why.
pub(super) fn bounded(answer: Option<(u16, u64)>, within: Duration, grown: u64) -> Result<(bool, String), String> {
    let Some((status, bytes)) = answer else {
        return Ok((false, format!("a question with a very large answer is not answered within {within:.0?}")));
    };
    let (kib, mib) = (bytes >> 10, grown >> 20);
    if bytes > MOST_BYTES {
        return Ok((false, format!("a question is answered with {kib} KiB")));
    }
    if grown > MOST_MEMORY {
        return Ok((false, format!("the service's memory grows by {mib} MiB with a question")));
    }
    if (200..300).contains(&status) && bytes < LEAST_BYTES {
        return Err(format!(
            "the question with a large answer is answered with {bytes} bytes: mend `large` in [query]"
        ));
    }
    if status == 400 {
        return Err("the question with a large answer is refused with 400: mend `large` in [query]".to_owned());
    }
    Ok((
        true,
        format!("a question with a very large answer is answered {status} with {kib} KiB; memory grows by {mib} MiB"),
    ))
}
