//! Steadiness of the subject's resource usage while a steady load is sent: shared by `life.steady` and `prove.soak`.

mod measure;
mod slope;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use keel_wire::http::{Client, Request};

pub(crate) use self::measure::{Kind, Measure, Trend};
use crate::clause::Clause;
use crate::finding::{Evidence, Finding};
use crate::lab::Lab;
use crate::lab::soak::{Sample, Soak};
use crate::recipe::Held;
use crate::recipe::Recipe;
use crate::subject::State;

/// Clients that send at the same time.
const CLIENTS: u32 = 4;
/// Between two requests of one client: at most 250 a second together.
const PACE: Duration = Duration::from_millis(16);
/// Number of samples in all, for every duration; their slopes are quadratic in them.
const SAMPLES: u32 = 100;
/// An exchange that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(15);
/// Of a hundred exchanges so many must be answered as expected, or it was not this load that was held.
const ANSWERED: u64 = 90;
/// Requests that the script sends which shows that something rises.
const SHOWN: usize = 1_000;
/// The most files that a look at the data counts.
const MAX_FILES: u64 = 200_000;
/// Bytes of a block, as stat(2) counts them.
const BLOCK: u64 = 512;
const LONGER: &str = "hold the load for longer, with `[soak] lasts`";
const DOUBTFUL: &str = "a cache that fills or a collector that has not run looks the same; soak it longer";
const DISK_UNSEEN: &str = "what it keeps on disk was not looked at: declare its folders as `data`, or state = \"none\"";

/// One request of the load, and the statuses that are expected of it.
struct Sent {
    fill: Box<dyn Fn() -> Request + Send + Sync>,
    expects: Box<dyn Fn(u16) -> bool + Send + Sync>,
    writes: bool,
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    writes: AtomicU64,
}

/// Judges what was sampled while the load was held for at least so long. It is held once in a run: by the first probe that needs it.
pub(crate) async fn examine(id: &str, clause_of: fn(Kind) -> Clause, lab: &mut Lab, lasts: Duration) -> Finding {
    if let Some(soak) = lab.soak.as_ref().filter(|soak| soak.lasts >= lasts) {
        let evidence = vec![Evidence::note(format!("{}; the same load as of other probes of this run", soak.told))];
        return judge(id, clause_of, lab, soak, evidence);
    }
    let (soak, sent, failed) = hold(lab, lasts).await;
    let mut evidence = vec![Evidence::note(soak.told.clone())];
    if !lab.process().is_running() {
        evidence.push(clause_of(Kind::Memory).contradicts(format!("its process ended under {}", soak.told)));
        return Finding::judge(id, evidence);
    }
    if (sent - failed) * 100 < sent * ANSWERED || sent == 0 {
        let reason = format!("the load was not answered: {}; mend the mix, or its limit", soak.told);
        return Finding::unknown(id, reason, evidence);
    }
    let finding = judge(id, clause_of, lab, &soak, evidence);
    lab.soak = Some(soak);
    finding
}

/// Holds the load; also says how many requests were sent, and how many of them were not answered as expected.
async fn hold(lab: &Lab, lasts: Duration) -> (Soak, u64, u64) {
    let load = load_of(lab);
    let writing = load.iter().any(|sent| sent.writes);
    let client = lab.http().with_timeout(PATIENCE);
    let counts = Counts::default();
    let until = Instant::now() + lasts;
    let clients = (0..CLIENTS).map(|number| send(&client, &load, &counts, number as usize, until));
    let (_, samples) = tokio::join!(futures_util::future::join_all(clients), sample(lab, lasts));
    let (sent, failed, writes) = (counts.sent.load(Relaxed), counts.failed.load(Relaxed), counts.writes.load(Relaxed));
    let told = format!(
        "{sent} requests in {lasts:.0?}, {writes} of them writes, {failed} not answered as expected; {} samples",
        samples.len()
    );
    (Soak { lasts, told, writing, samples }, sent, failed)
}

