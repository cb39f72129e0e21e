"""Pages and reports people read, rendered from the frozen report."""
