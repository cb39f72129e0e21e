-- The hierarchy of each month a lookback refreshed, as it was then: the rows its release holds as live. Lookbacks build
-- no networks (tier 5). Tiers 1 and 2 stand once per line of business; put lob and sub_version into every condition.
SELECT
    history.sub_version,
    node.lob,
    node.node_id,
    node.tier,
    node.name,
    node.parent_node_id,
    parent.name AS parent_name,
    node.state,
    node.plan_year,
    node.plan_type,
    node.valid_from,
    node.release_id
FROM release_month AS history
INNER JOIN hierarchy_node AS node
    ON node.lob = history.lob
    AND node.release_id = history.release_id
    AND node.valid_to IS NULL
LEFT JOIN hierarchy_node AS parent
    ON parent.lob = node.lob
    AND parent.release_id = node.release_id
    AND parent.node_id = node.parent_node_id
    AND parent.valid_to IS NULL
