-- The whole hierarchy as it was, or will be, on one day: put the day in twice.
SELECT tier, tier_name, name, parent_name, lob, state, plan_year, plan_type, valid_from, valid_to, node_id
FROM v_hierarchy_history
WHERE DATE '2026-01-01' >= valid_from AND (valid_to IS NULL OR DATE '2026-01-01' < valid_to)
ORDER BY tier, name, node_id
