"""The gateways that are compared, each set up as people who know it would do it."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.peers.fastapi import FastApi
from benchmarks.peers.golang import GoKit, ReverseProxy
from benchmarks.peers.haproxy import HaProxy
from benchmarks.peers.nginx import Nginx
from benchmarks.peers.ours import Ours
from benchmarks.peers.peer import Gateway, Peer

__all__ = ["PEERS", "Gateway", "Peer"]

PEERS: Sequence[Peer] = (Ours(), GoKit(), ReverseProxy(), HaProxy(), Nginx(), FastApi())
