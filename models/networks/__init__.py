"""The recurrent networks: a frozen config and a module each."""
