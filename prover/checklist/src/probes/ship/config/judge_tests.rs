//! The judge of `ship.config` on ends of a process.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use super::*;

fn good(end: End, unnamed: &[&str], traced: bool) -> bool {
    judge(&end, unnamed, traced, 1).0
}

#[test]
fn a_setting_is_refused_with_a_code_and_by_its_name() {
    assert!(good(End::Ended(Exit::Code(2)), &[], false));
    assert!(!good(End::Ended(Exit::Code(0)), &[], false), "as if all were well");
    assert!(!good(End::Ended(Exit::Code(2)), &["PORT"], false), "it is not named");
    assert!(!good(End::Ended(Exit::Code(2)), &[], true), "with a stack trace");
    assert!(!good(End::Ended(Exit::Signal(6)), &[], false));
    assert!(!good(End::Ready(REFUSE), &[], false), "it goes on");
    assert!(!good(End::Neither(REFUSE), &[], false));
}

#[tokio::test]
async fn a_service_that_is_not_ready_yet_may_still_refuse() {
    let start = |command: &str| Process::start(Launch { command: command.to_owned(), ..Launch::default() }).unwrap();
    let (soon, longest) = (Duration::ZERO, Duration::from_secs(20));
    let slow = ended(&mut start("sleep 0.3; exit 3"), || std::future::ready(false), soon, longest).await;
    assert_eq!(slow, End::Ended(Exit::Code(3)));
    let lenient = ended(&mut start("exec sleep 60"), || std::future::ready(true), soon, longest).await;
    assert!(matches!(lenient, End::Ready(_)), "{lenient:?}");
    let stuck = ended(&mut start("exec sleep 60"), || std::future::ready(false), soon, soon).await;
    assert!(matches!(stuck, End::Neither(_)), "{stuck:?}");
}
