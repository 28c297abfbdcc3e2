//! `keel history check` as people use it.

use std::process::Command;

fn check(lines: &str, checker: &str) -> (Option<i32>, String) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines).unwrap();
    let mut keel = Command::new(env!("CARGO_BIN_EXE_keel"));
    let output = keel.args(["history", "check", "--checker", checker]).arg(file.path()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap())
}

const WRITE: &str = r#"{"process":1,"f":"write","key":"x","value":7,"invoked":0,"completed":10,"type":"ok"}"#;
const STALE: &str =
    r#"{"process":2,"f":"read","key":"x","invoked":20,"completed":30,"type":"ok","answer":{"value":null}}"#;

#[test]
fn the_exit_code_says_whether_a_history_can_be_right() {
    assert_eq!(check(WRITE, "register").0, Some(0));
    let (code, told) = check(&format!("{WRITE}\n{STALE}\n"), "register");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("write x = 7") && told.contains("read x -> nothing"), "{told}");
    assert_eq!(check(WRITE, "bank").0, Some(4), "nothing of a bank is in it");
    let (code, told) = check("steal\n", "effects");
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("line 1"), "{told}");
}
