//! Sessions: their start, their bounds and their renewal.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};

use crate::cookie;
use crate::keys::SessionKeys;
use crate::session::{Session, seconds, time};

/// The most bytes of a person's id.
const MAX_SUBJECT: usize = 256;
/// Clocks of two hosts may differ by so much.
const SKEW: u64 = 60;

/// Bounds of sessions in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionRules {
    /// A session ends so long after its last request. Default 1 h.
    pub idle: Duration,
    /// A session ends so long after the sign-in. Default 12 h.
    pub absolute: Duration,
    /// A cookie is renewed when it is so old, and not with each request. Default 1 min.
    pub renewal: Duration,
}

impl Default for SessionRules {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self { idle: minutes(60), absolute: minutes(12 * 60), renewal: minutes(1) }
    }
}

/// Error of a session that cannot be started or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSession {
    /// The cookie is there twice: a sibling host may have set one.
    #[error("the request has two cookies __Host-session; remove the cookies of this host")]
    Twice,
    /// The id of a person is empty or too long.
    #[error("the id of a person has from 1 to {MAX_SUBJECT} bytes")]
    Subject,
    /// The cookie cannot be sealed.
    #[error("the session cannot be sealed")]
    Seal,
}

/// Starts, reads and renews sessions. It keeps nothing: [`Revocations`](crate::Revocations) end a session before its time.
#[derive(Clone, Debug)]
pub struct Sessions {
    keys: SessionKeys,
    rules: SessionRules,
}

impl Sessions {
    /// Sessions sealed with these keys, within these bounds.
    pub fn new(keys: SessionKeys, rules: SessionRules) -> Self {
        Self { keys, rules }
    }

    /// Starts a session of a person; returns it with its `Set-Cookie`. Its id is new, so that a session known before the sign-in is worth nothing after it.
    ///
    /// # Errors
    /// [`InvalidSession::Subject`].
    pub fn start(&self, subject: &str, now: SystemTime) -> Result<(Session, HeaderValue), InvalidSession> {
        if subject.is_empty() || subject.len() > MAX_SUBJECT {
            return Err(InvalidSession::Subject);
        }
        let mut id = [0; 16];
        vitals::fill_entropy(&mut id);
        let now = seconds(now);
        let id = URL_SAFE_NO_PAD.encode(id);
        let session = Session { id, subject: subject.to_owned(), began: now, seen: now };
        let cookie = self.sealed(&session)?;
        Ok((session, cookie))
    }

    /// Reads the session of a request; none when it has none, or one that has ended, is sealed with an unknown key or was changed. Ask
    /// [`Revocations`](crate::Revocations) too.
    ///
    /// # Errors
    /// [`InvalidSession::Twice`].
    pub fn read(&self, headers: &HeaderMap, now: SystemTime) -> Result<Option<Session>, InvalidSession> {
        let Some(value) = cookie::value(headers).map_err(|()| InvalidSession::Twice)? else { return Ok(None) };
        if value.len() > cookie::MAX_BYTES {
            return Ok(None);
        }
        let opened = self.keys.open(value, cookie::NAME.as_bytes());
        let session = opened.and_then(|opened| serde_json::from_slice::<Session>(&opened).ok());
        Ok(session.filter(|session| self.is_live(session, now)))
    }

    fn is_live(&self, session: &Session, now: SystemTime) -> bool {
        let now = seconds(now);
        // What comes of the future is no session of ours.
        session.seen <= now + SKEW
            && session.began <= session.seen
            && now.saturating_sub(session.seen) < self.rules.idle.as_secs()
            && now.saturating_sub(session.began) < self.rules.absolute.as_secs()
    }

    /// Renews the cookie of a session that was used; none when it is young enough.
    pub fn renew(&self, session: &Session, now: SystemTime) -> Option<HeaderValue> {
        let now = seconds(now);
        if now.saturating_sub(session.seen) < self.rules.renewal.as_secs() {
            return None;
        }
        self.sealed(&Session { seen: now, ..session.clone() }).ok()
    }

    /// Returns the time after which no cookie of a session is accepted.
    pub fn end_of(&self, session: &Session) -> SystemTime {
        time(session.began.saturating_add(self.rules.absolute.as_secs()).saturating_add(SKEW))
    }

