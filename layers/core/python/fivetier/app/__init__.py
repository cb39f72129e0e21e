"""Use cases of the pipeline: one function per step, over ports; knows the domain, knows no AWS."""
