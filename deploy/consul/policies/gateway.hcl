# The gateway registers itself, and finds every service that says it may be routed to.
service "gateway" {
  policy = "write"
}

service_prefix "" {
  policy = "read"
}

# Without it Consul leaves the instances out of its answers, whose addresses are those of nodes.
node_prefix "" {
  policy = "read"
}