fn judge(id: &str, clause_of: fn(Kind) -> Clause, lab: &Lab, soak: &Soak, mut evidence: Vec<Evidence>) -> Finding {
    let Soak { writing, samples, .. } = soak;
    for (at, kind) in Kind::ALL.into_iter().enumerate() {
        let clause = clause_of(kind);
        if kind.is_of_data() && lab.subject.data.is_empty() {
            evidence.push(match lab.subject.state {
                State::None => clause.is_void("state = \"none\""),
                _ => clause.gap(DISK_UNSEEN),
            });
            continue;
        }
        let points: Vec<(f64, f64)> = samples.iter().map(|(seconds, amounts)| (*seconds, amounts[at] as f64)).collect();
        let Some(measure) = Measure::of(kind, &points) else {
            return Finding::unknown(id, "too few samples for a slope", evidence);
        };
        let told = measure.told();
        if kind.is_of_data() && samples.iter().any(|(_, amounts)| amounts[Kind::ALL.len() - 1] >= MAX_FILES) {
            evidence
                .push(clause.gap(format!("there are more than {MAX_FILES} files of data, which were not all counted")));
        }
        let explained = kind.is_of_data() && *writing;
        let good = match measure.trend {
            Trend::Flat => Some(true),
            Trend::Rising if !explained => Some(false),
            Trend::Rising | Trend::Doubtful => None,
        };
        evidence.push(match good {
            None if explained => clause.gap(format!("{told}, which the writes may explain")),
            None => clause.gap(format!("{told}: {DOUBTFUL}")),
            Some(true) if measure.too_coarse().is_some() => {
                let bound = measure.too_coarse().unwrap_or_default();
                clause.gap(format!("{told}; a rise of up to {bound} in an hour would not show in this run: {LONGER}"))
            }
            Some(good) => recipe(lab, kind).into_iter().fold(clause.saw(good, told), Evidence::reproduced_by),
        });
    }
    Finding::judge(id, evidence)
}

/// Sends a harmless request as often as the load does in some seconds; nothing where what rises is not seen of one process.
fn recipe(lab: &Lab, kind: Kind) -> Option<Recipe> {
    let (held, most) = match kind {
        Kind::Memory => (Held::Memory, 8 << 20),
        Kind::Descriptors => (Held::Descriptors, 16),
        Kind::Threads | Kind::Disk | Kind::Files => return None,
    };
    Some(Recipe::Grows { held, request: lab.harmless(), times: SHOWN, most })
}

/// The mix; without its writes when the service may keep what they make in memory, which would rise by right.
fn load_of(lab: &Lab) -> Vec<Sent> {
    let durable = lab.subject.state == State::Durable;
    let mut load = Vec::new();
    for spec in lab.mix().into_iter().filter(|spec| durable || spec.only_reads()) {
        let (fill, writes) = (Box::new(lab.filler(&spec)), !spec.only_reads());
        load.push(Sent { fill, writes, expects: Box::new(move |status| spec.expects(status)) });
    }
    if load.is_empty() {
        let request = lab.harmless();
        load.push(Sent {
            fill: Box::new(move || request.clone()),
            writes: false,
            expects: Box::new(|status| status < 500),
        });
    }
    load
}

async fn send(client: &Client, load: &[Sent], counts: &Counts, first: usize, until: Instant) {
    for sent in load.iter().cycle().skip(first) {
        let next = Instant::now() + PACE;
        if next > until {
            break;
        }
        let exchange = client.send((sent.fill)()).await;
        let expected = exchange.status().is_some_and(|status| (sent.expects)(status.as_u16()));
        counts.sent.fetch_add(1, Relaxed);
        counts.failed.fetch_add(u64::from(!expected), Relaxed);
        counts.writes.fetch_add(u64::from(sent.writes), Relaxed);
        tokio::time::sleep_until(next.into()).await;
    }
}

/// The amounts in the order of [`Kind::ALL`], with the seconds since the beginning.
async fn sample(lab: &Lab, lasts: Duration) -> Vec<Sample> {
    let begun = Instant::now();
    let mut samples = Vec::new();
    for number in 1..=SAMPLES {
        tokio::time::sleep_until((begun + lasts * number / SAMPLES).into()).await;
        let Some(usage) = lab.usage() else { break };
        let (mut disk, mut files) = (0, 0);
        for (bytes, number) in lab.subject.data.iter().map(|folder| size_of(folder)) {
            (disk, files) = (disk + bytes, files + number);
        }
        samples.push((begun.elapsed().as_secs_f64(), [usage.resident, usage.descriptors, usage.threads, disk, files]));
    }
    samples
}

/// The bytes of the blocks of all that is in a folder, and how many files and folders that is; links are not followed, and no more
/// than [`MAX_FILES`] are counted.
fn size_of(folder: &Path) -> (u64, u64) {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    let (mut files, mut bytes) = (0, 0);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            if files >= MAX_FILES {
                return (bytes, files);
            }
            let Ok(known) = entry.metadata() else { continue };
            files += 1;
            bytes += known.blocks() * BLOCK;
            if known.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    (bytes, files)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that panics says where")]
mod tests {
    use super::*;

    #[test]
    fn many_small_files_are_counted_by_their_blocks() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        for number in 0..10 {
            std::fs::write(folder.path().join(format!("deep/{number}")), "x").unwrap();
        }
        let (bytes, files) = size_of(folder.path());
        assert_eq!(files, 11);
        assert!(bytes >= 10 * 512, "{bytes}: a byte takes a block");
        let sparse = std::fs::File::create(folder.path().join("sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        assert!(size_of(folder.path()).0 < 1 << 29, "a hole takes none");
    }
}
