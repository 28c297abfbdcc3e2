//! The endpoints of a dependency, read from one text of the configuration.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use http::uri::Authority;
use url::Url;

use crate::credentials::{Credentials, conceal, hide_userinfo};

/// Endpoints of a dependency: one URL, or many instances that are found in one of these ways.
///
/// | text | instances |
/// |---|---|
/// | `http://bank:80` | one |
/// | `http://bank-1:80,http://bank-2:80` | these |
/// | `file+http:///etc/bank.instances` | the lines of a file, which is watched: `HOST:PORT [weight=N] [zone=NAME]` |
/// | `dns+http://bank.example:80` | every address of the name (A and AAAA), looked up again when its time to live is over |
/// | `srv+http://_http._tcp.bank.example` | host, port and weight by SRV records, of the best priority alone |
///
/// `https` stands for `http` everywhere; with `dns+` the certificate has to be for the name, with all others for the instance's host. Names are looked
/// up as the host would ([`crate::Resolver`]), search list included. To ask another name server, `?resolver=10.0.0.53:53` follows the name, which is then
/// taken as it is, without a search list.
///
/// A user and password (`http://USER:PASSWORD@bank`) are sent as `Authorization: Basic` with every call to the dependency that has no `Authorization` of its
/// own. They are shown nowhere: not by `Debug` and `Display`, and in no error. In a password, `@ : / ? # % ,` are written as `%40 %3A %2F %3F %23 %25 %2C`.
///
/// ```
/// use evenkeel_client::Endpoints;
///
/// let bank: Endpoints = "http://10.0.0.1:80,http://10.0.0.2:80".parse()?;
/// assert_eq!(bank.url().as_str(), "http://10.0.0.1/");
/// let bank: Endpoints = "http://svc:hunter2@bank/api".parse()?;
/// assert_eq!((bank.url().as_str(), bank.to_string().as_str()), ("http://bank/api", "http://***@bank/api"));
/// # Ok::<(), evenkeel_client::EndpointsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Without credentials.
    text: String,
    url: Url,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) found: Found,
    /// Call the first instance only.
    #[cfg(feature = "without-guards")]
    pub(crate) first_alone: bool,
    /// Disables later lookups.
    #[cfg(feature = "without-guards")]
    pub(crate) once: bool,
}

/// Discovery method of the instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is one, at the URL itself.
    One,
    /// These.
    List(Vec<InstanceAddress>),
    /// Instances in a file.
    File(PathBuf),
    /// Addresses of the URL's name, at its port.
    Addresses { resolver: Option<SocketAddr> },
    /// Service records of the URL's name.
    Services { resolver: Option<SocketAddr> },
}

/// Host and port of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct InstanceAddress(Authority);

/// Reason why a text names no endpoints. Texts are shown without credentials and query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointsError {
    /// A part is no URL.
    #[error("{text:?} is no URL: {cause}; write http://HOST:PORT")]
    NotAUrl {
        /// The text.
        text: String,
        /// Error of the URL parser.
        #[source]
        cause: url::ParseError,
    },
    /// A URL has another scheme than http and https, or no host.
    #[error("{text:?} is no HTTP URL; write http://HOST:PORT, or https")]
    NotHttp {
        /// The text.
        text: String,
    },
    /// A URL has a query or a fragment, which means nothing here.
    #[error("{text:?} has a query or fragment: leave it out; only dns+ and srv+ have one, ?resolver=ADDRESS:PORT")]
    Query {
        /// The text.
        text: String,
    },
    /// The URLs of a list differ by more than host and port.
    #[error("{other} and {first} differ by more than host and port: instances are alike")]
    NotAlike {
        /// The first.
        first: String,
        /// The one that differs.
        other: String,
    },
    /// A URL has no host and port that can be called.
    #[error("{text:?} names no host: {cause}")]
    NoHost {
        /// The text.
        text: String,
        /// Problem, in words.
        cause: String,
    },
    /// A file of instances is not named by an absolute path.
    #[error("{text:?}: a file of instances needs an absolute path: write file+http:///PATH")]
    RelativePath {
        /// The text.
        text: String,
    },
    /// An IP address is no name to look up.
    #[error("{text:?}: an address cannot be looked up: leave {how}+ out")]
    NotAName {
        /// The text.
        text: String,
        /// `dns` or `srv`.
        how: &'static str,
    },
    /// The name server is not one.
    #[error("{text:?}: its resolver is no address and port: write ?resolver=ADDRESS:PORT, such as 10.0.0.53:53")]
    NotAResolver {
        /// The text.
        text: String,
    },
    /// Service records have the port.
    #[error("{text:?}: service records say the port: leave it out")]
    PortOfServices {
        /// The text.
        text: String,
    },
}

