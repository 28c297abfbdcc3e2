//! The endpoints of a dependency, read from one text of the configuration.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use http::uri::Authority;
use url::Url;

/// Where a dependency is: one place, or many that are told of in one of these ways.
///
/// | text | instances |
/// |---|---|
/// | `http://bank:80` | one |
/// | `http://bank-1:80,http://bank-2:80` | these |
/// | `file+http:///etc/bank.instances` | the lines of a file, which is watched: `HOST:PORT [weight=N] [zone=NAME]` |
/// | `dns+http://bank.example:80` | every address of the name (A and AAAA), looked up again when its time to live is over |
/// | `srv+http://_http._tcp.bank.example` | host, port and weight by SRV records, of the best priority alone |
///
/// `https` stands for `http` everywhere but with `dns+`, where a certificate would have to be for an address. For a name server other
/// than the host's own, `?resolver=10.0.0.53:53` follows the name.
///
/// ```
/// use evenkeel_client::Endpoints;
///
/// let bank: Endpoints = "http://10.0.0.1:80,http://10.0.0.2:80".parse().expect("two endpoints");
/// assert_eq!(bank.url().as_str(), "http://10.0.0.1/");
/// let told = "dns+https://bank.example".parse::<Endpoints>().unwrap_err();
/// assert!(told.contains("srv+https"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    text: String,
    url: Url,
    pub(crate) found: Found,
    /// Call the first instance only.
    #[cfg(feature = "without-guards")]
    pub(crate) first_alone: bool,
    /// Look the instances up once only.
    #[cfg(feature = "without-guards")]
    pub(crate) once: bool,
}

/// How the instances are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There is one, at the URL itself.
    One,
    /// These.
    List(Vec<Authority>),
    /// In a file.
    File(PathBuf),
    /// By the addresses of the URL's name, at its port.
    Addresses { resolver: Option<SocketAddr> },
    /// By the service records of the URL's name.
    Services { resolver: Option<SocketAddr> },
}

impl Endpoints {
    fn new(text: String, url: Url, found: Found) -> Self {
        Self {
            text,
            url,
            found,
            #[cfg(feature = "without-guards")]
            first_alone: false,
            #[cfg(feature = "without-guards")]
            once: false,
        }
    }

    /// What calls go to: their host and port stand for all instances, and a path is joined to it.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Calls the first instance only. For a test that shows what balancing prevents.
    #[cfg(feature = "without-guards")]
    #[must_use]
    pub fn first_alone(self) -> Self {
        Self { first_alone: true, ..self }
    }

    /// Looks the instances up once only. For a test that shows what discovery prevents.
    #[cfg(feature = "without-guards")]
    #[must_use]
    pub fn once(self) -> Self {
        Self { once: true, ..self }
    }
}

impl From<&Url> for Endpoints {
    /// One place.
    fn from(url: &Url) -> Self {
        Self::new(url.to_string(), url.clone(), Found::One)
    }
}

impl FromStr for Endpoints {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (url, found) = match text.split_once('+') {
            Some((how @ ("file" | "dns" | "srv"), rest)) if !text.contains(',') => discovered(how, rest)?,
            _ => listed(text)?,
        };
        Ok(Self::new(text.to_owned(), url, found))
    }
}

impl fmt::Display for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A URL that calls can be made to.
fn parse_url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{text:?} is no URL: {error}; write http://HOST:PORT"))?;
    match url.scheme() {
        "http" | "https" if url.host().is_some() => Ok(url),
        other => Err(format!("{text:?}: {other} is not spoken here; write http://HOST:PORT, or https")),
    }
}

fn listed(text: &str) -> Result<(Url, Found), String> {
    let urls = text.split(',').map(|one| parse_url(one.trim())).collect::<Result<Vec<_>, _>>()?;
    let mut urls = urls.into_iter();
    let first = urls.next().ok_or("nothing is named: write http://HOST:PORT")?;
    let mut list = vec![authority(&first)?];
    for other in urls {
        if (other.scheme(), other.path()) != (first.scheme(), first.path()) {
            return Err(format!("{other} and {first} differ by more than host and port: instances are alike"));
        }
        list.push(authority(&other)?);
    }
    let found = if list.len() == 1 { Found::One } else { Found::List(list) };
    Ok((first, found))
}

