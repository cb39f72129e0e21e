-- Every benefits plan that holds today, one row each, with the whole path above it: parent payer, subsidiary, line of
-- business, contract. A gap in the path stays a row with NULL. Contracts are no tier; a Medicare Advantage plan's id
-- begins with its contract.
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
        node.valid_from,
        node.release_id
    FROM hierarchy_node AS node
    INNER JOIN release ON release.lob = node.lob AND release.release_id = node.release_id
    WHERE node.valid_from <= CURRENT_DATE AND (node.valid_to IS NULL OR CURRENT_DATE < node.valid_to)
),
plan_id AS (
    SELECT id.lob, id.release_id, id.node_id, MIN(id.id_value) AS plan_id
    FROM external_id AS id
    WHERE id.id_system = 'cms_contract_pbp'
        AND id.valid_from <= CURRENT_DATE
        AND (id.valid_to IS NULL OR CURRENT_DATE < id.valid_to)
    GROUP BY id.lob, id.release_id, id.node_id
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
    live_contract.program,
    live_contract.organization_type,
    plan.node_id AS plan_node_id,
    plan_id.plan_id,
    plan.name AS plan_name,
    plan.plan_type,
    plan.plan_year,
    plan.state,
    plan.valid_from,
    plan.release_id
FROM live AS plan
LEFT JOIN live AS line ON line.lob = plan.lob AND line.node_id = plan.parent_node_id
LEFT JOIN live AS subsidiary ON subsidiary.lob = plan.lob AND subsidiary.node_id = line.parent_node_id
LEFT JOIN live AS parent ON parent.lob = plan.lob AND parent.node_id = subsidiary.parent_node_id
LEFT JOIN plan_id
    ON plan_id.lob = plan.lob AND plan_id.release_id = plan.release_id AND plan_id.node_id = plan.node_id
LEFT JOIN live_contract
    ON live_contract.lob = plan.lob
    AND live_contract.release_id = plan.release_id
    AND live_contract.contract_id = SPLIT_PART(plan_id.plan_id, '-', 1)
WHERE plan.tier = 4