impl Endpoints {
    fn new(text: String, mut url: Url, found: Found) -> Self {
        let credentials = Credentials::take(&mut url);
        Self {
            text,
            url,
            credentials,
            found,
            #[cfg(feature = "without-guards")]
            first_alone: false,
            #[cfg(feature = "without-guards")]
            once: false,
        }
    }

    /// The URL that stands for all instances, without credentials. Calls through [`crate::Client::dependency`] have their path joined to its path.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Calls the first instance only. For tests that show the effect of load balancing.
    #[cfg(feature = "without-guards")]
    #[must_use]
    pub fn first_alone(self) -> Self {
        Self { first_alone: true, ..self }
    }

    /// Looks the instances up once only. For tests that show the effect of discovery.
    #[cfg(feature = "without-guards")]
    #[must_use]
    pub fn once(self) -> Self {
        Self { once: true, ..self }
    }
}

impl From<&Url> for Endpoints {
    /// Endpoints with a single URL.
    fn from(url: &Url) -> Self {
        Self::new(hide_userinfo(url.as_str()), url.clone(), Found::One)
    }
}

impl FromStr for Endpoints {
    type Err = EndpointsError;

    fn from_str(text: &str) -> Result<Self, EndpointsError> {
        let (url, found) = match text.split_once('+') {
            Some((how @ ("file" | "dns" | "srv"), rest)) if !text.contains(',') => discovered(how, rest)?,
            _ => listed(text)?,
        };
        let hidden: Vec<String> = text.split(',').map(hide_userinfo).collect();
        Ok(Self::new(hidden.join(","), url, found))
    }
}

impl fmt::Display for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl InstanceAddress {
    /// Host and port of a URL, or the scheme's default port.
    fn of(url: &Url) -> Result<Self, EndpointsError> {
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
        format!("{host}:{port}").parse().map_err(|cause| EndpointsError::NoHost { text: conceal(url.as_str()), cause })
    }

    /// The host: a name, or an address, which has brackets where it is of IPv6.
    pub(crate) fn host(&self) -> &str {
        self.0.host()
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.0.port_u16()
    }
}

impl From<SocketAddr> for InstanceAddress {
    fn from(address: SocketAddr) -> Self {
        Self(Authority::try_from(address.to_string()).expect("an address and port are an authority"))
    }
}

