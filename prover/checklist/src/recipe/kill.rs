//! A write, and the path to read back what it made.

use std::collections::BTreeMap;

use keel_wire::http::Request;

/// A write that must survive a kill.
#[derive(Clone, Debug)]
pub struct Kill {
    /// The request that makes a thing.
    pub write: Request,
    /// The status of its answer when it is acknowledged.
    pub acknowledged: u16,
    /// The path to read it back: text, and JSON pointers into the answer, one after another.
    pub read: Vec<PathPart>,
    /// The headers of the read.
    pub headers: Vec<(String, String)>,
}

/// A part of a path.
#[derive(Clone, Debug)]
pub enum PathPart {
    /// Text as it stands.
    Text(String),
    /// The value at a JSON pointer into the answer of the write.
    Saved(String),
}

impl Kill {
    /// The parts of a path in which `{name}` stands for what was saved under that name; none when a name is not known.
    pub fn parts(path: &str, saved: &BTreeMap<String, String>) -> Option<Vec<PathPart>> {
        let mut parts = Vec::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}')?;
            parts.push(PathPart::Text(before.to_owned()));
            parts.push(PathPart::Saved(saved.get(name)?.clone()));
            rest = behind;
        }
        parts.push(PathPart::Text(rest.to_owned()));
        Some(parts)
    }
}
