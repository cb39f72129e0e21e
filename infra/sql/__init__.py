"""SQL people run: views (`*.sql`) and named queries (`named/*.sql`), and what their columns are (`catalog`)."""