    /// `Set-Cookie` that removes the cookie, for a sign-out.
    pub fn removal(&self) -> HeaderValue {
        cookie::REMOVE
    }

    fn sealed(&self, session: &Session) -> Result<HeaderValue, InvalidSession> {
        let text = serde_json::to_vec(session).map_err(|_| InvalidSession::Seal)?;
        let sealed = self.keys.seal(&text, cookie::NAME.as_bytes()).ok_or(InvalidSession::Seal)?;
        let left = (session.began + self.rules.absolute.as_secs()).saturating_sub(session.seen);
        cookie::set(&sealed, self.rules.idle.min(Duration::from_secs(left))).ok_or(InvalidSession::Seal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn sent(cookie: &HeaderValue) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        headers.insert(http::header::COOKIE, pair.parse().unwrap());
        headers
    }

    fn sessions() -> Sessions {
        Sessions::new(SessionKeys::random(), SessionRules::default())
    }

    #[test]
    fn a_cookie_is_scoped_to_the_host_and_shows_nothing_of_the_session() {
        let (_, cookie) = sessions().start("ann@example.com", SystemTime::now()).unwrap();
        let text = cookie.to_str().unwrap();
        assert!(text.starts_with("__Host-session=0."), "{text}");
        assert!(text.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600"), "{text}");
        assert!(!text.contains("ann") && text.len() < 400, "{text}");
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_at_its_absolute_bound() {
        let (sessions, start) = (sessions(), SystemTime::now());
        let (session, cookie) = sessions.start("ann", start).unwrap();
        let is_live = |cookie: &HeaderValue, at| sessions.read(&sent(cookie), at).unwrap().is_some();
        assert!(is_live(&cookie, start + 59 * MINUTE));
        assert!(!is_live(&cookie, start + 60 * MINUTE));
        let (mut now, mut cookie) = (start, cookie);
        for _ in 0..14 {
            now += 50 * MINUTE;
            assert!(is_live(&cookie, now), "it was used {:?} ago", 50 * MINUTE);
            cookie = sessions.renew(&session, now).unwrap();
        }
        assert!(is_live(&cookie, start + 719 * MINUTE));
        assert!(!is_live(&cookie, start + 720 * MINUTE));
        assert!(sessions.end_of(&session) >= start + 719 * MINUTE);
    }

    #[test]
    fn a_cookie_is_renewed_once_a_minute_and_keeps_the_session() {
        let (sessions, start) = (sessions(), SystemTime::now());
        let (session, _) = sessions.start("ann", start).unwrap();
        assert_eq!(sessions.renew(&session, start + 59 * Duration::from_secs(1)), None);
        let renewed = sessions.renew(&session, start + 2 * MINUTE).unwrap();
        let read = sessions.read(&sent(&renewed), start + 2 * MINUTE).unwrap().unwrap();
        assert_eq!((read.id(), read.subject(), read.began), (session.id(), "ann", session.began));
        assert!(read.seen > session.seen);
    }

    #[test]
    fn a_session_of_another_key_of_the_future_or_in_two_cookies_is_none() {
        let (own, now) = (sessions(), SystemTime::now());
        let (_, foreign) = sessions().start("ann", now).unwrap();
        assert_eq!(own.read(&sent(&foreign), now), Ok(None));
        let (_, early) = own.start("ann", now + 10 * MINUTE).unwrap();
        assert_eq!(own.read(&sent(&early), now), Ok(None));
        let (_, good) = own.start("ann", now).unwrap();
        let mut twice = sent(&good);
        twice.append(http::header::COOKIE, "__Host-session=x".parse().unwrap());
        assert_eq!(own.read(&twice, now), Err(InvalidSession::Twice));
        assert_eq!(own.read(&HeaderMap::new(), now), Ok(None));
    }

    #[test]
    fn each_sign_in_has_a_session_of_its_own() {
        let (sessions, now) = (sessions(), SystemTime::now());
        let ids: std::collections::BTreeSet<String> =
            (0..100).map(|_| sessions.start("ann", now).unwrap().0.id().to_owned()).collect();
        assert_eq!(ids.len(), 100);
        assert_eq!(sessions.start("", now), Err(InvalidSession::Subject));
        assert_eq!(sessions.start(&"x".repeat(257), now), Err(InvalidSession::Subject));
    }
}