impl FromStr for InstanceAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<Authority>() {
            Ok(_) if text.contains('@') => Err("an instance has no user and password of its own".to_owned()),
            Ok(authority) => Ok(Self(authority)),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl fmt::Display for InstanceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Parses a URL that calls can be made to. Errors show `whole`, because a piece of it could be half of a password.
fn parse_url(text: &str, whole: &str) -> Result<Url, EndpointsError> {
    let shown = || conceal(whole);
    let url: Url = text.parse().map_err(|cause| EndpointsError::NotAUrl { text: shown(), cause })?;
    match url.scheme() {
        "http" | "https" if url.host().is_some() => Ok(url),
        _ => Err(EndpointsError::NotHttp { text: shown() }),
    }
}

fn without_query(url: &Url) -> Result<(), EndpointsError> {
    match (url.query(), url.fragment()) {
        (None, None) => Ok(()),
        _ => Err(EndpointsError::Query { text: conceal(url.as_str()) }),
    }
}

fn listed(text: &str) -> Result<(Url, Found), EndpointsError> {
    let mut urls = Vec::new();
    for one in text.split(',') {
        urls.push(parse_url(one.trim(), text)?);
    }
    let alike = |url: &Url| {
        let place = (url.scheme().to_owned(), url.path().to_owned());
        (place, url.username().to_owned(), url.password().map(str::to_owned))
    };
    let mut list = Vec::new();
    for url in &urls {
        without_query(url)?;
        if alike(url) != alike(&urls[0]) {
            let [first, other] = [&urls[0], url].map(|url| conceal(url.as_str()));
            return Err(EndpointsError::NotAlike { first, other });
        }
        list.push(InstanceAddress::of(url)?);
    }
    let found = if list.len() == 1 { Found::One } else { Found::List(list) };
    // Splitting a text gives at least one piece.
    Ok((urls.swap_remove(0), found))
}

fn discovered(how: &str, rest: &str) -> Result<(Url, Found), EndpointsError> {
    let text = || conceal(rest);
    if how == "file" {
        let relative = || EndpointsError::RelativePath { text: text() };
        let (scheme, path) = rest.split_once("://").ok_or_else(relative)?;
        if !path.starts_with('/') {
            return Err(relative());
        }
        // A name of its own stands for all: calls never go to it. The number keeps files of one stem apart.
        let stem = PathBuf::from(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let stem: String = stem.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
        let url = format!("{scheme}://{stem}-{:016x}.instances.invalid", fnv1a(path));
        return Ok((parse_url(&url, rest)?, Found::File(path.into())));
    }
    let (how, is_dns) = if how == "dns" { ("dns", true) } else { ("srv", false) };
    let mut url = parse_url(rest, rest)?;
    if url.domain().is_none() {
        return Err(EndpointsError::NotAName { text: text(), how });
    }
    let mut resolver = None;
    for (name, at) in url.query_pairs() {
        if name != "resolver" {
            return Err(EndpointsError::Query { text: text() });
        }
        resolver = Some(at.parse().map_err(|_| EndpointsError::NotAResolver { text: text() })?);
    }
    url.set_query(None);
    without_query(&url)?;
    match is_dns {
        true => Ok((url, Found::Addresses { resolver })),
        false if url.port().is_some() => Err(EndpointsError::PortOfServices { text: text() }),
        false => Ok((url, Found::Services { resolver })),
    }
}

/// FNV-1a, 64 bits.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Endpoints {
        text.parse().expect("an endpoint")
    }

    #[test]
    fn single_several_and_discovered_endpoints_are_parsed() {
        assert_eq!(read("http://bank:81/api").found, Found::One);
        let authorities = ["bank-1:80", "bank-2:81"].map(|at| at.parse().expect("host and port"));
        assert_eq!(read("http://bank-1, http://bank-2:81").found, Found::List(authorities.into()));
        assert_eq!(read("file+http:///etc/bank.list").found, Found::File("/etc/bank.list".into()));
        let file = read("file+https:///etc/bank.list");
        assert!(file.url().as_str().starts_with("https://bank-"), "{file:?}");
        assert!(file.url().as_str().ends_with(".instances.invalid/"), "{file:?}");
        assert_eq!(read("dns+http://bank.example:81").found, Found::Addresses { resolver: None });
        let resolver = Some("10.0.0.53:53".parse().expect("an address"));
        let asked = read("srv+https://_https._tcp.bank.example/api?resolver=10.0.0.53:53");
        assert_eq!(asked.url().as_str(), "https://_https._tcp.bank.example/api");
        assert_eq!(asked.found, Found::Services { resolver });
    }

