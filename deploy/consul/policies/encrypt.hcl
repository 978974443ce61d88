# An instance registers, watches and withdraws its own entry. It asks for nobody else.
service "encrypt" {
  policy = "write"
}
