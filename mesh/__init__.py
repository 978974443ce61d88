"""The cockpit for one machine: start a mesh, call it, hurt it, watch it heal."""
