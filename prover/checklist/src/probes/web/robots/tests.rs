//! `web.robots` on its specimens.

use crate::finding::Verdict;
use crate::probes::web::testing::judged;

#[tokio::test(flavor = "multi_thread")]
async fn robots_txt_is_a_text_with_rules_and_not_the_page_of_every_path() {
    assert_eq!(judged("web.robots", "web-good").await, Verdict::Holds);
    for flawed in ["web-robots-is-page", "web-robots-is-comment", "web-no-robots"] {
        assert_eq!(judged("web.robots", flawed).await, Verdict::FallsShort, "{flawed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn robots_txt_may_be_elsewhere_on_the_same_host() {
    assert_eq!(judged("web.robots", "web-robots-is-elsewhere").await, Verdict::Holds);
}
