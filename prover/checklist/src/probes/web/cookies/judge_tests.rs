//! The judge of `web.cookies` on cookies without a server.

use super::*;
use crate::finding::Bearing;
use crate::testing::exchange::answered;

const GUARDS: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// The bearings of secure, http-only, same-site, host-scope, small, encrypted and expiring.
fn bearings(cookie: &str) -> Vec<Bearing> {
    judge(&SetCookie::parse(cookie), &answered(200, &[], "")).iter().map(Evidence::bearing).collect()
}

#[test]
fn each_guard_is_judged_by_itself() {
    use Bearing::{Against, For, Gap};
    assert_eq!(bearings(&format!("__Host-id=9f2c7b1e; {GUARDS}")), [For, For, For, For, For, Gap, Gap]);
    assert_eq!(bearings("__Host-id=9f2c7b1e; Path=/; HttpOnly; SameSite=Lax"), [Against, For, For, For, For, Gap, Gap]);
}

#[test]
fn a_cookie_that_ends_says_so_in_either_way() {
    for end in ["Max-Age=60", "Expires=Wed, 21 Oct 2026 07:28:00 GMT"] {
        assert_eq!(bearings(&format!("__Host-id=9f2c7b1e; {GUARDS}; {end}"))[6], Bearing::For, "{end}");
    }
}

#[test]
fn state_that_everybody_can_read_is_against_it() {
    assert_eq!(bearings(&format!("__Host-id=%7B%22user%22%3A1%7D; {GUARDS}"))[5], Bearing::Against);
}
