"""The version of textfn. Every other place reads it here."""

VERSION = "0.2.0"
