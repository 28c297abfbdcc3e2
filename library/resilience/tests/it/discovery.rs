//! A cluster that follows a discovery.

use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_resilience::balance::Instance;
use evenkeel_resilience::discovery::{Discover, File, Static, Unknown, follow};
use evenkeel_resilience::{Cluster, ClusterRules};
use tokio::time::Instant;

const PERIOD: Duration = Duration::from_millis(2);
/// Timeout for a change to be seen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("discovery-{name}-{}", std::process::id())))
    }

    fn write(&self, text: &str) {
        let beside = self.0.with_extension("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, &self.0).unwrap();
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn next(file: &mut File) -> Result<Vec<Instance<String>>, Unknown> {
    tokio::time::timeout(PATIENCE, file.next()).await.expect("something new to say")
}

fn addresses(instances: &[Instance<String>]) -> Vec<&str> {
    instances.iter().map(|instance| instance.address.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_static_set_is_reported_once() {
    let mut discover = Static::new(vec![Instance::new(1)]);
    assert_eq!(discover.next().await.unwrap(), [Instance::new(1)]);
    assert!(tokio::time::timeout(PATIENCE, discover.next()).await.is_err());
}

#[tokio::test]
async fn a_changed_file_is_reported_and_a_broken_one_with_its_reason() {
    let place = Place::new("changes");
    let mut file = File::new(place.path(), PERIOD);
    assert!(next(&mut file).await.unwrap_err().why.contains("read again when it is there"));
    place.write("a:1\n");
    assert_eq!(addresses(&next(&mut file).await.unwrap()), ["a:1"]);
    let again = Discover::<String>::next(&mut file);
    assert!(tokio::time::timeout(10 * PERIOD, again).await.is_err(), "what has not changed is not said again");
    place.write("a:1 weight=many\n");
    assert!(next(&mut file).await.unwrap_err().to_string().contains("line 1"));
    place.write("a:1\nb:1\n");
    assert_eq!(addresses(&next(&mut file).await.unwrap()), ["a:1", "b:1"]);
    std::fs::remove_file(place.path()).unwrap();
    assert!(next(&mut file).await.is_err());
}

#[tokio::test]
async fn a_change_is_reported_after_a_dropped_wait_too() {
    let place = Place::new("dropped");
    let mut file = File::new(place.path(), PERIOD);
    for _ in 0..20 {
        place.write("a:1\n");
        let mut look = Box::pin(Discover::<String>::next(&mut file));
        // Dropped in the middle of its look, or after it: then this was its answer.
        let said = tokio::select! {
            biased;
            said = &mut look => Some(said),
            () = tokio::task::yield_now() => None,
        };
        drop(look);
        let said = match said {
            Some(said) => said,
            None => next(&mut file).await,
        };
        assert_eq!(addresses(&said.unwrap()), ["a:1"]);
    }
}

#[tokio::test]
async fn a_cluster_keeps_the_last_good_answer_and_says_why() {
    let place = Place::new("follow");
    place.write("a:1\nb:1\n");
    let cluster = Cluster::<String>::new("rail", ClusterRules::default(), Instant::now()).unwrap();
    let known = || cluster.seen(Instant::now()).len();
    let steps = async {
        until(|| known() == 2).await;
        let held = cluster.pick(Instant::now(), "").unwrap();
        place.write("a:1\nb:1\nc:1 d:1\n");
        until(|| cluster.stale().is_some()).await;
        assert!(cluster.stale().unwrap().contains("line 3"));
        assert_eq!(known(), 2);
        place.write("c:1\n");
        until(|| known() == 1).await;
        assert_eq!(cluster.stale(), None);
        assert_ne!(held.address(), "c:1");
    };
    tokio::select! {
        () = follow(&cluster, File::new(place.path(), PERIOD)) => {}
        () = steps => {}
    }
}

async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(PERIOD).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it comes to hold");
}
