//! The judge of `life.crash` on answers without a process.

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::{answered, unanswered};

fn bearings(crash: &Exchange, others: &[Exchange]) -> Vec<Bearing> {
    judge("GET /crash", crash, others, 200).iter().map(Evidence::bearing).collect()
}

#[test]
fn a_crash_is_answered_with_a_5xx_and_no_other_client_notices() {
    let (well, crashed) = (answered(200, &[], ""), answered(500, &[], ""));
    assert_eq!(bearings(&crashed, &[well.clone(), well.clone()]), [Bearing::For]);
    assert_eq!(bearings(&answered(200, &[], ""), std::slice::from_ref(&well)), [Bearing::Against]);
    assert_eq!(bearings(&unanswered(), std::slice::from_ref(&well)), [Bearing::Against]);
    assert_eq!(bearings(&crashed, &[well.clone(), answered(503, &[], "")]), [Bearing::For, Bearing::Against]);
    assert_eq!(bearings(&crashed, &[unanswered(), well]), [Bearing::For, Bearing::Against]);
}
