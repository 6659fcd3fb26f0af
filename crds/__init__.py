"""The CustomResourceDefinitions of the four kinds, generated from the models."""
