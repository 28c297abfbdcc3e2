//! The target of attacks, and the facts that attacks need.

use url::Url;

use super::token::Token;
use keel_wire::http::Request;
use keel_wire::tls::Trust;

/// The target of attacks. A missing fact makes the attacks that need it not applicable, with the reason.
///
/// In paths, values of headers and bodies `{key}` stands for a fresh UUID, the same in all places of one request.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its URL; `http` or `https`. Its path stands before no other path.
    pub url: Url,
    /// The certificates of an `https` target that are accepted.
    pub trust: Option<Trust>,
    /// The port at which it speaks HTTP/2 without TLS, when that is not the URL's. Only on loopback: consent is served at the URL.
    pub h2_port: Option<u16>,
    /// Something harmless that anybody may ask for: the bystander's request, and what many attacks distort.
    pub read: Request,
    /// A request that carries a body, JSON where it has the choice.
    pub body: Option<Request>,
    /// A request with an effect, made safe to repeat by a key.
    pub write: Option<Write>,
    /// JSON pointers to the names of created things in the answer to it. None: answers are compared as a whole.
    pub made: Vec<String>,
    /// The login.
    pub login: Option<Login>,
    /// Things with ids.
    pub identified: Option<Identified>,
    /// The token that a target beyond loopback must serve before it is attacked.
    pub consent: Option<Token>,
}

/// A request with an effect.
#[derive(Clone, Debug)]
pub struct Write {
    /// The request; what it has in the key's header is replaced.
    pub request: Request,
    /// The header that carries the key, such as `Idempotency-Key`; none when it takes no key.
    pub key: Option<String>,
}

/// The login.
#[derive(Clone, Debug)]
pub struct Login {
    /// The request; `{password}` in its body or a header stands for what is tried.
    pub request: Request,
}

/// Things with ids.
#[derive(Clone, Debug)]
pub struct Identified {
    /// The path of one thing, `{id}` standing for its id.
    pub path: String,
    /// Ids of things that are there, in the order in which they were made.
    pub ids: Vec<String>,
}

impl Target {
    /// A target of which only the URL is known: the harmless request is a GET of its path.
    pub fn at(url: Url) -> Self {
        let read = Request::get(url.path());
        Self {
            url,
            trust: None,
            h2_port: None,
            read,
            body: None,
            write: None,
            made: Vec::new(),
            login: None,
            identified: None,
            consent: None,
        }
    }
}
