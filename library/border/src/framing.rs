//! Framing and expectations of a request: codings and expectations that this server does not implement are refused
//! (RFC 9112, 6.1; RFC 9110, 10.1.1).

use axum::http::{HeaderMap, StatusCode, header};

use crate::Problem;

/// Refuses a transfer coding other than `chunked` alone. The server would hand on the coded bytes as the body, and a proxy in front may see
/// another end of it.
pub(crate) fn check_transfer_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => {
            let detail = "the only Transfer-Encoding that is implemented is chunked, once";
            Err(Problem::new(StatusCode::NOT_IMPLEMENTED, detail))
        }
    }
}

/// Refuses an expectation other than `100-continue`.
pub(crate) fn check_expectation(headers: &HeaderMap) -> Result<(), Problem> {
    let all_known =
        headers.get_all(header::EXPECT).iter().all(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    match all_known {
        true => Ok(()),
        false => Err(Problem::new(StatusCode::EXPECTATION_FAILED, "the only expectation that is met is 100-continue")),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn of(name: header::HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn chunked_alone_and_once_is_the_only_transfer_coding() {
        let status = |values: &[&'static str]| {
            check_transfer_coding(&of(header::TRANSFER_ENCODING, values)).err().map(|problem| problem.status())
        };
        for taken in [&[][..], &["chunked"], &["Chunked"]] {
            assert_eq!(status(taken), None, "{taken:?}");
        }
        for refused in [&["gzip, chunked"][..], &["chunked", "chunked"], &["xchunked"], &["identity"], &[""]] {
            assert_eq!(status(refused), Some(StatusCode::NOT_IMPLEMENTED), "{refused:?}");
        }
    }

    #[test]
    fn the_only_expectation_is_100_continue() {
        let status = |values: &[&'static str]| {
            check_expectation(&of(header::EXPECT, values)).err().map(|problem| problem.status())
        };
        for taken in [&[][..], &["100-continue"], &["100-Continue"]] {
            assert_eq!(status(taken), None, "{taken:?}");
        }
        for refused in [&["a-miracle"][..], &["100-continue", "x"], &["100-continue, x"]] {
            assert_eq!(status(refused), Some(StatusCode::EXPECTATION_FAILED), "{refused:?}");
        }
    }
}
