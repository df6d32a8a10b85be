"""The other proxies' configurations: a plain reverse proxy each, kept-alive on both sides."""

NGINX = """
worker_processes 1; daemon off; pid $FOLDER/pid; error_log stderr crit;
worker_rlimit_nofile 20000;
events { worker_connections 16000; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 600; client_max_body_size 64m;
  proxy_max_temp_file_size 0; client_body_temp_path $FOLDER/b; proxy_temp_path $FOLDER/p;
  fastcgi_temp_path $FOLDER/f; uwsgi_temp_path $FOLDER/u; scgi_temp_path $FOLDER/s;
  upstream m { server 127.0.0.1:$UPSTREAM; keepalive 512; keepalive_requests 100000000; }
  server { listen 127.0.0.1:$PORT backlog=16384; location / {
    proxy_pass http://m; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_read_timeout 600; } }
}
"""
HAPROXY = """
global
  maxconn 2000
  nbthread 1
defaults
  mode http
  timeout connect 10s
  timeout client 600s
  timeout server 600s
  http-reuse always
frontend f
  bind 127.0.0.1:$PORT backlog 16384
  default_backend b
backend b
  server s 127.0.0.1:$UPSTREAM pool-max-conn 512
"""
CADDY = """
{
 admin off
 auto_https off
}
http://127.0.0.1:$PORT {
 reverse_proxy 127.0.0.1:$UPSTREAM {
  transport http {
   keepalive_idle_conns_per_host 6000
  }
 }
}
"""
LITELLM = """
model_list: []
general_settings:
  master_key: $KEY
  pass_through_endpoints:
  - path: /api/v3
    target: http://127.0.0.1:$UPSTREAM/api/v3
    headers: {Authorization: sk-upstream, content-type: application/json}
    include_subpath: true
litellm_settings: {telemetry: false, num_retries: 0, drop_params: true, set_verbose: false}
"""
ENVOY = """
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: $PORT}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: s
          generate_request_id: false
          route_config:
            virtual_hosts:
            - name: a
              domains: ["*"]
              routes: [{match: {prefix: "/"}, route: {cluster: m, timeout: 600s}}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
              suppress_envoy_headers: true
  clusters:
  - name: m
    type: STATIC
    load_assignment:
      cluster_name: m
      endpoints:
      - lb_endpoints:
        - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: $UPSTREAM}}}
"""  # noqa: E501
