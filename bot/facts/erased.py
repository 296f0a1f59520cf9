"""The word that is read wherever what told of a person was erased."""

ERASED = "erased"
