//! The queue of lines for standard output: bounded in lines and bytes, written by a thread of its own.

use std::io::Write;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::line;

/// Lines that may wait for standard output.
pub const QUEUE_LINES: usize = 16_384;
/// Bytes that may wait for standard output; as many again may be on their way.
pub const QUEUE_BYTES: usize = 4 * 1024 * 1024;
/// Part of the queue that is kept for warnings and errors.
const FOR_WARNINGS: usize = QUEUE_BYTES / 8;
/// A buffer that has grown larger is not kept.
const KEPT_BYTES: usize = 256 * 1024;
/// The most time that the end waits for the output.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// Time after which suppressed lines are told when no line of theirs does.
const TELL_SUPPRESSED: Duration = Duration::from_secs(10);

/// Lines that wait for standard output. Adding one never waits for the output.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    has_lines: Condvar,
    is_over: Condvar,
    written: AtomicU64,
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    lines: u64,
    /// Lines that are being written.
    under_way: u64,
    /// Lines lost since the last that was added, and since when.
    lost: u64,
    lost_since: Option<SystemTime>,
    is_ending: bool,
    has_ended: bool,
}

/// Lines that are being written.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Lines of events among them.
    lines: u64,
    /// The loss that its last line tells, and since when.
    told: u64,
    told_since: Option<SystemTime>,
    /// True when it could not be written.
    has_failed: bool,
}

impl Queue {
    /// Adds a line, or counts it as lost when the queue is full. Part of the queue is for warnings alone.
    pub(super) fn push(&self, line: &[u8], is_warning: bool) {
        let bound = if is_warning { QUEUE_BYTES } else { QUEUE_BYTES - FOR_WARNINGS };
        let mut waiting = self.waiting();
        if waiting.bytes.len() + line.len() > bound || waiting.lines >= QUEUE_LINES as u64 {
            self.lose(&mut waiting, 1);
            return;
        }
        waiting.bytes.extend_from_slice(line);
        waiting.lines += 1;
        let is_first = waiting.lines == 1;
        drop(waiting);
        if is_first {
            self.has_lines.notify_one();
        }
    }

    fn lose(&self, waiting: &mut Waiting, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
        waiting.lost += lines;
        waiting.lost_since.get_or_insert_with(SystemTime::now);
    }

    /// Writes lines until the end. `suppressed` appends lines about suppressed ones now and then.
    pub(super) fn write_all(&self, mut out: impl Write, suppressed: impl Fn(&mut String)) {
        let mut batch = Batch::default();
        while self.next(&mut batch, &suppressed) {
            batch.has_failed = out.write_all(&batch.bytes).and_then(|()| out.flush()).is_err();
            if batch.has_failed {
                // Nobody reads, or the disk is full: the lines are lost, and the next ones are tried.
                let mut waiting = self.waiting();
                self.lose(&mut waiting, batch.lines);
                waiting.lost += batch.told;
                waiting.lost_since = batch.told_since.or(waiting.lost_since);
            } else {
                self.written.fetch_add(batch.lines, Ordering::Relaxed);
            }
        }
        self.waiting().has_ended = true;
        self.is_over.notify_all();
    }

