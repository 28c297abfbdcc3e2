//! The pool for CPU-bound work: bounds, deadlines, and dropped callers.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel_resilience::cpu::{CpuError, MAX_QUEUE, MAX_THREADS, Wanted};
use evenkeel_resilience::{CpuPool, CpuRules, Deadline};
use futures_util::FutureExt;
use vitals::{Registry, TableValue};

fn pool(threads: u32, queue: u32) -> CpuPool {
    CpuPool::new("test", CpuRules::of(threads).queue(queue)).unwrap()
}

/// Work that reports its begin, and ends on a signal.
fn held() -> (impl FnOnce(&Wanted<'_>) -> Result<(), CpuError> + Send, Receiver<()>, Sender<()>) {
    let ((begin, begun), (end, ended)) = (channel(), channel::<()>());
    let work = move |_: &Wanted<'_>| {
        begin.send(()).unwrap();
        let _ = ended.recv();
        Ok(())
    };
    (work, begun, end)
}

#[tokio::test]
async fn work_over_the_threads_waits_and_work_over_the_queue_is_refused_at_once() {
    let pool = pool(1, 1);
    let (work, begun, end) = held();
    let mut first = Box::pin(pool.run(work));
    assert!(first.as_mut().now_or_never().is_none());
    begun.recv().unwrap();
    let mut second = Box::pin(pool.run(|_| Ok(2)));
    assert!(second.as_mut().now_or_never().is_none());
    assert_eq!(pool.run(|_| Ok(3)).await, Err(CpuError::Full));
    end.send(()).unwrap();
    assert_eq!((first.await, second.await), (Ok(()), Ok(2)));
}

#[tokio::test]
async fn a_dropped_caller_frees_its_place_in_the_queue_and_its_work_never_begins() {
    let pool = pool(1, 1);
    let (work, begun, end) = held();
    let mut first = Box::pin(pool.run(work));
    assert!(first.as_mut().now_or_never().is_none());
    begun.recv().unwrap();
    let held = Arc::new(());
    let inside = Arc::clone(&held);
    let gone = pool.run(move |_| {
        drop(inside);
        unreachable!("nobody waits for it");
        #[allow(unreachable_code, reason = "the type of the result")]
        Ok(())
    });
    assert!(gone.now_or_never().is_none());
    assert_eq!(Arc::strong_count(&held), 1, "what it held is dropped with it");
    let mut third = Box::pin(pool.run(|_| Ok(3)));
    assert!(third.as_mut().now_or_never().is_none(), "there is a place again");
    end.send(()).unwrap();
    assert_eq!((first.await, third.await), (Ok(()), Ok(3)));
}

#[tokio::test]
async fn running_work_sees_that_its_caller_is_gone() {
    let pool = pool(1, 0);
    let ((begin, begun), (end, ended), (tell, told)) = (channel(), channel::<()>(), channel());
    let forsaken = pool.run(move |wanted| {
        begin.send(wanted.check()).unwrap();
        ended.recv().unwrap();
        tell.send(wanted.check()).unwrap();
        Ok(())
    });
    let mut forsaken = Box::pin(forsaken);
    assert!(forsaken.as_mut().now_or_never().is_none());
    assert_eq!(begun.recv().unwrap(), Ok(()));
    drop(forsaken);
    end.send(()).unwrap();
    assert_eq!(told.recv().unwrap(), Err(CpuError::Forsaken));
}

#[tokio::test]
async fn work_sees_the_deadline_of_its_task_and_late_work_is_not_begun() {
    let pool = pool(1, 4);
    let deadline = Deadline::after(Duration::from_secs(60));
    let seen = deadline.scope(pool.run(|_| Ok(Deadline::current()))).await.unwrap();
    assert_eq!(seen, Ok(Some(deadline)));
    assert_eq!(pool.run(|_| Ok(Deadline::current())).await, Ok(None));

    let (work, begun, end) = held();
    let mut first = Box::pin(pool.run(work));
    assert!(first.as_mut().now_or_never().is_none());
    begun.recv().unwrap();
    let over = Deadline::after(Duration::ZERO);
    let late = over.scope(pool.run(|_| -> Result<(), _> { unreachable!("its time is over") })).await;
    assert!(matches!(late, Err(_) | Ok(Err(CpuError::Expired(_)))), "{late:?}");
    end.send(()).unwrap();
    first.await.unwrap();
}

#[tokio::test]
async fn a_panic_reaches_its_caller_and_the_thread_goes_on() {
    let pool = pool(1, 1);
    let asked = pool.clone();
    let ended = tokio::spawn(async move { asked.run(|_| -> Result<(), _> { panic!("a bad sum") }).await }).await;
    let panic = ended.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"a bad sum"));
    assert_eq!(pool.run(|_| Ok(1)).await, Ok(1));
}

#[tokio::test]
async fn threads_are_named_start_with_the_pool_and_end_with_its_last_clone() {
    let ((begin, begun), (tell, told)) = (channel(), channel());
    let alive = Arc::new(Mutex::new(tell));
    let first = move |number| {
        let _kept = &alive;
        begin.send((number, std::thread::current().name().map(str::to_owned))).unwrap();
    };
    let pool = CpuPool::begun_with("sums", CpuRules::of(2).queue(0), first).unwrap();
    let mut seen = [begun.recv().unwrap(), begun.recv().unwrap()];
    seen.sort();
    assert_eq!(seen, [(0, Some("sums-0".to_owned())), (1, Some("sums-1".to_owned()))]);
    let other = pool.clone();
    drop(pool);
    assert_eq!(other.run(|_| Ok(1)).await, Ok(1));
    drop(other);
    // The hook is dropped with the threads that hold it.
    let ended: Result<(), _> = told.recv();
    assert!(ended.is_err());
}

#[tokio::test]
async fn without_threads_work_is_done_where_it_is_asked_for() {
    let here = std::thread::current().id();
    assert_eq!(pool(0, 0).run(|_| Ok(std::thread::current().id())).await, Ok(here));
}

#[tokio::test]
async fn invalid_rules_are_rejected_and_finished_work_is_counted() {
    let threads = CpuPool::new("test", CpuRules::of(MAX_THREADS + 1).queue(0)).unwrap_err();
    assert!(threads.to_string().contains("1025 threads"), "{threads}");
    let queue = CpuPool::new("test", CpuRules::of(1).queue(MAX_QUEUE + 1)).unwrap_err();
    assert!(queue.to_string().contains("100001"), "{queue}");

    let (registry, pool) = (Registry::new(), pool(1, 0));
    pool.register(&registry);
    let (work, begun, end) = held();
    let mut first = Box::pin(pool.run(work));
    assert!(first.as_mut().now_or_never().is_none());
    begun.recv().unwrap();
    assert_eq!(pool.run(|_| Ok(())).await, Err(CpuError::Full));
    let rows = registry.snapshot().into_iter().find(|table| table.table.name == "cpu_pool").unwrap().rows;
    assert_eq!(rows[0][1..4], [TableValue::Level(1.0), TableValue::Level(1.0), TableValue::Level(0.0)]);
    assert_eq!(rows[0][5], TableValue::Count(1));
    end.send(()).unwrap();
    first.await.unwrap();
}
