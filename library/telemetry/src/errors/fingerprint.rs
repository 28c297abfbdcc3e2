//! The fingerprint of a failure: the same in every process of a build.

/// Returns 64 bits of FNV-1a over the parts, as sixteen hexadecimal digits.
pub(super) fn fingerprint(parts: &[&str]) -> String {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    // A byte that is in no text of UTF-8 stands between two parts.
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    let hash = bytes.fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_each_part_and_on_their_borders_and_on_nothing_else() {
        assert_eq!(fingerprint(&["a", "b"]), fingerprint(&["a", "b"]));
        let others = [&["a", "c"][..], &["ab", ""], &["", "ab"], &["a", "b", ""], &["ab"]];
        assert!(others.iter().all(|other| fingerprint(other) != fingerprint(&["a", "b"])));
        // Reports of several releases meet in one group: this may not change.
        assert_eq!(fingerprint(&["GET", "/a"]), "c72e325d76140bb9".to_owned());
    }
}
