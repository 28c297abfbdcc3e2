//! `noxious-relay LISTEN UPSTREAM`: one proxy of the crate noxious, without toxics.

use noxious::proxy::{ProxyConfig, ProxyRunner, Runner, Toxics};
use noxious::signal::{Close, Stop};
use noxious::socket::TcpListener;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(upstream)) = (arguments.next(), arguments.next()) else {
        return Err(std::io::Error::other("usage: noxious-relay LISTEN UPSTREAM"));
    };
    let config = ProxyConfig { name: "relay".to_owned(), listen, upstream, enabled: true, rand_seed: Some(1) };
    let (listener, info) = ProxyRunner::initialize_proxy::<TcpListener>(config, Toxics::empty()).await?;
    let (_stopping, events) = bmrng::channel(1);
    let (stop, _stopper) = Stop::new();
    let (_close, closer) = Close::new();
    ProxyRunner::run_proxy(listener, info, events, stop, closer).await
}
