"""The embedded registry: the part of Consul's HTTP API that the project uses, in memory, for one machine."""
