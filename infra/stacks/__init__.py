"""The stacks: data (kept), pipeline (replaceable), query (what people read)."""
