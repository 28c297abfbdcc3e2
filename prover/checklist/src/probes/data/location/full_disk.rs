//! The service on a small volume of its own that is filled, and given room again.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use keel_wire::http::{Exchange, Request};

use super::volume::{SIZE, Volume};
use crate::clause::data::location as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::support::written;
use crate::recipe::created::EACH;
use crate::recipe::disk::{FullDisk, OnFullDisk};
use crate::recipe::{Kill, PathPart, Recipe};
use crate::subject::RequestSpec;

/// Writes that are tried on the full volume: what was reserved before is used up first.
const MAX_WRITES: usize = 300;
/// The most acknowledged writes that are read back.
const MAX_READ: usize = 50;
/// Time within which writes must work again once there is room.
const RECOVERY: Duration = Duration::from_secs(10);
/// Between two tries.
const LOOK: Duration = Duration::from_millis(50);
const SIGKILL: i32 = 9;

/// Observes the service with `folder` on a full volume.
pub(super) async fn examine(lab: &mut Lab, folder: &Path) -> Vec<Evidence> {
    let not_tried = |why: String| {
        [clause::FULL_DISK, clause::RECOVERS]
            .map(|clause| clause.gap(format!("the full disk was not tried: {why}")))
            .to_vec()
    };
    // One that can be read back first: it is known to write.
    let mut writes: Vec<RequestSpec> =
        lab.mix().into_iter().filter(|spec| !spec.only_reads() && spec.uses.is_empty()).collect();
    writes.sort_by_key(|spec| spec.read.is_none());
    let Some(write) = writes.into_iter().next() else {
        return not_tried("no request without a dependency is known to write".to_owned());
    };
    let volume = match Volume::on(folder).await {
        Ok(volume) => volume,
        Err(reason) => return not_tried(format!("no volume could be mounted for the service ({reason})")),
    };
    lab.stop().await;
    let started = lab.start_with(|launch| volume.enter(launch)).await;
    let evidence = match started {
        Ok(_) => match on_a_full_disk(lab, folder, &volume, &write).await {
            Ok(evidence) => evidence,
            Err(reason) => not_tried(reason),
        },
        Err(failure) => {
            let last = failure.output.last().cloned().unwrap_or_default();
            not_tried(format!("the service does not start on an empty volume ({failure}; {last})"))
        }
    };
    lab.signal_group(SIGKILL);
    lab.stop().await;
    volume.end().await;
    // What it keeps of the mix is of another, empty store.
    if lab.start_with(|_| {}).await.is_ok() {
        lab.send_mix().await;
    }
    evidence
}

async fn on_a_full_disk(
    lab: &mut Lab,
    folder: &Path,
    volume: &Volume,
    write: &RequestSpec,
) -> Result<Vec<Evidence>, String> {
    // The store is new: what later requests need must be made in it.
    lab.send_mix().await;
    let first = lab.http().send(lab.fill(write)).await;
    if !is_expected(write, &first) {
        return Err(format!("{} does not succeed on an empty volume", write.name));
    }
    let script = Script::of(lab, folder, write, &first);
    let mut kept = vec![first];
    let filler = volume.path().join("keel-filler");
    let Some(filled) = fill(&filler) else { return Err("the volume could not be filled".to_owned()) };
    let mut evidence =
        vec![clause::FULL_DISK.figure(format!("the volume of {SIZE} was filled with {} KiB", filled >> 10))];
    let (acknowledged, refused) = write_until_refused(lab, write).await;
    evidence.push(match &refused {
        None => clause::FULL_DISK.gap(format!(
            "{MAX_WRITES} of {} were acknowledged on the full volume: whether it writes there was not seen",
            write.name
        )),
        Some(exchange) => {
            let good = exchange.status().is_some_and(|status| status.is_server_error());
            let told = if good { "is clearly refused" } else { "is not clearly refused" };
            let what = format!(
                "on the full volume {} {told}, after {} that were acknowledged",
                write.name,
                acknowledged.len()
            );
            script.shows(OnFullDisk::NotRefused, clause::FULL_DISK.saw(good, what).with(exchange))
        }
    });
    kept.extend(acknowledged);
    let read = lab.http().send(lab.harmless()).await;
    let reads = read.status().is_some_and(|status| status.as_u16() < 400);
    let told = if reads { "go on" } else { "do not go on" };
    let piece = clause::FULL_DISK.saw(reads, format!("on the full volume reads {told}")).with(&read);
    evidence.push(script.shows(OnFullDisk::NotRead(lab.harmless()), piece));
    let alive = lab.process().wait(LOOK * 4).await.is_none();
    let told = if alive { "still runs" } else { "has ended" };
    let piece = clause::FULL_DISK.saw(alive, format!("on the full volume the process {told}"));
    evidence.push(script.shows(OnFullDisk::Ended, piece));
    let _ = std::fs::remove_file(&filler);
    let (again, works) = room_again(lab, write).await;
    evidence.push(script.shows(OnFullDisk::NoRecovery, again));
    kept.extend(works);
    let before = read_back(lab, write, &kept).await;
    lab.stop().await;
    match lab.start_with(|launch| volume.enter(launch)).await {
        Ok(_) => evidence.extend(kept_over_a_restart(lab, write, &script, before).await),
        Err(failure) => {
            let what = format!("it does not start again after the full disk: {failure}");
            evidence.push(clause::RECOVERS.contradicts(what).showing(failure.output.join(" · ")));
        }
    }
    Ok(evidence)
}

