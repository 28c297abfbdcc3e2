//! The judge of `ship.config` on ends of a process without one.

use super::*;

fn good(exit: Option<Exit>, unnamed: &[&str], traced: bool) -> bool {
    judge(exit, unnamed, traced, 1, REFUSE).0
}

#[test]
fn a_setting_is_refused_with_a_code_and_by_its_name() {
    assert!(good(Some(Exit::Code(2)), &[], false));
    assert!(!good(Some(Exit::Code(0)), &[], false), "as if all were well");
    assert!(!good(Some(Exit::Code(2)), &["PORT"], false), "it is not named");
    assert!(!good(Some(Exit::Code(2)), &[], true), "with a stack trace");
    assert!(!good(Some(Exit::Signal(6)), &[], false));
    assert!(!good(None, &[], false), "it goes on");
}
