-- The networks one benefits plan may be used in today: put the plan's id in, as v_plan_path shows it.
SELECT plan_id, plan_name, plan_year, network_name, network_tier, subsidiary_name, parent_name, network_node_id
FROM v_plan_network
WHERE plan_id = '11111NM0010001'
ORDER BY network_name, network_tier, network_node_id
