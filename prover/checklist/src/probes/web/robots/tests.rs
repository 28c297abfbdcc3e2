//! `web.robots` on its specimens.

use crate::finding::Verdict;
use crate::probes::web::testing::judged;

#[tokio::test(flavor = "multi_thread")]
async fn robots_txt_is_a_text_with_rules_and_not_the_page_of_every_path() {
    assert_eq!(judged("web.robots", "web-good").await, Verdict::Holds);
    assert_eq!(judged("web.robots", "web-robots-is-page").await, Verdict::FallsShort);
    assert_eq!(judged("web.robots", "web-no-robots").await, Verdict::FallsShort);
}
