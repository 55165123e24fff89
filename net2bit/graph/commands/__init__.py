"""net2bit's own words for doit: run (with --dry-run), why, status, clean, doctor."""
