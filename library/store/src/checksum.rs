//! Checksums of rows: what is read is what was written.

use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};

use crate::Value;

/// Returns the checksum of the values of a row, to be stored beside them in a column of BIGINT: the first eight bytes of the SHA-256 (FIPS 180-4) of
/// the values, each with its kind and its length.
///
/// It shows what a disk, a restore or a hand has changed. It is no signature: a program that can write the row can write its checksum.
///
/// Integers, booleans, texts, bytes and nulls have the same checksum on every engine. Another kind has the one of the form in which the
/// engine gives it back: SQLite gives a UUID, a time or a document back as text.
///
/// ```
/// # use evenkeel_store::{args, checksum};
/// let written = checksum(&args!["acc_1", "acc_2", 500]);
/// assert_eq!(written, checksum(&args!["acc_1", "acc_2", 500]));
/// assert_ne!(written, checksum(&args!["acc_1", "acc_2", 501]));
/// ```
pub fn checksum(values: &[Value]) -> i64 {
    let mut hash = Sha256::new();
    for value in values {
        let (kind, bytes) = form(value);
        hash.update([kind]);
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(&bytes);
    }
    let digest = hash.finalize();
    i64::from_be_bytes(std::array::from_fn(|place| digest[place]))
}

/// The kind of a value and its bytes. SQLite stores booleans as integers.
fn form(value: &Value) -> (u8, Vec<u8>) {
    match value {
        value if value.is_null() => (b'n', Vec::new()),
        Value::Int(Some(number)) => (b'i', number.to_be_bytes().to_vec()),
        Value::Bool(Some(flag)) => (b'i', i64::from(*flag).to_be_bytes().to_vec()),
        Value::Text(Some(text)) => (b't', text.as_bytes().to_vec()),
        Value::Bytes(Some(bytes)) => (b'b', bytes.clone()),
        Value::Float(Some(number)) => (b'f', number.to_bits().to_be_bytes().to_vec()),
        Value::Uuid(Some(id)) => (b't', id.to_string().into_bytes()),
        Value::Timestamp(Some(time)) => {
            let micros = time.duration_since(UNIX_EPOCH).map_or_else(
                |before| -i128::try_from(before.duration().as_micros()).unwrap_or(i128::MAX),
                |since| i128::try_from(since.as_micros()).unwrap_or(i128::MAX),
            );
            (b'm', micros.to_be_bytes().to_vec())
        }
        Value::Numeric(Some(number)) => (b'd', number.to_string().into_bytes()),
        Value::Json(Some(document)) => (b'j', document.to_string().into_bytes()),
        // Lists are parameters, and no column holds them.
        other => (b'?', format!("{other:?}").into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args;

    #[test]
    fn it_is_the_same_in_every_version_of_this_library() {
        // Else rows that were written before would look damaged. Computed by another program.
        assert_eq!(checksum(&args!["acc_1", 500, true, None::<i64>]), -6_201_089_891_141_879_725);
    }

    #[test]
    fn each_value_its_place_and_its_border_count() {
        let base = checksum(&args!["ab", "c", 1]);
        for other in [
            args!["a", "bc", 1],
            args!["c", "ab", 1],
            args!["ab", "c"],
            args!["ab", "c", "1"],
            args!["ab", "c", 1, None::<i64>],
        ] {
            assert_ne!(checksum(&other), base, "{other:?}");
        }
        assert_ne!(checksum(&args![0]), checksum(&args![None::<i64>]));
        assert_ne!(checksum(&args![""]), checksum(&args![None::<&str>]));
    }

    #[test]
    fn a_boolean_is_what_sqlite_gives_back() {
        assert_eq!(checksum(&args![true]), checksum(&args![1]));
    }
}
