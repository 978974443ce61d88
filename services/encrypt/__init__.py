"""The encrypt service: seal a text under a key that a person types, and open it again."""
