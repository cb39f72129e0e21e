-- What becomes of benefits plans when a plan year begins, as their publishers state it: one row per plan, successor and
-- place. from_plan_id is the id the plan had before that day, to_plan_id the one its successor has; a renewed plan that
-- was renumbered is one node with two ids. Of several rows the last in order speaks: the one none comes after.
-- Attributions do not follow an edge by themselves (R1.12).
WITH edge AS (
    SELECT
        step.lob,
        step.release_id,
        step.plan_year,
        step.status,
        step.area,
        step.zip_code,
        step.from_node_id,
        step.to_node_id,
        step.valid_from
    FROM plan_crosswalk AS step
    INNER JOIN release ON release.lob = step.lob AND release.release_id = step.release_id
),
turn AS (
    SELECT DISTINCT lob, release_id, from_node_id, valid_from FROM edge
),
plan_id AS (
    SELECT id.lob, id.release_id, id.node_id, id.id_system, id.id_value, id.valid_from
    FROM external_id AS id
    WHERE id.id_system NOT IN ('parent_name', 'legal_name', 'lob', 'network')
),
ranked_from AS (
    SELECT
        turn.lob,
        turn.from_node_id AS node_id,
        turn.valid_from,
        plan_id.id_value,
        LEAD(plan_id.valid_from) OVER (
            PARTITION BY turn.lob, turn.release_id, turn.from_node_id, turn.valid_from
            ORDER BY
                CASE WHEN plan_id.valid_from < turn.valid_from THEN 2 ELSE 1 END,
                plan_id.valid_from,
                plan_id.id_system DESC,
                plan_id.id_value DESC
        ) AS next_choice
    FROM turn
    INNER JOIN plan_id
        ON plan_id.lob = turn.lob AND plan_id.release_id = turn.release_id AND plan_id.node_id = turn.from_node_id
),
ranked_to AS (
    SELECT
        plan_id.lob,
        plan_id.release_id,
        plan_id.node_id,
        plan_id.id_value,
        LEAD(plan_id.valid_from) OVER (
            PARTITION BY plan_id.lob, plan_id.release_id, plan_id.node_id
            ORDER BY plan_id.valid_from, plan_id.id_system DESC, plan_id.id_value DESC
        ) AS next_choice
    FROM plan_id
),
ranked_name AS (
    SELECT
        node.lob,
        node.node_id,
        node.name,
        node.end_reason,
        LEAD(node.valid_from) OVER (PARTITION BY node.lob, node.node_id ORDER BY node.valid_from) AS next_choice
    FROM hierarchy_node AS node
    INNER JOIN release ON release.lob = node.lob AND release.release_id = node.release_id
    WHERE node.tier = 4
),
from_id AS (
    SELECT lob, node_id, valid_from, id_value FROM ranked_from WHERE next_choice IS NULL
),
to_id AS (
    SELECT lob, release_id, node_id, id_value FROM ranked_to WHERE next_choice IS NULL
),
named AS (
    SELECT lob, node_id, name, end_reason FROM ranked_name WHERE next_choice IS NULL
)
SELECT
    edge.lob,
    edge.plan_year,
    edge.from_node_id,
    from_id.id_value AS from_plan_id,
    from_name.name AS from_plan_name,
    from_name.end_reason AS from_end_reason,
    edge.status,
    edge.area,
    edge.zip_code,
    CASE WHEN edge.to_node_id <> '' THEN edge.to_node_id END AS to_node_id,
    to_id.id_value AS to_plan_id,
    to_name.name AS to_plan_name,
    edge.valid_from,
    edge.release_id
FROM edge
LEFT JOIN from_id
    ON from_id.lob = edge.lob AND from_id.node_id = edge.from_node_id AND from_id.valid_from = edge.valid_from
LEFT JOIN to_id ON to_id.lob = edge.lob AND to_id.release_id = edge.release_id AND to_id.node_id = edge.to_node_id
LEFT JOIN named AS from_name ON from_name.lob = edge.lob AND from_name.node_id = edge.from_node_id
LEFT JOIN named AS to_name ON to_name.lob = edge.lob AND to_name.node_id = edge.to_node_id
