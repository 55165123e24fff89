"""Who made an artifact, from what and how: in-toto statements with SLSA provenance, signed with ed25519 in DSSE envelopes."""
