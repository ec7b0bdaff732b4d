"""A session of `requests` whose connections a deadline can cut."""

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

from runtime.http import POOLS, Proxy
from runtime.tls import fixed


def open_session(url: str, verify: str | bool, proxy: Proxy) -> requests.Session:
    """Return a session for requests to the host of `url`.

    Args:
        url: an address of the host.
        verify: a PEM file of authorities, or True for the public ones.
        proxy: the company's proxy.
    """
    session = requests.Session()
    session.trust_env = False
    session.verify = verify
    if address := proxy.address_for(url):
        session.proxies = {"http": address, "https": address}
    session.mount("http://", _Adapter())
    session.mount("https://", _Adapter())
    return session


class _Adapter(HTTPAdapter):
    """Opens connections that a deadline can cut."""

    def init_poolmanager(self, *words: Any, **options: Any) -> None:
        context = fixed(create_urllib3_context())
        super().init_poolmanager(*words, ssl_context=context, **options)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *words: Any, **options: Any) -> Any:
        context = fixed(create_urllib3_context())
        manager = super().proxy_manager_for(*words, ssl_context=context, **options)
        manager.pool_classes_by_scheme = POOLS
        return manager
