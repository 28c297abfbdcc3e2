//! Flags as Go reads them: one dash is enough.

use std::ffi::OsString;

/// Rewrites the flags of `keel proxy` from Go's form, one dash and whole names such as `-tox`, to two dashes.
pub(crate) fn with_go_flags(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    const FLAGS: [&str; 8] =
        ["host", "port", "config", "seed", "proxy-metrics", "runtime-metrics", "toxicName", "toxicity"];
    let mut arguments: Vec<OsString> = arguments.collect();
    if arguments.get(1).is_none_or(|command| command != "proxy") {
        return arguments;
    }
    for argument in &mut arguments[2..] {
        let Some(flag) = argument.to_str().and_then(|argument| argument.strip_prefix('-')) else { continue };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        let name = if name == "tox" || name == "-tox" { "toxicity" } else { name };
        if FLAGS.contains(&name) {
            let value = value.map(|value| format!("={value}")).unwrap_or_default();
            *argument = format!("--{name}{value}").into();
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_as_go_reads_them_and_only_of_the_proxy() {
        let read = |line: &str| {
            let words = with_go_flags(line.split(' ').map(OsString::from));
            words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(read("keel proxy -host 0.0.0.0 -port=1"), "keel proxy --host 0.0.0.0 --port=1");
        assert_eq!(read("keel proxy t a -n x -tox 0.5 -a rate=1 p"), "keel proxy t a -n x --toxicity 0.5 -a rate=1 p");
        assert_eq!(read("keel check -host x"), "keel check -host x");
    }
}
