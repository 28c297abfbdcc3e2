//! `web.cookies` on its specimens.

use crate::finding::Verdict;
use crate::probes::web::testing::judged;

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_scripts_can_read_falls_short_and_no_cookie_is_not_applicable() {
    assert_eq!(judged("web.cookies", "web-good").await, Verdict::Holds);
    assert_eq!(judged("web.cookies", "web-open-cookie").await, Verdict::FallsShort);
    assert_eq!(judged("web.cookies", "web-no-cookie").await, Verdict::NotApplicable);
}
