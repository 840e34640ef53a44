"""The version of textfn. It has no other home."""

VERSION = "0.2.0"
