//! Outcomes as text.

use std::fmt::Write as _;
use std::time::Duration;

use keel_drill::attack::bystander::Health;
use keel_drill::attack::{Attack, AttackResult, AttackVerdict, Mark, Memory, all};

/// Every attack with what is correct.
pub(super) fn list() -> String {
    all().iter().map(entry).collect()
}

fn entry(attack: &Attack) -> String {
    let Attack { id, what, source, correct, .. } = attack;
    format!("{id}\n    {what}\n    source:  {source}\n    correct: {correct}\n")
}

/// A line for each outcome, the evidence below it, and a summary.
pub(super) fn text(outcomes: &[AttackResult]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:<15} {:<18} {}", outcome.verdict, outcome.id, outcome.reason);
        for piece in &outcome.evidence {
            let _ = writeln!(text, "    {} {}", sign(piece.mark), piece.what);
            if piece.mark == Mark::Wrong {
                for (name, line) in [("sent", &piece.sent), ("came", &piece.came_back)] {
                    let _ = if line.is_empty() { Ok(()) } else { writeln!(text, "        {name}: {line}") };
                }
            }
        }
        if let Some(bystander) = &outcome.bystander {
            let (before, during) = (health(&bystander.before), health(&bystander.during));
            let recovered = bystander.recovered.map_or("never again".to_owned(), |after| format!("after {after:.0?}"));
            let _ = writeln!(text, "    bystander: before {before}; during {during}; served again {recovered}");
        }
        if let Some(memory) = &outcome.memory {
            let _ = writeln!(text, "    {}", resident(memory));
        }
    }
    let count = |verdict: AttackVerdict| outcomes.iter().filter(|outcome| outcome.verdict == verdict).count();
    let [held, fell, unknown, not] =
        [AttackVerdict::Held, AttackVerdict::Fell, AttackVerdict::Unknown, AttackVerdict::NotApplicable].map(count);
    let _ = writeln!(text, "\n{held} held, {fell} fell, {unknown} unknown, {not} not applicable");
    text
}

fn sign(mark: Mark) -> &'static str {
    match mark {
        Mark::Right => "right     ",
        Mark::Tolerated => "tolerated ",
        Mark::Wrong => "wrong     ",
        Mark::Unseen => "unseen    ",
        Mark::Note => "note      ",
    }
}

fn resident(memory: &Memory) -> String {
    let names: Vec<String> = memory.processes.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let (before, grown) = (mebibytes(memory.before), mebibytes(memory.grown));
    format!("memory of {}: {before:.1} MiB, at its peak {grown:.1} MiB more", names.join(", "))
}

fn health(health: &Health) -> String {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let Health { requests, errors, p50, p99, .. } = health;
    format!("p50 {:.1} ms, p99 {:.1} ms, {errors} of {requests} failed", ms(*p50), ms(*p99))
}