/// The same experiment as a script, if one can read back what the write makes.
struct Script {
    folder: PathBuf,
    write: Option<Kill>,
}

impl Script {
    fn of(lab: &Lab, folder: &Path, write: &RequestSpec, first: &Exchange) -> Self {
        let repeatable = Exchange { request: lab.fill_repeatable(write), ..first.clone() };
        // The script has another key for each write, and one path for all reads.
        let has_key = |part: &PathPart| matches!(part, PathPart::Text(text) if text.contains(EACH));
        let write = written::recipe(write, &repeatable).filter(|kill| !kill.read.iter().any(has_key));
        Self { folder: folder.to_owned(), write }
    }

    /// The piece with a script that shows this fault.
    fn shows(&self, fault: OnFullDisk, piece: Evidence) -> Evidence {
        let Some(write) = self.write.clone() else { return piece };
        let full = FullDisk { folder: self.folder.clone(), size: SIZE, writes: MAX_WRITES, write, fault };
        piece.reproduced_by(Recipe::FullDisk(full))
    }
}

fn is_expected(spec: &RequestSpec, exchange: &Exchange) -> bool {
    exchange.status().is_some_and(|status| spec.expects(status.as_u16()))
}

/// Writes until there is no room; how many bytes that took.
fn fill(filler: &Path) -> Option<u64> {
    let mut file = std::fs::File::create(filler).ok()?;
    let (mut filled, mut piece) = (0, vec![7; 64 << 10]);
    loop {
        match file.write(&piece) {
            Ok(0) => return Some(filled),
            Ok(length) => filled += length as u64,
            Err(_) if piece.len() > 1 => piece.truncate(piece.len() / 2),
            Err(_) => return Some(filled),
        }
        // The volume is far smaller: whatever is filled here is not it.
        if filled > 1 << 30 {
            let _ = std::fs::remove_file(filler);
            return None;
        }
    }
}

/// The writes that were acknowledged, and the first that was not.
async fn write_until_refused(lab: &Lab, write: &RequestSpec) -> (Vec<Exchange>, Option<Exchange>) {
    let client = lab.http();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < MAX_WRITES {
        let exchange = client.send(lab.fill(write)).await;
        if !is_expected(write, &exchange) {
            return (acknowledged, Some(exchange));
        }
        acknowledged.push(exchange);
    }
    (acknowledged, None)
}

/// Judges whether writes work again, and returns the one that did.
async fn room_again(lab: &Lab, write: &RequestSpec) -> (Evidence, Option<Exchange>) {
    let client = lab.http();
    let begun = Instant::now();
    loop {
        let exchange = client.send(lab.fill(write)).await;
        if is_expected(write, &exchange) {
            let what = format!("with room again writes work after {:.1?}", begun.elapsed());
            return (clause::RECOVERS.holds(what).with(&exchange), Some(exchange));
        }
        if begun.elapsed() > RECOVERY {
            let what = format!("writes do not work {RECOVERY:?} after there is room again");
            return (clause::RECOVERS.contradicts(what).with(&exchange), None);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A read of a write that was acknowledged, and the answer before the restart, twice.
struct Kept {
    request: Request,
    before: [Exchange; 2],
}

/// The last ones: those are lost first.
async fn read_back(lab: &Lab, write: &RequestSpec, acknowledged: &[Exchange]) -> Vec<Kept> {
    let client = lab.http();
    let mut kept = Vec::new();
    let requests = acknowledged.iter().rev().filter_map(|exchange| lab.read_back(write, exchange));
    for request in requests.take(MAX_READ) {
        let before = [client.send(request.clone()).await, client.send(request.clone()).await];
        kept.push(Kept { request, before });
    }
    kept
}

/// Judges whether acknowledged writes from before, on and after the full volume are there, also after a restart.
async fn kept_over_a_restart(lab: &Lab, write: &RequestSpec, script: &Script, kept: Vec<Kept>) -> Vec<Evidence> {
    let client = lab.http();
    let success = |exchange: &Exchange| exchange.status().is_some_and(|status| status.is_success());
    let body = |exchange: &Exchange| exchange.answer().map(|answer| answer.body.clone());
    for Kept { request, before } in &kept {
        if !success(&before[0]) {
            let what = "a write that was acknowledged around the full disk is gone".to_owned();
            return vec![script.shows(OnFullDisk::Gone, clause::FULL_DISK.contradicts(what).with(&before[0]))];
        }
        let after = client.send(request.clone()).await;
        // Some reads differ each time.
        let altered = body(&before[0]) == body(&before[1]) && body(&before[0]) != body(&after);
        if !success(&after) || altered {
            let told = if success(&after) { "is read otherwise" } else { "is gone" };
            let what = format!("a write that was acknowledged around the full disk {told} after a restart");
            return vec![script.shows(OnFullDisk::Altered, clause::RECOVERS.contradicts(what).with(&after))];
        }
    }
    vec![match kept.len() {
        0 => clause::RECOVERS.gap(format!(
            "no {} could be read back after the full disk and a restart: say its `read` and what to `save` for it",
            write.name
        )),
        count => clause::RECOVERS.holds(format!(
            "after a restart the last {count} writes acknowledged around the full disk are read as before"
        )),
    }]
}
