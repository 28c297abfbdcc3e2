"""Each call of toxiproxy-python against the server at sys.argv[1], with what it is to bring about."""

import socket
import socketserver
import sys
import threading
import time

from toxiproxy import Toxiproxy
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(4096):
            self.request.sendall(data)


def ping(address):
    """What comes back, and after how many seconds."""
    host, port = address.rsplit(":", 1)
    start = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(b"ping")
        return connection.recv(4096), time.monotonic() - start


def fails(kind, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except kind:
        return
    raise AssertionError(f"{call} did not end in {kind}")


def proxies(server, upstream):
    assert server.running() is True
    assert server.version().startswith(b'{"version": "2.'), server.version()
    assert server.proxies() == {}
    assert server.get_proxy("echo") is None

    proxy = server.create(upstream=upstream, name="echo")
    assert (proxy.name, proxy.upstream, proxy.enabled) == ("echo", upstream, True)
    assert ping(proxy.listen)[0] == b"ping"
    fails(ProxyExists, server.create, upstream=upstream, name="echo")
    assert server.get_proxy("echo").listen == proxy.listen
    assert list(server.proxies()) == ["echo"]

    with proxy.down():
        assert server.get_proxy("echo").enabled is False
        fails(ConnectionRefusedError, ping, proxy.listen)
    assert ping(proxy.listen)[0] == b"ping"
    proxy.disable()
    fails(ConnectionRefusedError, ping, proxy.listen)
    proxy.enable()
    assert ping(proxy.listen)[0] == b"ping"

    off = server.create(upstream=upstream, name="off", listen="127.0.0.1:0", enabled=False)
    assert off.enabled is False
    made = server.populate(
        [
            {"name": "echo", "upstream": upstream, "listen": proxy.listen},
            {"name": "new", "upstream": upstream, "listen": "127.0.0.1:0"},
        ]
    )
    assert [proxy.name for proxy in made] == ["new"]
    assert server.destroy(off) is True and server.get_proxy("off") is None
    fails(NotFound, off.destroy)
    assert server.destroy("no proxy") is False
    return proxy


def toxics(server, proxy):
    assert proxy.toxics() == {} and proxy.get_toxic("latency_downstream") is None
    proxy.add_toxic(type="latency", attributes={"latency": 200, "jitter": 10})
    toxic = proxy.get_toxic("latency_downstream")
    assert (toxic.type, toxic.stream, toxic.toxicity) == ("latency", "downstream", 1)
    assert toxic.attributes == {"latency": 200, "jitter": 10}
    assert ping(proxy.listen)[1] >= 0.19
    fails(ProxyExists, proxy.add_toxic, type="latency")
    fails(InvalidToxic, proxy.add_toxic, type="no such")
    fails(InvalidToxic, proxy.add_toxic, type="latency", name="x", stream="sideways")
    assert proxy.destroy_toxic("latency_downstream") is True
    fails(NotFound, proxy.destroy_toxic, "latency_downstream")

    proxy.add_toxic(type="limit_data", name="little", toxicity=1.0, attributes={"bytes": 3})
    assert ping(proxy.listen)[0] == b"pin"
    proxy.add_toxic(type="timeout", stream="upstream", attributes={"timeout": 30})
    assert sorted(proxy.toxics()) == ["little", "timeout_upstream"]
    assert ping(proxy.listen)[0] == b""
    proxy.disable()
    assert server.reset() is True
    assert proxy.toxics() == {} and server.get_proxy("echo").enabled is True
    assert ping(proxy.listen)[0] == b"ping"
    assert proxy.destroy() is True
    server.destroy_all()
    assert server.proxies() == {}


def main():
    host, port = sys.argv[1].removeprefix("http://").split(":")
    server = Toxiproxy()
    server.update_api_consumer(host, int(port))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as upstream:
        upstream.daemon_threads = True
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        toxics(server, proxies(server, f"127.0.0.1:{upstream.server_address[1]}"))
    print("every call did what it says")


main()
