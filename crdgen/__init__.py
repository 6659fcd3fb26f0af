"""Makes crds/ and docs/resources.md from the models. Used when building, never at run time."""
