//! Lists the files of the probes, so that `keel explain ID --sources` names those that there are.

use std::path::{Path, PathBuf};

const PROBES: &str = "src/probes";

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={PROBES}");
    let mut files = Vec::new();
    list(Path::new(PROBES), &mut files)?;
    files.sort();
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    std::fs::write(out.join("files.rs"), format!("&{files:#?}"))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
