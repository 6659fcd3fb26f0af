"""The users' files: manifests, followed while they change, and the ConfigMaps and Secrets in them."""
