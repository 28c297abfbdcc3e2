//! Examination of the specimens of the chapter `ship` in tests.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use crate::finding::Finding;
use crate::subject::{RequestSpec, State, Subject};
use crate::testing::post;
use crate::testing::{examine_declared, get};

pub(crate) const PASSWORD: &str = "h7Gq2kZ9xW4m";

/// The specimen with a folder for its data and one to work in, which end with the test.
pub(crate) async fn examine(id: &str, name: &str, declare: impl FnOnce(&mut Subject)) -> Finding {
    let folder = tempfile::tempdir().unwrap();
    let (data, work) = (folder.path().join("data"), folder.path().join("work"));
    std::fs::create_dir_all(&data).unwrap();
    std::fs::create_dir_all(&work).unwrap();
    examine_declared(id, name, |subject| {
        let port = subject.url.port().unwrap();
        subject.workdir = work;
        subject.env.extend([
            ("SHIP_PORT".to_owned(), port.to_string()),
            ("SHIP_LIMIT".to_owned(), "10".to_owned()),
            ("SHIP_DATA".to_owned(), data.display().to_string()),
            ("SHIP_DATABASE".to_owned(), format!("postgres://me:{PASSWORD}@127.0.0.1/none")),
        ]);
        subject.data = vec![data];
        subject.state = State::Durable;
        subject.requests = vec![get("/"), make()];
        declare(subject);
    })
    .await
}

pub(crate) fn make() -> RequestSpec {
    RequestSpec {
        save: [("thing".to_owned(), "/id".to_owned())].into(),
        read: Some("/things/{thing}".to_owned()),
        expect: Some(201),
        ..post("/things", serde_json::json!({ "colour": "blue" }))
    }
}

/// The specimen falls short, and the summary says of what.
pub(crate) async fn falls_short(id: &str, name: &str, of: &str) {
    crate::testing::falls_short(&examine(id, name, |_| {}).await, &[of]);
}

/// Returns the finding of a probe that reads the repository, with these files.
pub(crate) async fn repository(id: &str, files: &[(&str, &str)]) -> Finding {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let root = folder.path().to_owned();
    examine(id, "ship-good", |subject| subject.repository = Some(root)).await
}
