"""nginx: one worker, connections to instances kept, bodies streamed, retries elsewhere, request IDs."""

from __future__ import annotations

import shutil

from benchmarks.peers.peer import Gateway, first_line
from benchmarks.stage import Stage
from benchmarks.upstream import USER, Upstream
from benchmarks.workload import READY
from discovery.ports import free_ports

CONFIGURATION = """
daemon off; master_process off; worker_processes 1; {user}
pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 8192; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 1000000000;
  client_max_body_size 1m; client_body_buffer_size 64k;
  client_body_temp_path {folder}/nginx-body; proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi; uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  upstream instances {{
    least_conn;
    {servers}
    keepalive 512; keepalive_requests 1000000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://instances;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Request-ID $request_id;
      proxy_request_buffering off;
      proxy_connect_timeout 1s;
      proxy_next_upstream error timeout non_idempotent;
    }}
  }}
}}
"""


class Nginx:
    name = "nginx"

    def missing(self) -> str:
        return "" if shutil.which("nginx") else "package nginx"

    def version(self) -> str:
        return first_line(["nginx", "-v"]).rpartition("/")[2]

    async def start(self, stage: Stage, upstream: Upstream) -> Gateway:
        (port,) = free_ports(1)
        servers = "".join(f"server {each.authority}; " for each in upstream.instances)
        path = stage.folder / "nginx.conf"
        path.write_text(CONFIGURATION.format(user=USER, folder=stage.folder, port=port, servers=servers))
        argv = ["nginx", "-e", "stderr", "-p", str(stage.folder), "-c", str(path)]
        pid = await stage.start("nginx", argv, core=stage.cores.gateway, port=port, path=READY)
        return Gateway(self.name, port, pid)
