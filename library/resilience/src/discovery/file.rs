//! File discovery: instances from a file that is watched.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::source::{Discover, Unknown};
use crate::balance::{Instance, MAX_WEIGHT};
use crate::ticker::{Ticker, TickerRules};

/// The largest file, in bytes.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Instances from a file, one on each line: `ADDRESS [weight=N] [zone=NAME]`; a `#` begins a comment.
///
/// The file is checked for changes every period, which is jittered. A file that cannot be read, is broken, or names no instance is no answer: it
/// is reported once, and the last good answer stays. Replace it by a rename, so that no reader sees half of it.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    looks: Ticker,
    /// Last reported state; none at first.
    reported: Option<Result<Stamp, String>>,
}

/// Stamp by which a change is detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    number: u64,
}

impl File {
    /// Watches this file, checked each `period`, with a jitter of a tenth.
    ///
    /// # Panics
    /// When the period is zero, or longer than [`crate::ticker::MAX_PERIOD`].
    pub fn new(path: impl Into<PathBuf>, period: Duration) -> Self {
        Self { path: path.into(), looks: Ticker::new(TickerRules::every(period), Instant::now()), reported: None }
    }

    async fn stamp(&self) -> Result<Stamp, String> {
        let seen = tokio::fs::metadata(&self.path).await;
        let seen = seen.map_err(|error| format!("{error}; it is read again when it is there"))?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&seen);
        #[cfg(not(unix))]
        let number = 0;
        Ok(Stamp { modified: seen.modified().ok(), bytes: seen.len(), number })
    }

    async fn read<T: FromStr<Err: Display>>(&self) -> Result<Vec<Instance<T>>, String> {
        let tell = |error: std::io::Error| format!("{error}; it has to be a text in UTF-8");
        let mut text = String::new();
        let file = tokio::fs::File::open(&self.path).await.map_err(tell)?;
        file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).await.map_err(tell)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(format!("it is larger than {MAX_FILE_BYTES} bytes"));
        }
        parse(&text)
    }
}

impl<T: FromStr<Err: Display> + Send> Discover<T> for File {
    async fn next(&mut self) -> Result<Vec<Instance<T>>, Unknown> {
        loop {
            let stamp = self.stamp().await;
            if self.reported.as_ref() != Some(&stamp) {
                // Looked up before it is read: what is written meanwhile is seen the next time.
                let answer = match &stamp {
                    Ok(_) => self.read().await,
                    Err(why) => Err(why.clone()),
                };
                self.reported = Some(stamp);
                return answer.map_err(|why| Unknown { what: self.path.display().to_string(), why });
            }
            self.looks.tick().await;
        }
    }
}

/// Returns a word as an error shows it: the part before an `@` may be a password.
fn shown(word: &str) -> String {
    match word.rsplit_once('@') {
        Some((_, after)) => format!("{:?}", format!("***@{after}")),
        None => format!("{word:?}"),
    }
}

fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<Vec<Instance<T>>, String> {
    let mut instances = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next() else { continue };
        let parsed =
            address.parse().map_err(|error| format!("line {number}: {} is no address: {error}", shown(address)))?;
        let mut instance = Instance::new(parsed);
        for word in words {
            instance = match word.split_once('=') {
                Some(("weight", weight)) => match weight.parse() {
                    Ok(weight @ 1..=MAX_WEIGHT) => instance.weighing(weight),
                    _ => return Err(format!("line {number}: a weight of {}; it is 1 to {MAX_WEIGHT}", shown(weight))),
                },
                Some(("zone", zone)) if !zone.is_empty() => instance.within(zone),
                _ => return Err(format!("line {number}: {} is neither weight=N nor zone=NAME", shown(word))),
            };
        }
        instances.push(instance);
    }
    if instances.is_empty() {
        return Err("it names no instance: an empty file is taken for one that is being written".to_owned());
    }
    Ok(instances)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_instance_is_a_line_with_an_address_a_weight_and_a_zone() {
        let text = "# ours\n10.0.0.1:80\n\n10.0.0.2:80 zone=b weight=3 # bigger\n";
        let bigger = Instance::new("10.0.0.2:80".to_owned()).weighing(3).within("b");
        assert_eq!(parse(text), Ok(vec![Instance::new("10.0.0.1:80".to_owned()), bigger]));
    }

    #[test]
    fn the_error_of_a_broken_file_names_the_line_and_the_valid_form() {
        let broken = |text| parse::<std::net::SocketAddr>(text).unwrap_err();
        assert!(broken("10.0.0.1:80\n10.0.0.2\n").contains("line 2: \"10.0.0.2\""));
        assert!(broken("10.0.0.1:80 weight=0").contains("1 to 1000"));
        assert!(broken("10.0.0.1:80 heavy").contains("neither"));
        for secret in ["svc:SECRET@10.0.0.1", "10.0.0.1:80 svc:SECRET@10.0.0.1:80"] {
            let told = broken(secret);
            assert!(told.contains("***@10.0.0.1") && !told.contains("SECRET"), "{told}");
        }
        assert!(broken("# nobody\n").contains("names no instance"));
    }

    proptest! {
        #[test]
        fn an_accepted_file_has_an_instance_and_valid_weights(text in "([a-c:=#0-9 \n]|weight=|zone=){0,60}") {
            if let Ok(instances) = parse::<String>(&text) {
                prop_assert!(!instances.is_empty());
                prop_assert!(instances.iter().all(|instance| (1..=MAX_WEIGHT).contains(&instance.weight)));
            }
        }
    }
}
