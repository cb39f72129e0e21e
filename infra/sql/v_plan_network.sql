-- Which networks a benefits plan may be used in today: one row per plan, network and network tier, with the plan's path.
-- A plan without a network has no row here; v_plan_path counts its networks.
SELECT
    path.parent_name,
    path.subsidiary_name,
    path.lob,
    path.plan_node_id,
    path.plan_id_system,
    path.plan_id,
    path.plan_name,
    path.state,
    path.plan_year,
    bridge.network_node_id,
    network.name AS network_name,
    bridge.network_tier,
    bridge.valid_from,
    bridge.release_id
FROM plan_network AS bridge
INNER JOIN release ON release.lob = bridge.lob AND release.release_id = bridge.release_id
INNER JOIN v_plan_path AS path ON path.lob = bridge.lob AND path.plan_node_id = bridge.plan_node_id
LEFT JOIN hierarchy_node AS network
    ON network.lob = bridge.lob
    AND network.release_id = bridge.release_id
    AND network.node_id = bridge.network_node_id
    AND network.valid_from <= CURRENT_DATE
    AND (network.valid_to IS NULL OR CURRENT_DATE < network.valid_to)
WHERE bridge.valid_from <= CURRENT_DATE AND (bridge.valid_to IS NULL OR CURRENT_DATE < bridge.valid_to)