    #[test]
    fn malformed_endpoints_are_refused_with_the_valid_forms() {
        for (text, word) in [
            ("", "http://HOST:PORT"),
            ("bank:80", "http://HOST:PORT"),
            ("ftp://bank", "http://HOST:PORT"),
            ("http://bank,", "http://HOST:PORT"),
            ("http://bank/a,http://bank/b", "alike"),
            ("http://bank,https://bank", "alike"),
            ("file+http://relative", "absolute path"),
            ("file+/etc/bank", "file+http:///PATH"),
            ("dns+http://10.0.0.1:80", "leave dns+ out"),
            ("http://bank?a=b", "has a query"),
            ("http://bank,http://bank#a", "has a query"),
            ("dns+http://bank.example?a=b", "has a query"),
            ("http://a:b@one,http://a:c@two", "alike"),
            ("dns+http://bank.example?resolver=here", "10.0.0.53:53"),
            ("srv+http://_http._tcp.bank.example:81", "leave it out"),
        ] {
            let told = text.parse::<Endpoints>().unwrap_err().to_string();
            assert!(told.contains(word), "{text}: {told}");
        }
    }

    #[test]
    fn files_with_the_same_name_are_different_endpoints() {
        let names = ["/a/bank.list", "/b/bank.list", "/a/bank-1", "/a/bank1"];
        let urls: std::collections::BTreeSet<Url> =
            names.iter().map(|path| read(&format!("file+http://{path}")).url().clone()).collect();
        assert_eq!(urls.len(), names.len(), "{urls:?}");
    }

    #[test]
    fn credentials_of_endpoints_are_taken_and_never_shown_even_in_errors() {
        for text in [
            "http://svc:SECRET@bank:81/api",
            "http://SECRET@bank",
            "http://svc:SECRET@one,http://svc:SECRET@two",
            "http://svc:SECRET@one,http://svc:SECRETS@two",
            "http://svc:SECRET@one/a,http://svc:SECRET@two/b",
            "dns+http://svc:SECRET@bank.example:81",
            "srv+https://svc:SECRET@_https._tcp.bank.example",
            "dns+http://svc:SECRET@bank.example?resolver=SECRET",
            "dns+http://bank.example?resolver=svc:SECRET@10.0.0.53:53",
            "dns+http://svc:SECRET@10.0.0.1",
            "dns+http://svc:SECRET@bank.example?token=SECRET",
            "srv+http://svc:SECRET@_http._tcp.bank.example:81",
            "http://svc:ab/cdSECRET@bank",
            "http://svc:ab?SECRET@bank",
            "http://svc:ab#SECRET@bank",
            "http://svc:ab[SECRET@bank",
            "http://svc:SEC,RET@bank",
            "http://svc:a@SECRET@bank",
            "htp://svc:SECRET@bank",
            "svc:SECRET@host",
            "svc:SECRET@host:80",
            "//svc:SECRET@host",
            "http://svc:SECRET@",
            "http://svc:SECRET@:80",
            "http://svc:SECRET@bank:port",
            "http://bank?token=SECRET",
            "file+http://svc:SECRET@/etc/bank",
            "file+svc:SECRET@/etc/bank",
            "SECRET:x@bank",
        ] {
            let said = match text.parse::<Endpoints>() {
                Ok(endpoints) => {
                    let debug = format!("{endpoints:?} {endpoints:#?} {endpoints} {}", endpoints.url());
                    assert!(endpoints.credentials.is_some(), "{text}");
                    debug
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    format!("{error} {error:?} {cause:?}")
                }
            };
            assert!(!said.contains("SECRET") && !said.contains("RET@"), "{text}: {said}");
        }
        assert_eq!(read("http://a:b@bank,http://a:b@two").to_string(), "http://***@bank,http://***@two");
    }

    #[test]
    fn an_instance_has_no_credentials_of_its_own() {
        let told = "svc:SECRET@10.0.0.1:80".parse::<InstanceAddress>().unwrap_err();
        assert!(told.contains("no user and password") && !told.contains("SECRET"), "{told}");
    }
}
