# What every agent of the mesh is told, alone or in a cluster. Read by Consul 1.8 to 1.22.
client_addr          = "0.0.0.0" # of the container's network; the host gets no more than a port on its loopback
disable_update_check = true

# An agent that is restarted is not an agent that leaves for good: what it knows stays in the catalogue meanwhile.
leave_on_terminate = false

performance {
  raft_multiplier = 1 # a new leader within 1 or 2 s; the default, 5, suits machines that share a processor with many
}

telemetry {
  prometheus_retention_time = "60s"
  disable_hostname          = true
}
