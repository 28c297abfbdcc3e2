//! Undoes the commands of drills that were killed.

use std::path::PathBuf;

use keel_drill::experiment::undo;

/// The folder with the undo logs of drills, in the folder for temporary files.
const FOLDER: &str = "keel-undo";

/// Returns the folder with the undo logs of drills.
pub(crate) fn folder() -> PathBuf {
    std::env::temp_dir().join(FOLDER)
}

/// Undoes the commands, and returns a sentence for each.
pub(crate) async fn restored() -> Vec<String> {
    undo::restore(&folder()).await
}

/// Does the same outside of a runtime.
pub(super) fn restored_now() -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_or_else(|error| vec![format!("could not start to undo commands: {error}")], |it| it.block_on(restored()))
}