fn discovered(how: &str, rest: &str) -> Result<(Url, Found), String> {
    if how == "file" {
        let (scheme, path) = rest.split_once("://").ok_or_else(|| format!("{rest:?}: write file+http:///PATH"))?;
        let stem = PathBuf::from(path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        if !path.starts_with('/') {
            return Err(format!("{path:?}: a file of instances needs a whole path: write file+http:///PATH"));
        }
        // A name of its own stands for all: calls never go to it.
        let name: String = stem.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
        return Ok((parse_url(&format!("{scheme}://{name}.instances.invalid"))?, Found::File(path.into())));
    }
    let mut url = parse_url(rest)?;
    if url.domain().is_none() {
        return Err(format!("{rest:?}: there is nothing to look up of an address: leave {how}+ out"));
    }
    let resolver = url.query_pairs().find(|(name, _)| name == "resolver").map(|(_, at)| at.into_owned());
    let resolver =
        resolver.map(|at| at.parse().map_err(|_| format!("resolver={at:?}: write ADDRESS:PORT, such as 10.0.0.53:53")));
    let resolver = resolver.transpose()?;
    url.set_query(None);
    match how {
        "dns" if url.scheme() == "https" => Err(format!(
            "{rest:?}: a certificate would have to be for an address: name the instances by srv+https, in a file, or in a list"
        )),
        "dns" => Ok((url, Found::Addresses { resolver })),
        _ if url.port().is_some() => Err(format!("{rest:?}: service records say the port: leave it out")),
        _ => Ok((url, Found::Services { resolver })),
    }
}

/// Host and port of a URL, with the scheme's own port where it says none.
pub(crate) fn authority(url: &Url) -> Result<Authority, String> {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
    format!("{host}:{port}").parse().map_err(|error| format!("{url} names no host: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Endpoints {
        text.parse().expect("an endpoint")
    }

    #[test]
    fn one_place_many_and_those_that_are_looked_up_are_told_apart() {
        assert_eq!(read("http://bank:81/api").found, Found::One);
        let authorities = ["bank-1:80", "bank-2:81"].map(|at| at.parse().expect("host and port"));
        assert_eq!(read("http://bank-1, http://bank-2:81").found, Found::List(authorities.into()));
        assert_eq!(read("file+http:///etc/bank.list").found, Found::File("/etc/bank.list".into()));
        assert_eq!(read("file+https:///etc/bank.list").url().as_str(), "https://bank.instances.invalid/");
        assert_eq!(read("dns+http://bank.example:81").found, Found::Addresses { resolver: None });
        let resolver = Some("10.0.0.53:53".parse().expect("an address"));
        let asked = read("srv+https://_https._tcp.bank.example/api?resolver=10.0.0.53:53");
        assert_eq!(asked.url().as_str(), "https://_https._tcp.bank.example/api");
        assert_eq!(asked.found, Found::Services { resolver });
    }

    #[test]
    fn what_makes_no_sense_is_told_with_what_does() {
        for (text, word) in [
            ("", "http://HOST:PORT"),
            ("bank:80", "http://HOST:PORT"),
            ("ftp://bank", "http://HOST:PORT"),
            ("http://bank,", "http://HOST:PORT"),
            ("http://bank/a,http://bank/b", "alike"),
            ("http://bank,https://bank", "alike"),
            ("file+http://relative", "whole path"),
            ("file+/etc/bank", "file+http:///PATH"),
            ("dns+http://10.0.0.1:80", "leave dns+ out"),
            ("dns+https://bank.example", "srv+https"),
            ("dns+http://bank.example?resolver=here", "10.0.0.53:53"),
            ("srv+http://_http._tcp.bank.example:81", "leave it out"),
        ] {
            let told = text.parse::<Endpoints>().unwrap_err();
            assert!(told.contains(word), "{text}: {told}");
        }
    }
}
