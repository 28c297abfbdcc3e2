//! The judges of `data.location` on observed files without a service.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::os::unix::fs::MetadataExt;

use super::*;
use crate::finding::Bearing;

/// Observations of one file that was open, or changed with every request.
fn seen(open: Option<&Path>, changed: Option<&Path>, watched: Option<usize>) -> Seen {
    let window = |asked| Window { asked, changed: changed.filter(|_| asked).map(PathBuf::from).into_iter().collect() };
    let users = changed.map(|path| path.metadata().unwrap().uid()).into_iter().collect();
    Seen {
        open: open.map(PathBuf::from).into_iter().collect(),
        windows: [true, false, true, false].map(window).to_vec(),
        answered: 2,
        watched,
        missed: None,
        users,
        bytes: 0,
    }
}

#[test]
fn a_file_outside_of_the_declared_folders_is_a_stray() {
    let folder = tempfile::tempdir().unwrap();
    let (data, stray) = (folder.path().join("data"), folder.path().join("stray.db"));
    let inside = data.join("state.db");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(&stray, "x").unwrap();
    std::fs::write(&inside, "x").unwrap();
    let folders = [data];
    let bearings = |seen: &Seen| strays(seen, &folders, &[]).iter().map(Evidence::bearing).collect::<Vec<_>>();
    use Bearing::{Against, For, Gap};
    assert_eq!(bearings(&seen(Some(&inside), Some(&inside), Some(9))), [For, For]);
    assert_eq!(bearings(&seen(Some(&stray), None, Some(9))), [Against, For]);
    assert_eq!(bearings(&seen(None, Some(&stray), Some(9))), [For, Against]);
    assert_eq!(bearings(&seen(None, None, None)), [For, Gap], "the kernel gave no watch");
    assert!(seen(Some(&inside), None, Some(9)).inside(&folders).is_some());
    assert!(seen(None, Some(&inside), Some(9)).inside(&folders).is_some());
    assert!(seen(Some(&stray), Some(&stray), Some(9)).inside(&folders).is_none());
}
