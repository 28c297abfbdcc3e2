//! The service on a small volume of its own that is filled, and given room again.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use keel_drill::process::Launch;
use keel_wire::http::Exchange;

use crate::clause::data::location as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::subject::RequestSpec;

/// The volume, as `mount` reads it. Enough for an empty database and its log.
const SIZE: &str = "16m";
/// Writes that are tried on the full volume: what was reserved before is used up first.
const MAX_WRITES: usize = 300;
/// How soon writes must work again once there is room.
const RECOVERY: Duration = Duration::from_secs(10);
/// Between two tries.
const LOOK: Duration = Duration::from_millis(50);
const SIGKILL: i32 = 9;
/// Run by the shell in the new namespace: the volume first, the service in its place.
const SCRIPT: &str = r#"mount -t tmpfs -o size="$KEEL_SIZE",mode=1777 keel "$KEEL_DATA" && eval "$KEEL_RUN""#;

/// What is seen of the service with `folder` on a full volume.
pub(super) async fn examine(lab: &mut Lab, folder: &Path) -> Vec<Evidence> {
    let Some(write) = lab.mix().into_iter().find(|spec| !spec.only_reads() && spec.uses.is_empty()) else {
        return vec![clause::FULL_DISK.gap("no request is known to write, so the full disk was not tried")];
    };
    lab.stop().await;
    let started = lab.start_with(|launch| on_a_small_volume(launch, folder)).await;
    if let Err(failure) = started {
        let last = failure.output.last().cloned().unwrap_or_default();
        return vec![clause::FULL_DISK.gap(format!(
            "the full disk was not tried: no volume could be mounted for the service ({failure}; {last})"
        ))];
    }
    let evidence = on_a_full_disk(lab, folder, &write).await;
    // Its namespace ends with it. What it keeps of the mix is of another, empty store.
    lab.signal_group(SIGKILL);
    lab.stop().await;
    if lab.start_with(|_| {}).await.is_ok() {
        lab.send_mix().await;
    }
    evidence
}

fn on_a_small_volume(launch: &mut Launch, folder: &Path) {
    let compound = launch.command.contains(['|', '&', ';', '<', '>', '(', '\n']);
    let run = if compound { launch.command.clone() } else { format!("exec {}", launch.command) };
    launch.env.insert("KEEL_RUN".to_owned(), run);
    launch.env.insert("KEEL_DATA".to_owned(), folder.display().to_string());
    launch.env.insert("KEEL_SIZE".to_owned(), SIZE.to_owned());
    launch.command = format!("unshare --mount --propagation private sh -c '{SCRIPT}'");
}

async fn on_a_full_disk(lab: &mut Lab, folder: &Path, write: &RequestSpec) -> Vec<Evidence> {
    // The store is new: what later requests need must be made in it.
    lab.send_mix().await;
    let Some(volume) = lab.process().pids().last().map(|pid| seen_by(*pid, folder)) else {
        return vec![clause::FULL_DISK.gap("the full disk was not tried: the service has no process")];
    };
    let first = lab.http().send(lab.fill(write)).await;
    if !is_expected(write, &first) {
        return vec![
            clause::FULL_DISK
                .gap(format!("the full disk was not tried: {} does not succeed on an empty volume", write.name)),
        ];
    }
    let filler = volume.join("keel-filler");
    let filled = fill(&filler);
    let Some(filled) = filled else {
        return vec![clause::FULL_DISK.gap("the full disk was not tried: the volume could not be filled")];
    };
    let mut evidence =
        vec![clause::FULL_DISK.figure(format!("the volume of {SIZE} was filled with {} KiB", filled >> 10))];
    let (acknowledged, refused) = write_until_refused(lab, write).await;
    evidence.push(match &refused {
        None => clause::FULL_DISK.figure(format!("{MAX_WRITES} writes were acknowledged on the full volume")),
        Some(exchange) => {
            let good = exchange.status().is_some_and(|status| status.is_server_error());
            let told = if good { "is clearly refused" } else { "is not clearly refused" };
            let what = format!(
                "on the full volume {} {told}, after {} that were acknowledged",
                write.name,
                acknowledged.len()
            );
            clause::FULL_DISK.saw(good, what).with(exchange)
        }
    });
    let read = lab.http().send(lab.harmless()).await;
    let reads = read.status().is_some_and(|status| status.as_u16() < 400);
    let told = if reads { "go on" } else { "do not go on" };
    evidence.push(clause::FULL_DISK.saw(reads, format!("reads {told} on the full volume")).with(&read));
    let alive = lab.process().wait(LOOK * 4).await.is_none();
    let told = if alive { "lives on" } else { "has ended" };
    evidence.push(clause::FULL_DISK.saw(alive, format!("the process {told} on the full volume")));
    let _ = std::fs::remove_file(&filler);
    evidence.push(room_again(lab, write).await);
    evidence.push(kept(lab, write, &acknowledged).await);
    evidence
}

/// A folder as a process in another mount namespace sees it.
fn seen_by(pid: u32, folder: &Path) -> PathBuf {
    let inside = folder.strip_prefix("/").unwrap_or(folder);
    PathBuf::from(format!("/proc/{pid}/root")).join(inside)
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

async fn room_again(lab: &Lab, write: &RequestSpec) -> Evidence {
    let client = lab.http();
    let begun = Instant::now();
    loop {
        let exchange = client.send(lab.fill(write)).await;
        if is_expected(write, &exchange) {
            return clause::RECOVERS
                .holds(format!("with room again writes work after {:.1?}", begun.elapsed()))
                .with(&exchange);
        }
        if begun.elapsed() > RECOVERY {
            return clause::RECOVERS
                .contradicts(format!("writes do not work {RECOVERY:?} after there is room again"))
                .with(&exchange);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether what was acknowledged on the full volume is there.
async fn kept(lab: &Lab, write: &RequestSpec, acknowledged: &[Exchange]) -> Evidence {
    let client = lab.http();
    let reads: Vec<_> =
        acknowledged.iter().rev().filter_map(|exchange| lab.read_back(write, exchange)).take(50).collect();
    for request in &reads {
        let read = client.send(request.clone()).await;
        if !read.status().is_some_and(|status| status.is_success()) {
            return clause::FULL_DISK
                .contradicts("a write that was acknowledged on the full volume is gone")
                .with(&read);
        }
    }
    match reads.len() {
        0 => clause::FULL_DISK.figure("nothing was acknowledged on the full volume that could be read back"),
        count => clause::FULL_DISK.holds(format!("{count} writes acknowledged on the full volume are readable")),
    }
}
