-- The life of one benefits plan: its rows with the reason each ended, and what its publisher says followed: put any id in
-- it ever had. The names above it on a day are in v_hierarchy_history.
SELECT
    id.lob,
    id.id_system,
    id.id_value,
    node.name,
    node.valid_from,
    node.valid_to,
    node.end_reason,
    step.plan_year,
    step.status,
    step.area,
    step.to_plan_id,
    step.to_plan_name,
    node.run_id,
    node.node_id
FROM external_id AS id
INNER JOIN v_release AS release ON release.lob = id.lob AND release.release_id = id.release_id
INNER JOIN hierarchy_node AS node
    ON node.lob = id.lob AND node.release_id = id.release_id AND node.node_id = id.node_id
LEFT JOIN v_plan_crosswalk AS step ON step.lob = node.lob AND step.from_node_id = node.node_id
WHERE id.id_value = 'H1234-001' AND node.tier = 4
ORDER BY node.valid_from, step.plan_year, step.area, step.to_plan_id