    /// Waits for lines, or for a loss to tell; false at the end, when there are none.
    fn next(&self, batch: &mut Batch, suppressed: impl Fn(&mut String)) -> bool {
        batch.bytes.clear();
        if batch.bytes.capacity() > KEPT_BYTES {
            batch.bytes = Vec::new();
        }
        let mut waiting = self.waiting();
        waiting.under_way = 0;
        while waiting.lines == 0 {
            if waiting.lost > 0 && !batch.has_failed {
                break;
            }
            let mut is_time = waiting.is_ending;
            if !is_time {
                let woken = self.has_lines.wait_timeout(waiting, TELL_SUPPRESSED);
                let (next, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
                (waiting, is_time) = (next, timeout.timed_out());
            }
            if is_time && waiting.lines == 0 {
                let mut own = String::new();
                suppressed(&mut own);
                if own.is_empty() && waiting.is_ending {
                    return false;
                }
                // Once in that time a failed output is tried again.
                batch.has_failed &= waiting.is_ending;
                waiting.bytes.extend_from_slice(own.as_bytes());
                if !own.is_empty() {
                    break;
                }
            }
        }
        mem::swap(&mut waiting.bytes, &mut batch.bytes);
        batch.lines = mem::take(&mut waiting.lines);
        waiting.under_way = batch.lines;
        (batch.told, batch.told_since) = (mem::take(&mut waiting.lost), waiting.lost_since.take());
        drop(waiting);
        if batch.told > 0 {
            let (mut own, now) = (String::new(), SystemTime::now());
            let since = crate::Timestamp(batch.told_since.unwrap_or(now)).to_string();
            line::write_own(&mut own, "lines lost", ("lost", batch.told), &[("since", &since)], now);
            batch.bytes.extend_from_slice(own.as_bytes());
        }
        true
    }

    /// Ends the writing; waits at most a second for the lines that are queued. Returns the number of lines that the output has not taken by then.
    pub(super) fn end(&self) -> u64 {
        let mut waiting = self.waiting();
        waiting.is_ending = true;
        self.has_lines.notify_all();
        let not_over = |waiting: &mut Waiting| !waiting.has_ended;
        let waited = self.is_over.wait_timeout_while(waiting, END_PATIENCE, not_over);
        let (waiting, _timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if waiting.has_ended { 0 } else { waiting.lines + waiting.under_way }
    }

    /// Lines written, and lines lost.
    pub(super) fn counts(&self) -> [u64; 2] {
        [self.written.load(Ordering::Relaxed), self.lost.load(Ordering::Relaxed)]
    }

    /// Lines and bytes that wait.
    pub(super) fn fill(&self) -> [u64; 2] {
        let waiting = self.waiting();
        [waiting.lines, waiting.bytes.len() as u64]
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // A panic while the lock is held leaves at most half a line.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread that writes.
pub(super) fn start(
    queue: &Arc<Queue>,
    out: impl Write + Send + 'static,
    suppressed: impl Fn(&mut String) + Send + 'static,
) {
    let writing = Arc::clone(queue);
    let thread = std::thread::Builder::new().name("logs".to_owned());
    let started = thread.spawn(move || writing.write_all(out, suppressed));
    if let Err(error) = started {
        let _ = writeln!(std::io::stderr(), "no thread for the logs: {error}; lines are counted as lost");
        queue.waiting().has_ended = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Output that takes nothing until it is told to, and then keeps what it gets.
    struct Stalled {
        may_go_on: mpsc::Receiver<()>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            // After the sender has gone it takes everything.
            let _ = self.may_go_on.recv();
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn stalled() -> (Arc<Queue>, mpsc::Sender<()>, Arc<Mutex<Vec<u8>>>) {
        let (queue, taken) = (Arc::new(Queue::default()), Arc::new(Mutex::new(Vec::new())));
        let (go_on, may_go_on) = mpsc::channel();
        start(&queue, Stalled { may_go_on, taken: taken.clone() }, |_| {});
        (queue, go_on, taken)
    }

    #[test]
    fn a_stalled_output_costs_lines_and_the_log_says_how_many() {
        let (queue, go_on, taken) = stalled();
        let line = [b'x'; 1023].iter().chain(b"\n").copied().collect::<Vec<u8>>();
        let sent = 3 * QUEUE_BYTES / line.len();
        (0..sent).for_each(|_| queue.push(&line, false));
        assert!(queue.fill()[1] <= QUEUE_BYTES as u64, "{:?}", queue.fill());
        drop(go_on);
        // The end waits for a bounded time; a busy machine takes longer to write them.
        while queue.fill()[1] > 0 {
            std::thread::yield_now();
        }
        assert_eq!(queue.end(), 0);
        let text = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
        let [written, lost] = queue.counts();
        assert!(lost > 0 && text.contains(&format!(r#""message":"lines lost","lost":{lost},"since":"#)), "{lost}");
        assert_eq!(written + lost, sent as u64);
        assert_eq!(text.lines().count() as u64, written + 1, "the line about the loss is one more");
    }

    #[test]
    fn the_end_waits_for_a_stalled_output_no_longer_than_its_bound_and_counts_the_lines_that_are_left() {
        let (queue, go_on, _taken) = stalled();
        (0..3).for_each(|_| queue.push(b"line\n", false));
        assert_eq!(queue.end(), 3);
        drop(go_on);
    }

    #[test]
    fn warnings_find_room_where_other_lines_are_lost() {
        let (queue, go_on, taken) = stalled();
        let line = [b'x'; 1024];
        (0..3 * QUEUE_BYTES / line.len()).for_each(|_| queue.push(&line, false));
        let lost = queue.counts()[1];
        queue.push(b"a warning\n", true);
        assert_eq!(queue.counts()[1], lost);
        drop(go_on);
        queue.end();
        assert!(taken.lock().unwrap().windows(9).any(|bytes| bytes == b"a warning"));
    }

    #[test]
    fn an_output_that_fails_costs_the_lines_and_not_the_queue() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _bytes: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let queue = Arc::new(Queue::default());
        start(&queue, Full, |_| {});
        queue.push(b"first\n", false);
        queue.end();
        assert_eq!(queue.counts(), [0, 1]);
    }
}
