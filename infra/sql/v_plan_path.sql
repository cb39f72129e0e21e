-- Every benefits plan that holds today, one row each, with the whole path above it: parent payer, subsidiary, line of
-- business, contract. A gap in the path stays a row with NULL. Contracts are no tier; a Medicare Advantage plan's id
-- begins with its contract.
--
-- plan_id is the id the line of business usually goes by, named in plan_id_system; a plan that has none of the usual
-- kind shows the next one it has. program is the contract's or, for Medicaid, the state's managed care program.
WITH live AS (
    SELECT
        node.node_id,
        node.tier,
        node.name,
        node.parent_node_id,
        node.lob,
        node.state,
        node.plan_year,
        node.plan_type,
        node.program,
        node.valid_from,
        node.release_id
    FROM hierarchy_node AS node
    INNER JOIN release ON release.lob = node.lob AND release.release_id = node.release_id
    WHERE node.valid_from <= CURRENT_DATE AND (node.valid_to IS NULL OR CURRENT_DATE < node.valid_to)
),
ranked_id AS (
    SELECT
        id.lob,
        id.release_id,
        id.node_id,
        id.id_system,
        id.id_value,
        ROW_NUMBER() OVER (
            PARTITION BY id.lob, id.release_id, id.node_id
            ORDER BY
                CASE id.id_system
                    WHEN 'cms_contract_pbp' THEN 1
                    WHEN 'hios14' THEN 2
                    WHEN 'medicaid_state_plan' THEN 3
                    WHEN 'state_program_plan' THEN 4
                    WHEN 'reported_plan' THEN 5
                    ELSE 6
                END,
                id.id_system,
                id.id_value
        ) AS choice
    FROM external_id AS id
    WHERE id.id_system NOT IN ('parent_name', 'legal_name', 'lob', 'network')
        AND id.valid_from <= CURRENT_DATE
        AND (id.valid_to IS NULL OR CURRENT_DATE < id.valid_to)
),
plan_id AS (
    SELECT lob, release_id, node_id, id_system, id_value
    FROM ranked_id
    WHERE choice = 1
),
network AS (
    SELECT bridge.lob, bridge.release_id, bridge.plan_node_id, COUNT(DISTINCT bridge.network_node_id) AS networks
    FROM plan_network AS bridge
    WHERE bridge.valid_from <= CURRENT_DATE AND (bridge.valid_to IS NULL OR CURRENT_DATE < bridge.valid_to)
    GROUP BY bridge.lob, bridge.release_id, bridge.plan_node_id
),
live_contract AS (
    SELECT contract.lob, contract.release_id, contract.contract_id, contract.program, contract.organization_type
    FROM contract
    WHERE contract.valid_from <= CURRENT_DATE AND (contract.valid_to IS NULL OR CURRENT_DATE < contract.valid_to)
)
SELECT
    parent.node_id AS parent_node_id,
    parent.name AS parent_name,
    subsidiary.node_id AS subsidiary_node_id,
    subsidiary.name AS subsidiary_name,
    line.node_id AS lob_node_id,
    line.name AS lob_name,
    plan.lob,
    live_contract.contract_id,
    CASE WHEN live_contract.program IS NULL THEN plan.program ELSE live_contract.program END AS program,
    live_contract.organization_type,
    plan.node_id AS plan_node_id,
    plan_id.id_system AS plan_id_system,
    plan_id.id_value AS plan_id,
    plan.name AS plan_name,
    plan.plan_type,
    plan.plan_year,
    plan.state,
    CAST(CASE WHEN network.networks IS NULL THEN 0 ELSE network.networks END AS INTEGER) AS networks,
    plan.valid_from,
    plan.release_id
FROM live AS plan
LEFT JOIN live AS line ON line.lob = plan.lob AND line.node_id = plan.parent_node_id
LEFT JOIN live AS subsidiary ON subsidiary.lob = plan.lob AND subsidiary.node_id = line.parent_node_id
LEFT JOIN live AS parent ON parent.lob = plan.lob AND parent.node_id = subsidiary.parent_node_id
LEFT JOIN plan_id
    ON plan_id.lob = plan.lob AND plan_id.release_id = plan.release_id AND plan_id.node_id = plan.node_id
LEFT JOIN network
    ON network.lob = plan.lob AND network.release_id = plan.release_id AND network.plan_node_id = plan.node_id
LEFT JOIN live_contract
    ON plan_id.id_system = 'cms_contract_pbp'
    AND live_contract.lob = plan.lob
    AND live_contract.release_id = plan.release_id
    AND live_contract.contract_id = SPLIT_PART(plan_id.id_value, '-', 1)
WHERE plan.tier = 4
