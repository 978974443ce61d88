# What agents of a cluster are told besides: who is not known may do nothing.
retry_join     = ["server-1", "server-2", "server-3"]
retry_interval = "1s"

acl {
  enabled                  = true
  default_policy           = "deny"
  enable_token_persistence = true # the agent's own token comes over the API, and is kept in the data directory
}
