//! Settings of the proxies and balancers in front of the service.

use border::{ForwardedHeader, Limits, Network};
use clap::{ArgAction, Args};

/// The proxies in front of the service. Nothing that a client says of itself is trusted without them.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Proxies {
    /// Trusted proxies and balancers, which name the client of each request: addresses and networks, with commas between, as in 10.0.0.0/8. Default: none.
    #[arg(
        id = "std.trusted_proxies",
        long = "trusted-proxies",
        env = "TRUSTED_PROXIES",
        value_name = "NETWORK,...",
        default_value = "",
        hide_default_value = true,
        value_parser = Networks::parse
    )]
    pub trusted_proxies: Networks,

    /// Header in which trusted proxies name the client: x-forwarded-for or forwarded.
    #[arg(
        id = "std.forwarded_header",
        long = "forwarded-header",
        env = "FORWARDED_HEADER",
        value_name = "HEADER",
        default_value = "x-forwarded-for",
        value_parser = forwarded_header
    )]
    pub forwarded_header: ForwardedHeader,

    /// Expects a header of the PROXY protocol, which names the client, at the start of each connection of a trusted proxy: true or false.
    #[arg(
        id = "std.proxy_protocol",
        long = "proxy-protocol",
        env = "PROXY_PROTOCOL",
        value_name = "BOOLEAN",
        default_value = "false",
        action = ArgAction::Set
    )]
    pub proxy_protocol: bool,

    /// Networks without bounds by address, such as that of a load generator, with commas between. Default: none.
    #[arg(
        id = "std.unbounded_addresses",
        long = "unbounded-addresses",
        env = "UNBOUNDED_ADDRESSES",
        value_name = "NETWORK,...",
        default_value = "",
        hide_default_value = true,
        value_parser = Networks::parse
    )]
    pub unbounded_addresses: Networks,
}

impl Proxies {
    /// Sets the limits of a listener that clients reach through these proxies.
    pub(crate) fn set(&self, limits: &mut Limits) {
        limits.trusted_proxies = self.trusted_proxies.0.clone();
        limits.forwarded_header = self.forwarded_header;
        limits.proxy_protocol = self.proxy_protocol;
        limits.unbounded_addresses = self.unbounded_addresses.0.clone();
    }
}

/// Networks, with commas between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<Network>);

impl Networks {
    fn parse(text: &str) -> Result<Self, String> {
        let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
        networks
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(|error: border::InvalidNetwork| error.to_string())
    }
}

fn forwarded_header(text: &str) -> Result<ForwardedHeader, String> {
    match text.to_ascii_lowercase().as_str() {
        "x-forwarded-for" => Ok(ForwardedHeader::XForwardedFor),
        "forwarded" => Ok(ForwardedHeader::Forwarded),
        _ => Err(format!("{text:?} is not a header in which proxies name clients: x-forwarded-for or forwarded")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_separated_by_commas_and_the_wrong_one_is_named() {
        let networks = Networks::parse("10.0.0.0/8, ::1,").unwrap();
        assert_eq!(networks.0, ["10.0.0.0/8", "::1"].map(|network| network.parse().unwrap()));
        assert_eq!(Networks::parse("").unwrap(), Networks::default());
        assert!(Networks::parse("10.0.0.0/8,balancer").unwrap_err().contains("\"balancer\""));
    }

    #[test]
    fn the_header_of_the_proxies_is_one_of_two() {
        assert_eq!(forwarded_header("X-Forwarded-For"), Ok(ForwardedHeader::XForwardedFor));
        assert_eq!(forwarded_header("forwarded"), Ok(ForwardedHeader::Forwarded));
        assert!(forwarded_header("x-real-ip").unwrap_err().contains("x-real-ip"));
    }
}
